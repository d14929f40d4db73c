"""kubeadm's runs: begun, broken, gone on with, refused."""

from __future__ import annotations

import functools
import json
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from migrator.errors import BlockedError, CommandFailedError, MigratorError
from migrator.model.host import HostFacts
from migrator.nodes.control_plane import ask
from migrator.nodes.examine import judge, twins
from migrator.nodes.kubeadm import Init, Join, KubeletSettings
from migrator.nodes.mark import Mark, write_mark
from migrator.nodes.membership import LabelsAndTaints
from migrator.nodes.spec import NodeSpec
from migrator.testbed.planes.certs import make_authority
from tests.support.hosts import FakeHost
from tests.support.nodes import FIRST, WORKER, spec

MARK = "/var/lib/migrator/node.json"
CONFIG = "/etc/kubernetes/migrator-kubeadm.yaml"
TOKEN = "abcdef.0123456789abcdef"


def plane() -> FakeHost:
    """Return a control plane that hands out a token."""
    host = FakeHost("green-1")
    host.answers = {"token create": f"{TOKEN}\n", "cat /etc/kubernetes/pki/ca.crt": certificate()}
    host.accepts("get node green-2", "wait --for=create node/green-2", "delete node green-2")
    return host


@functools.cache
def certificate() -> str:
    """Return an authority's certificate."""
    with tempfile.TemporaryDirectory() as folder:
        return make_authority(Path(folder)).path.read_text()


def empty(name: str = "green-2") -> FakeHost:
    """Return a host without Kubernetes, on which kubeadm ends well."""
    host = FakeHost(name, accepts=(f"cat {MARK}", "kubeadm init", "kubeadm join", "kubeadm reset", "systemctl stop kubelet"))
    host.fails("test -e /etc/kubernetes/kubelet.conf")
    host.fails("test -s /etc/kubernetes/kubelet.conf")
    return host


def test_a_join_token_is_never_in_a_command_and_its_file_is_private() -> None:
    """It goes through a file of mode 0600 that is removed when kubeadm ends."""
    host, control_plane_host = empty(), plane()
    Join(WORKER, spec(), control_plane_host).run(host)
    assert not any(TOKEN in command for command in (*host.commands, *control_plane_host.commands))
    assert host.modes[CONFIG] == 0o600
    document = yaml.safe_load(host.files[CONFIG])
    assert document["discovery"]["bootstrapToken"]["token"] == TOKEN
    assert document["nodeRegistration"]["taints"] == [{"key": "night", "value": "yes", "effect": "NoSchedule"}]
    run = next(command for command in host.commands if "kubeadm join" in command)
    assert run.startswith(f"trap 'rm -f {CONFIG}' EXIT")
    assert "--ttl 15m" in next(command for command in control_plane_host.commands if "token create" in command)


def test_a_token_that_expired_during_join_is_one_line_and_the_next_run_takes_a_new_one() -> None:
    """What broke is reset before it is tried again; the message has no token in it."""
    host, control_plane_host = empty(), plane()
    host.fails(
        "kubeadm join",
        f"error: could not find a JWS signature for token ID abcdef\nusing token {TOKEN}\nerror execution phase preflight",
    )
    with pytest.raises(MigratorError) as caught:
        Join(WORKER, spec(), control_plane_host).run(host)
    assert TOKEN not in caught.value.message
    assert "run this again" in caught.value.hint
    assert json.loads(host.files[MARK])["state"] == "started"
    del host.answers["kubeadm join"]
    Join(WORKER, spec(), control_plane_host).run(host)
    assert any("kubeadm reset" in command for command in host.commands)
    assert sum("token create" in command for command in control_plane_host.commands) == 2
    assert json.loads(host.files[MARK]) == {"cluster": "migrator/green", "state": "complete"}


def test_a_node_is_not_begun_anew_because_nobody_could_be_asked() -> None:
    """A cluster that has forgotten the node says so; one that is away says nothing."""
    host, control_plane_host = FakeHost("green-2", accepts=["test -s /etc/kubernetes/kubelet.conf"]), plane()
    write_mark(host, Mark("migrator/green", "complete"))
    assert not Join(WORKER, spec(), control_plane_host).done(host)
    control_plane_host.fails("get node green-2", "dial tcp 10.0.0.1:6443: connect: connection refused")
    with pytest.raises(CommandFailedError):
        Join(WORKER, spec(), control_plane_host).done(host)


def test_init_announces_before_it_acts() -> None:
    """Killed in the middle, the host says what was under way."""
    host = empty("green-1")
    host.fails("kubeadm init")
    with pytest.raises(MigratorError):
        Init(FIRST, spec()).run(host)
    assert json.loads(host.files[MARK]) == {"cluster": "migrator/green", "state": "started"}


def test_a_control_plane_that_was_complete_is_never_reset() -> None:
    """Its etcd may be all that is left of a cluster."""
    host = FakeHost(accepts=["test -s /etc/kubernetes/kubelet.conf"])
    write_mark(host, Mark("migrator/green", "complete"))
    with pytest.raises(BlockedError, match="left as it is"):
        Init(FIRST, spec()).run(host)
    assert not any("kubeadm reset" in command for command in host.commands)


def test_hosts_of_other_clusters_are_refused() -> None:
    """With our mark of another stack, and without any mark."""
    marked = FakeHost()
    write_mark(marked, Mark("migrator/blue", "complete"))
    with pytest.raises(BlockedError, match="part of cluster migrator/blue"):
        Init(FIRST, spec()).run(marked)
    with pytest.raises(BlockedError, match="not made here"):
        Init(FIRST, spec()).run(FakeHost(accepts=[f"cat {MARK}", "test -e /etc/kubernetes/kubelet.conf"]))


def test_another_machine_of_the_same_name_is_not_pushed_out() -> None:
    """A node of that name that is another machine stays in the cluster."""
    host, control_plane_host = empty(), plane()
    host.answers["cat /etc/machine-id"] = "this-machine"
    status = {"nodeInfo": {"machineID": "other-machine"}, "addresses": [{"type": "InternalIP", "address": "10.0.0.99"}]}
    control_plane_host.answers["get node green-2"] = json.dumps({"metadata": {"name": "green-2"}, "status": status})
    with pytest.raises(BlockedError, match="another machine"):
        Join(WORKER, spec(), control_plane_host).run(host)
    assert not any("delete node" in command for command in control_plane_host.commands)


def test_init_passes_the_stack_s_settings_on() -> None:
    """Ranges, endpoint and a person's own settings reach kubeadm; no bootstrap token is left over."""
    host = empty("green-1")
    wanted = spec(
        kubeadm={"apiServer": {"extraArgs": [{"name": "v", "value": "4"}]}},
        kubelet={"maxPods": 50},
        ignore_preflight_errors=("Swap",),
    )
    Init(FIRST, wanted).run(host)
    documents = {item["kind"]: item for item in yaml.safe_load_all(host.files[CONFIG])}
    assert documents["ClusterConfiguration"]["networking"] == {"podSubnet": "10.244.0.0/16", "serviceSubnet": "10.96.0.0/12"}
    assert documents["ClusterConfiguration"]["apiServer"]["extraArgs"][0]["name"] == "v"
    assert documents["KubeletConfiguration"]["maxPods"] == 50
    assert documents["InitConfiguration"]["bootstrapTokens"] == []
    assert any("--ignore-preflight-errors=Swap" in command for command in host.commands)


GOOD_BOARD = HostFacts(
    architecture="aarch64", hostname="a", machine_id="1", memory=4000, disk=20000, cgroup=2,
    pacman=True, systemd=True, overlay=True, br_netfilter=True, ports=frozenset({22}),
)  # fmt: skip


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"architecture": "riscv64"}, "none we have packages for"),
        ({"memory": 900}, "MiB of memory"),
        ({"disk": 100}, "free below /var/lib"),
        ({"cgroup": 1}, "cgroup v1"),
        ({"ports": frozenset({22, 6443, 10250})}, "port 6443, 10250"),
        ({"pacman": False}, "no pacman"),
        ({"systemd": False}, "systemd"),
        ({"overlay": False}, "overlay"),
        ({"br_netfilter": False}, "br_netfilter"),
    ],
)
def test_each_preflight_row_has_a_finding_with_its_cure(change: dict[str, Any], words: str) -> None:
    """A good board has none."""
    assert list(judge(GOOD_BOARD, FIRST, spec())) == []
    (found,) = judge(replace(GOOD_BOARD, **change), FIRST, spec())
    assert words in found.reason
    assert found.cure


def test_a_clock_that_is_off_is_found() -> None:
    """Certificates and leases would fail."""
    (found,) = judge(replace(GOOD_BOARD, skew=-90.0), FIRST, spec())
    assert "-90 s off" in found.reason


def test_copied_disks_are_found() -> None:
    """Two hosts with one machine-id, or one name."""
    found = twins({"a": GOOD_BOARD, "b": replace(GOOD_BOARD, hostname="b"), "c": replace(GOOD_BOARD, machine_id="3")})
    assert [(item.subject, item.reason) for item in found] == [
        ("b", "has the same machine-id as a"),
        ("c", "has the same hostname as a"),
    ]


def test_labels_and_taints_of_an_earlier_stack_are_taken_away_and_a_person_s_own_stay() -> None:
    """Only what the stack itself had set goes."""
    node = {
        "metadata": {
            "name": "green-2",
            "labels": {"old": "1", "mine": "1"},
            "annotations": {"migrator/labels": "old", "migrator/taints": "old=1:NoSchedule"},
        },
        "spec": {"taints": [{"key": "old", "value": "1", "effect": "NoSchedule"}, {"key": "mine", "effect": "NoSchedule"}]},
    }
    control_plane_host = FakeHost(accepts=["label --overwrite", "taint --overwrite", "annotate --overwrite"])
    control_plane_host.answers["get node green-2"] = json.dumps(node)
    wanted = NodeSpec("green-2", "10.0.0.2", "worker", labels={"new": "2"}, taints=())
    LabelsAndTaints(wanted, control_plane_host).run(FakeHost("green-2"))
    done = " ; ".join(control_plane_host.commands)
    assert "label --overwrite node green-2 new=2 old-" in done
    assert "taint --overwrite node green-2 old=1:NoSchedule-" in done
    assert "mine" not in done


def test_a_control_plane_that_takes_a_breath_is_asked_again() -> None:
    """Etcd elects a leader when a member joins, an API server that starts forbids everything; what will not pass is said at once."""
    young = 'Error from server (Forbidden): nodes is forbidden: User "kubernetes-admin" cannot list resource "nodes"'
    late = "Error from server: etcdserver: leader changed"
    given: list[str | Exception] = [*(CommandFailedError("kubectl", 1, text) for text in (late, young)), "fine"]
    answers = iter(given)

    def answer(_: str) -> str:
        found = next(answers)
        if isinstance(found, Exception):
            raise found
        return found

    host = FakeHost()
    host.answers["get nodes"] = answer
    assert ask(host, "kubectl get nodes") == "fine"
    host.fails("get pods", "Error from server (Forbidden)")
    with pytest.raises(CommandFailedError):
        ask(host, "kubectl get pods")
    assert sum("get pods" in command for command in host.commands) == 1


@pytest.mark.parametrize(
    ("told", "wanted", "done"),
    [
        ("maxPods: 50\n", {"maxPods": 50}, True),
        ("maxPods: 110\n", {"maxPods": 50}, False),
        ("runtimeRequestTimeout: 15m0s\n", {"runtimeRequestTimeout": "15m"}, True),
        ("runtimeRequestTimeout: 1h30m0s\n", {"runtimeRequestTimeout": "90m"}, True),
        ("runtimeRequestTimeout: 2m0s\n", {"runtimeRequestTimeout": "15m"}, False),
        ("clusterDomain: 15m\n", {"clusterDomain": "15 minutes"}, False),
    ],
)
def test_kubelet_settings_are_the_same_however_a_duration_is_written(told: str, wanted: dict[str, Any], done: bool) -> None:  # noqa: FBT001
    """Kubeadm writes 15m as 15m0s."""
    host = FakeHost()
    host.answers["cat /var/lib/kubelet/config.yaml"] = f"cgroupDriver: systemd\n{told}"
    assert KubeletSettings(spec(kubelet=wanted), plane()).done(host) is done
