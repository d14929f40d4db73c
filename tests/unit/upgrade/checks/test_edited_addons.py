"""kube-proxy and CoreDNS as people have changed them."""

from __future__ import annotations

from typing import Any

import pytest

from migrator.model.manifest import Manifest
from tests.support.facts import findings

PROXY: dict[str, Any] = {
    "containers": [
        {
            "command": [
                "/usr/local/bin/kube-proxy",
                "--config=/var/lib/kube-proxy/config.conf",
                "--hostname-override=$(NODE_NAME)",
            ],
            "env": [{"name": "NODE_NAME"}],
        }
    ],
    "volumes": [{"name": "kube-proxy"}, {"name": "xtables-lock"}, {"name": "lib-modules"}],
    "tolerations": [{"operator": "Exists"}],
    "nodeSelector": {"kubernetes.io/os": "linux"},
}
DNS: dict[str, Any] = {
    "containers": [
        {
            "args": ["-conf", "/etc/coredns/Corefile"],
            "resources": {"limits": {"memory": "170Mi"}, "requests": {"cpu": "0.1", "memory": "70Mi"}},
        }
    ],
    "volumes": [{"name": "config-volume"}],
    "tolerations": [
        {"key": "CriticalAddonsOnly", "operator": "Exists"},
        {"key": "node-role.kubernetes.io/control-plane", "effect": "NoSchedule"},
    ],
    "nodeSelector": {"kubernetes.io/os": "linux"},
}


def addon(name: str, spec: dict[str, Any], *, namespace: str = "kube-system") -> Manifest:
    """Return an add-on's object."""
    kind = "DaemonSet" if name == "kube-proxy" else "Deployment"
    return {
        "apiVersion": "apps/v1",
        "kind": kind,
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"replicas": 2, "selector": {}, "template": {"spec": spec}},
    }


def first(spec: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Return a spec with more in its first container."""
    return {**spec, "containers": [{**spec["containers"][0], **more}, *spec["containers"][1:]]}


@pytest.mark.parametrize(
    ("name", "spec", "words"),
    [
        ("kube-proxy", PROXY, ""),
        ("coredns", DNS, ""),
        ("kube-proxy", first(PROXY, args=["--masquerade-all=true"]), "argument --masquerade-all would be lost"),
        ("kube-proxy", first(PROXY, env=[{"name": "NODE_NAME"}, {"name": "GOGC"}]), "variable GOGC"),
        ("kube-proxy", first(PROXY, resources={"limits": {"memory": "64Mi"}}), "limits of memory 64Mi"),
        ("kube-proxy", {**PROXY, "nodeSelector": {"kubernetes.io/os": "linux", "proxy": "yes"}}, "node selector proxy"),
        ("coredns", first(DNS, resources={"limits": {"memory": "512Mi"}}), "limits of memory 512Mi"),
        ("coredns", {**DNS, "tolerations": [*DNS["tolerations"], {"key": "arm", "operator": "Exists"}]}, "toleration of arm"),
        ("coredns", {**DNS, "tolerations": [{"operator": "Exists"}]}, "toleration of everything"),
        ("coredns", {**DNS, "topologySpreadConstraints": [{}, {}]}, "topologySpreadConstraints"),
        ("coredns", {**DNS, "volumes": [*DNS["volumes"], {"name": "zones"}]}, "volume zones"),
        ("coredns", {**DNS, "containers": [*DNS["containers"], {"name": "log"}]}, "container log"),
    ],
)
def test_what_kubeadm_writes_over_is_named(name: str, spec: dict[str, Any], words: str) -> None:
    """A limit of memory that a large cluster needs is put back to 170Mi (kubeadm#3033)."""
    kind = "daemon_sets" if name == "kube-proxy" else "deployments"
    items = findings("addons", **{kind: (addon(name, spec),)})
    assert [item.severity.value for item in items] == (["warning"] if words else [])
    assert all(words in item.reason and "--patches" in item.hint for item in items)


def test_what_no_upgrade_writes_is_let_be() -> None:
    """An add-on of somebody else's, one with a patch, and an object of another namespace."""
    changed = addon("coredns", first(DNS, args=["-dns.port=1053"]))
    assert len(findings("addons", deployments=(changed,))) == 1
    assert findings("addons", deployments=(changed,), patches=frozenset({"corednsdeployment0+strategic.yaml"})) == []
    elsewhere = addon("coredns", first(DNS, args=["-dns.port=1053"]), namespace="edge")
    assert findings("addons", deployments=(elsewhere,)) == []
    assert all(
        "changed by hand" not in item.reason
        for item in findings("addons", deployments=(changed,), missing_addons=frozenset({"coredns"}))
    )


def test_settings_that_the_next_kube_proxy_refuses_are_found() -> None:
    """They were edited since its pods started; one that is not kubeadm's is left alone."""
    (found,) = findings("addons", proxy_config={"mode": "userspace"})
    assert (found.severity.value, found.subject, "mode: userspace" in found.reason) == ("failure", "kube-proxy", True)
    others = findings("addons", proxy_config={"mode": "userspace"}, missing_addons=frozenset({"kube-proxy"}))
    assert [item.severity.value for item in others] == ["warning"]


def test_a_mode_that_goes_away_is_told_while_it_is_still_there() -> None:
    """It works in 1.37, and kubeadm warns of it as well (kubeadm#3309)."""
    assert [item.severity.value for item in findings("addons", proxy_config={"mode": "ipvs"})] == ["warning"]
    assert findings("addons", proxy_config={"mode": "nftables"}) == []
