"""What kubeadm and the kubelet do in a hop, one action each."""

from __future__ import annotations

import json
import shlex
from typing import Any

import pytest

from migrator.errors import CommandFailedError, MigratorError
from migrator.nodes.hop.kubeadm import (
    ControlPlaneUpgraded,
    ImagesPulled,
    KubeletRestarted,
    NodeSettingsUpgraded,
    Patches,
    forget_marks,
    kubeadm_images,
)
from migrator.nodes.spec import ClusterSpec
from tests.support.hosts import FakeHost
from tests.support.nodes import STAGED, WORKER, spec

CLUSTER: ClusterSpec = spec()
MARK = "/var/lib/migrator/upgraded-control-plane"
IMAGES = "r/kube-apiserver:v1.37.2\nr/kube-proxy:v1.37.2\nr/coredns/coredns:v1.14.1\nr/pause:3.10\nr/etcd:3.6.5-0\n"


def test_an_image_that_cannot_be_pulled_is_named() -> None:
    """Nothing was drained when it is found; a worker pulls only what runs on it."""
    host = FakeHost("w1")
    host.answers["images list"] = "r/kube-apiserver:v1.37.2\nr/kube-proxy:v1.37.2\nr/pause:3.10\n"
    host.answers["crictl inspecti"] = lambda command: "r/kube-proxy:v1.37.2\n" if "kube-apiserver" not in command else "wrong"
    host.fails("crictl pull", "connection refused")
    with pytest.raises(MigratorError, match=r"w1: image r/kube-proxy:v1\.37\.2 cannot be pulled: connection refused") as caught:
        ImagesPulled(STAGED, CLUSTER, "worker").run(host)
    assert "nothing was drained" in caught.value.hint


@pytest.mark.parametrize(
    ("role", "wanted"),
    [
        ("worker", ["r/kube-proxy:v1.37.2", "r/coredns/coredns:v1.14.1", "r/pause:3.10"]),
        ("control-plane", IMAGES.split()),
    ],
)
def test_a_node_pulls_what_runs_on_it(role: str, wanted: list[str]) -> None:
    """A worker needs no control plane's images; what CRI-O has already is not pulled."""
    host = FakeHost("w1", accepts=["crictl pull"])
    host.answers["images list"] = IMAGES
    host.answers["crictl inspecti"] = lambda command: "\n".join(image for image in IMAGES.split() if f"echo {image}" in command)
    ImagesPulled(STAGED, CLUSTER, role).run(host)
    pulled = {command.removeprefix("crictl pull ") for command in host.commands if "crictl pull" in command}
    assert pulled == set(wanted), "in any order, as two are pulled at a time"
    host.answers["crictl inspecti"] = ""
    assert ImagesPulled(STAGED, CLUSTER, role).done(host)


def test_the_images_are_asked_for_from_the_cluster_s_registry() -> None:
    """Without one, kubeadm's default is left to it."""
    host = FakeHost("cp")
    host.answers["config images list"] = "a\nb\n"
    assert kubeadm_images(host, STAGED, spec(image_repository="registry.example")) == ["a", "b"]
    assert "--image-repository=registry.example" in host.commands[-1]
    kubeadm_images(host, STAGED, CLUSTER)
    assert "--image-repository" not in host.commands[-1]


def test_a_registry_is_one_word_of_the_shell() -> None:
    """It comes from a stack's file, and the command runs as root."""
    host = FakeHost("cp")
    host.answers["config images list"] = "a\n"
    kubeadm_images(host, STAGED, spec(image_repository="r; reboot"))
    assert "--image-repository=r; reboot" in shlex.split(host.commands[-1])


def kubeadm_host(*, patches: bool) -> FakeHost:
    """Return a host on which kubeadm ends well."""
    host = FakeHost("cp", accepts=["systemd-run", "cat /var/log/migrator/", "grep -q ':v1.37.2$'"])
    if patches:
        host.accepts("test -d /etc/kubernetes/migrator-patches")
    else:
        host.fails("test -d /etc/kubernetes/migrator-patches")
    host.answers["cat /var/lib/migrator/upgraded-"] = lambda command: host.files.get(command.split()[1], "")
    host.fails("test -e /etc/kubernetes/admin.conf")
    return host


@pytest.mark.parametrize(("first", "words"), [(True, "kubeadm upgrade apply v1.37.2 --yes"), (False, "kubeadm upgrade node")])
def test_the_first_control_plane_applies_and_the_others_follow(first: bool, words: str) -> None:  # noqa: FBT001
    """With the checks that the stack ignores, and the patches where there are some; then it is marked as done."""
    action = ControlPlaneUpgraded(STAGED, spec(ignore_preflight_errors=("Swap", "Mem")), first=first, say=lambda _: None)
    host = kubeadm_host(patches=True)
    assert not action.done(host)
    action.run(host)
    started = next(command for command in host.commands if "systemd-run" in command)
    assert words in started
    assert "--ignore-preflight-errors=Swap,Mem --patches=/etc/kubernetes/migrator-patches" in started
    assert "--unit=migrator-control-plane-1.37.2" in started
    assert action.done(host)
    host.fails("grep -q ':v1.37.2$'")
    assert not action.done(host), "the manifests were put back since"


def test_an_add_on_that_is_not_kubeadm_s_is_left_as_it_is() -> None:
    """Kubeadm would bring its own beside another service proxy (kubernetes#129415), and refuse a CoreDNS that it does not know."""
    host = kubeadm_host(patches=False)
    host.accepts("test -e /etc/kubernetes/admin.conf")
    del host.answers["test -e /etc/kubernetes/admin.conf"]
    host.answers["deployment/coredns daemonset/kube-proxy"] = ""
    ControlPlaneUpgraded(STAGED, spec(ignore_preflight_errors=("Swap",)), first=True, say=lambda _: None).run(host)
    started = next(command for command in host.commands if "systemd-run" in command)
    assert "--skip-phases=addon/coredns,addon/kube-proxy" in started
    assert "--ignore-preflight-errors=Swap,CoreDNSUnsupportedPlugins,CoreDNSMigration" in started


def test_a_kubeadm_that_still_runs_is_joined_without_asking_anybody() -> None:
    """The API server may be away while it is at work."""
    host = kubeadm_host(patches=False)
    host.answers = {"systemctl show -p ActiveState": "ActiveState=active\nSubState=running\nExecMainStatus=0\n", **host.answers}
    host.answers["cat /var/log/migrator/"] = CommandFailedError("cat", 1, "joined")
    with pytest.raises(MigratorError):
        ControlPlaneUpgraded(STAGED, CLUSTER, first=True, say=lambda _: None).run(host)
    assert not any("kubectl" in command or "admin.conf" in command for command in host.commands)


def test_a_worker_s_settings_have_a_unit_and_a_mark_of_their_own() -> None:
    """Neither is that of a control plane; without patches no folder is named."""
    action = NodeSettingsUpgraded(STAGED, CLUSTER, lambda _: None)
    host = kubeadm_host(patches=False)
    assert not action.done(host)
    action.run(host)
    started = next(command for command in host.commands if "systemd-run" in command)
    assert "--unit=migrator-node-1.37.2" in started
    assert "--patches" not in started
    assert action.done(host)
    assert MARK not in host.files


def test_a_node_that_was_taken_back_is_marked_no_longer() -> None:
    """All marks go; the next hop runs kubeadm again."""
    host = FakeHost("cp", accepts=["rm -f"])
    forget_marks(host)
    assert host.commands == [
        " ".join(
            [
                "rm -f",
                *(f"/var/lib/migrator/upgraded-{name}" for name in ("emulating", "made-of", "control-plane", "node-settings")),
            ]
        )
    ]


def test_kubeadm_s_own_words_come_with_what_can_be_done() -> None:
    """Which check failed, and that both ways are open; no mark says that it was done."""
    host = FakeHost("cp", accepts=["test -d /etc/kubernetes/migrator-patches"])
    host.fails("test -e /etc/kubernetes/admin.conf")
    host.fails("systemd-run", "[ERROR CreateJob]: job did not end\nerror: error execution phase preflight: preflight checks failed")
    with pytest.raises(MigratorError, match=r"preflight checks failed \[ERROR CreateJob\]") as caught:
        ControlPlaneUpgraded(STAGED, CLUSTER, first=True, say=lambda _: None).run(host)
    assert "resume" in caught.value.hint
    assert "rollback" in caught.value.hint
    assert not host.files


# As reported for 1.31.2 (kubernetes#122303).
SLOW_JOB = """error: error execution phase preflight: [preflight] Some fatal errors occurred:
\t[ERROR CreateJob]: Job "upgrade-health-check-4qjpt" in the namespace "kube-system" did not complete in 15s: no condition of type Complete
[preflight] If you know what you are doing, you can make a check non-fatal with `--ignore-preflight-errors=...`
To see the stack trace of this error execute with --v=5 or higher"""
READING = "error: unable to fetch the kubeadm-config ConfigMap: the server was unable to return a response in the time allotted"
RESTORED = (
    "error: couldn't upgrade control plane. kubeadm has tried to recover everything into the earlier state. Errors faced: "
    "static Pod hash for component etcd did not change: context deadline exceeded"
)


@pytest.mark.parametrize(
    ("said", "runs"),
    [
        (READING, 2),
        ("error: error execution phase addon/coredns: etcdserver: leader changed", 2),
        ('error: Get "https://10.0.0.1:6443/api": net/http: request canceled (Client.Timeout exceeded)', 2),
        (SLOW_JOB, 2),
        (RESTORED, 1),
        # What is said on the way, and was got over, is no reason.
        ("etcd-client: retrying: context deadline exceeded\nerror: error execution phase preflight: [ERROR CreateJob]", 1),
    ],
)
def test_kubeadm_is_run_once_more_where_an_api_server_was_busy(said: str, runs: int) -> None:
    """Seen with three control planes on a busy machine; what kubeadm has put back would fail again, and take minutes."""
    host = kubeadm_host(patches=False)
    host.fails("systemd-run", said)
    action = ControlPlaneUpgraded(STAGED, CLUSTER, first=False, say=lambda _: None)
    with pytest.raises(MigratorError, match="kubeadm upgrade node failed"):
        action.run(host)
    assert sum("systemd-run" in command for command in host.commands) == runs
    assert not action.done(host)


def node_object(version: str, ready: str) -> str:
    """Return a node as kubectl prints it."""
    status: dict[str, Any] = {"conditions": [{"type": "Ready", "status": ready}], "nodeInfo": {"kubeletVersion": version}}
    return json.dumps({"metadata": {"name": "green-2"}, "status": status})


@pytest.mark.parametrize(
    ("found", "done"),
    [
        (node_object("v1.37.2", "True"), True),
        (node_object("v1.37.2", "False"), False),
        (node_object("v1.36.3", "True"), False),
        (json.dumps({"metadata": {"name": "green-2"}}), False),
        ("", False),
    ],
)
def test_a_kubelet_is_there_when_the_cluster_says_so(found: str, done: bool) -> None:  # noqa: FBT001
    """Ready, and of this version."""
    plane = FakeHost("green-1")
    plane.answers["get node green-2"] = found
    assert KubeletRestarted(WORKER, "1.37.2", plane).done(FakeHost("green-2")) is done


def restarting(crashes: int) -> FakeHost:
    """Return a host whose kubelet has crashed this many times."""
    host = FakeHost("green-2", accepts=["systemctl daemon-reload"])
    host.answers = {"NRestarts": f"{crashes}\n", "journalctl -u kubelet": "failed to load kubelet config"}
    return host


@pytest.mark.parametrize(("crashes", "waited"), [(0, 240.0), (3, 0.0)])
def test_a_kubelet_that_does_not_come_up_is_told_with_its_words(crashes: int, waited: float) -> None:
    """After four minutes, or at once when it crashes over and over."""
    host, plane = restarting(crashes), FakeHost("green-1")
    plane.answers["get node green-2"] = node_object("v1.36.3", "True")
    with pytest.raises(MigratorError, match="does not come up: failed to load kubelet config") as caught:
        KubeletRestarted(WORKER, "1.37.2", plane).run(host)
    assert "journalctl -u kubelet" in caught.value.hint
    assert host.clock.monotonic() == pytest.approx(waited, abs=1.0)


def test_a_restarted_kubelet_is_waited_for() -> None:
    """The run goes on as soon as the cluster sees it."""
    host, plane = restarting(0), FakeHost("green-1")
    plane.answers["get node green-2"] = lambda _: node_object("v1.37.2" if host.clock.monotonic() > 20 else "v1.36.3", "True")
    KubeletRestarted(WORKER, "1.37.2", plane).run(host)
    assert 20 < host.clock.monotonic() < 22
    assert sum("systemctl start kubelet" in command for command in host.commands) == 1


def test_patches_are_brought_as_they_are() -> None:
    """Other files go: what is there is what the person's folder has."""
    host = FakeHost("cp", accepts=["rm -rf /etc/kubernetes/migrator-patches"])
    patches = Patches((("etcd0+merge.yaml", b"a: 1\n"),))
    patches.run(host)
    assert host.files["/etc/kubernetes/migrator-patches/etcd0+merge.yaml"] == "a: 1\n"
    host.answers["ls /etc/kubernetes/migrator-patches"] = "etcd0+merge.yaml\n"
    assert patches.done(host)
    host.answers["ls /etc/kubernetes/migrator-patches"] = "etcd0+merge.yaml\nold.yaml\n"
    assert not patches.done(host)


def test_patches_of_other_content_are_not_there() -> None:
    """Names alone do not tell; a file that cannot be read is an error."""
    host, patches = FakeHost("cp"), Patches((("etcd0+merge.yaml", b"a: 1\n"),))
    host.answers["ls /etc/kubernetes/migrator-patches"] = "etcd0+merge.yaml\n"
    host.files["/etc/kubernetes/migrator-patches/etcd0+merge.yaml"] = "a: 2\n"
    assert not patches.done(host)
    host.files.clear()
    with pytest.raises(CommandFailedError):
        patches.done(host)
