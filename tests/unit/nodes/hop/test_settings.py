"""Settings that kubeadm has overwritten in a hop."""

from __future__ import annotations

import json
from typing import Any

from migrator.nodes.hop.settings import changed_settings, settings_before, settings_now
from tests.support.hosts import FakeHost

API_SERVER = (
    "spec:\n  containers:\n  - command: [kube-apiserver, --audit-log-path=/var/log/audit, --v=2]\n    image: x:{}\nkind: Pod\n"
)


def test_settings_that_kubeadm_has_dropped_are_told_and_images_are_not() -> None:
    """A flag of the API server, a setting of the kubelet."""
    host = FakeHost("cp")
    host.answers = {
        "tar -xzOf /var/lib/migrator/snapshots/hop/settings.tar.gz var/lib/kubelet": "maxPods: 40\n",
        "tar -xzOf /var/lib/migrator/snapshots/hop/settings.tar.gz etc/kubernetes/manifests/kube-apiserver": API_SERVER.format(1),
        "cat /var/lib/kubelet/config.yaml": "maxPods: 110\n",
        "cat /etc/kubernetes/manifests/kube-apiserver.yaml": API_SERVER.format(2).replace(" --audit-log-path=/var/log/audit,", ""),
    }
    for part in ("etcd", "kube-controller-manager", "kube-scheduler"):
        host.accepts(f"cat /etc/kubernetes/manifests/{part}.yaml", f"settings.tar.gz etc/kubernetes/manifests/{part}.yaml")
    host.accepts("cat /var/lib/migrator/snapshots/hop/addons.json")
    found = {
        item.path: (item.live, item.wanted)
        for item in changed_settings(settings_before(host, "hop"), settings_now(host, addons=False))
    }
    assert found == {"kubelet.maxPods": (40, 110), "kube-apiserver.flags.--audit-log-path": ("/var/log/audit", "(absent)")}


def addons(replicas: int, corefile: str, mode: str) -> str:
    """Return what kubectl prints of CoreDNS and kube-proxy."""
    items: list[dict[str, Any]] = [
        {
            "kind": "Deployment",
            "metadata": {"name": "coredns"},
            "spec": {"replicas": replicas, "template": {"spec": {"containers": [{"image": f"coredns:{replicas}"}]}}},
        },
        {"kind": "ConfigMap", "metadata": {"name": "coredns"}, "data": {"Corefile": corefile}},
        {"kind": "ConfigMap", "metadata": {"name": "kube-proxy"}, "data": {"config.conf": f"mode: {mode}\n"}},
    ]
    return json.dumps({"kind": "List", "items": items})


def test_changes_of_coredns_and_kube_proxy_are_told() -> None:
    """Replicas, lines of the Corefile, the proxy's mode (kubeadm#3033, kubernetes#96833)."""
    host = FakeHost("cp")
    host.answers = {
        "cat /var/lib/migrator/snapshots/hop/addons.json": addons(3, ".:53 {\n  log\n}", "ipvs"),
        "kubectl --kubeconfig=/etc/kubernetes/admin.conf": addons(2, ".:53 {\n}", "ipvs"),
        "tar -xzOf": "",
        "cat /": "",
    }
    found = {
        item.path: (item.live, item.wanted)
        for item in changed_settings(settings_before(host, "hop"), settings_now(host, addons=True))
    }
    assert found.pop("coredns.replicas") == (3, 2)
    assert found
    assert all(path.startswith("coredns.Corefile") for path in found)


def test_nothing_is_said_where_nothing_changed() -> None:
    """Only the image is another one."""
    host = FakeHost("cp")
    host.answers = {
        "tar -xzOf /var/lib/migrator/snapshots/hop/settings.tar.gz etc/kubernetes/manifests/kube-apiserver": API_SERVER.format(1),
        "cat /etc/kubernetes/manifests/kube-apiserver.yaml": API_SERVER.format(2),
        "tar -xzOf": "",
        "cat /": "",
    }
    before, after = settings_before(host, "hop"), settings_now(host, addons=False)
    assert before["kube-apiserver"]["flags"] == {"--audit-log-path": "/var/log/audit", "--v": "2"}
    assert changed_settings(before, after) == []


def test_values_of_the_environment_and_passwords_in_addresses_are_not_told() -> None:
    """What has changed is recorded, and proxies have passwords."""
    before = {"etcd": {"env": {"HTTPS_PROXY": "a"}, "flags": {"--x": "http://u:hunter2@proxy:80/"}}}
    after = {"etcd": {"env": {"HTTPS_PROXY": "hunter2"}, "flags": {}}}
    found = {item.path: (item.live, item.wanted) for item in changed_settings(before, after)}
    assert found == {
        "etcd.env.HTTPS_PROXY": ("(hidden)", "(hidden)"),
        "etcd.flags.--x": ("http://(hidden)@proxy:80/", "(absent)"),
    }
