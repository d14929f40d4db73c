"""`pulumi up` on a cluster that is there: nodes come and go, settings change, hosts break."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from migrator.adapters.commands import run
from migrator.errors import CommandFailedError
from migrator.testbed.machines.lab import Lab
from migrator.testbed.versions import GREEN
from tests.support.project import Project
from tests.support.sandbox import until

SECONDS = 240


class Raised:
    """A running cluster of two nodes, with a third host beside it."""

    def __init__(self, project: Project, lab: Lab) -> None:
        self.project = project
        self.lab = lab
        self.base = project.settings("green", GREEN)["config"]["migrator:cluster"]

    def configure(self, count: int = 2, **more: Any) -> None:
        """Write a stack of the first `count` hosts; `green_2` sets keys of the second node."""
        nodes = [{**node, **more.get(node["name"].replace("-", "_"), {})} for node in self.base["nodes"][:count]]
        rest = {key: value for key, value in more.items() if not key.startswith("green_")}
        self.project.stack("green", {"config": {"migrator:cluster": {**self.base, "nodes": nodes, **rest}}})

    def up(self) -> None:
        """Run `pulumi up`."""
        self.project.up("green")

    def fails(self) -> str:
        """Run `pulumi up`, which must fail, and return what it says."""
        with pytest.raises(CommandFailedError) as caught:
            self.project.up("green")
        return caught.value.output

    def on(self, name: str, command: str) -> str:
        """Run a command on a host as root."""
        return run(self.lab.command(name, f"sudo sh -c '{command}'"))

    def nodes(self) -> dict[str, dict[str, Any]]:
        """Return the cluster's nodes."""
        items = json.loads(self.project.kubectl("green", "get nodes -o json"))["items"]
        return {item["metadata"]["name"]: item for item in items}

    def ready(self, name: str) -> bool:
        """Return whether a node is Ready."""
        found = self.nodes().get(name, {"status": {"conditions": []}})
        return any(item["type"] == "Ready" and item["status"] == "True" for item in found["status"]["conditions"])


@pytest.fixture(scope="module")
def cluster(project: Project) -> Raised:
    """Raise a cluster of two nodes."""
    raised = Raised(project, project.lab("green", 3, GREEN))
    raised.configure()
    raised.up()
    return raised


@pytest.fixture
def raised(cluster: Raised) -> Iterator[Raised]:
    """Return the cluster, and bring it back to two nodes afterwards."""
    yield cluster
    cluster.lab.up(3, (GREEN,))
    cluster.configure()
    cluster.up()


def test_a_node_joins_when_added_and_is_drained_and_reset_when_removed(raised: Raised) -> None:
    """A third node joins; taken out again, nothing of the cluster is left on its host but the packages."""
    raised.configure(3)
    raised.up()
    assert raised.ready("green-3")
    raised.configure(2)
    raised.up()
    assert set(raised.nodes()) == {"green-1", "green-2"}
    left = "ls /etc/kubernetes/kubelet.conf /etc/cni/net.d/10-migrator.conflist /var/lib/migrator/node.json 2>/dev/null"
    assert raised.on("green-3", f"{left}; iptables-save | grep -c KUBE- ; ip link show cni0 2>/dev/null; true").strip() == "0"
    assert "kubernetes" in raised.on("green-3", "pacman -Q")


def test_labels_taints_and_kubelet_settings_converge(raised: Raised) -> None:
    """What the stack says comes true; what it does not say any more is taken back."""
    raised.configure(
        green_2={"labels": {"shelf": "upper"}, "taints": ["night=yes:NoSchedule"]},
        kubelet={**raised.base["kubelet"], "maxPods": 50},
    )
    raised.up()
    node = raised.nodes()["green-2"]
    assert (node["metadata"]["labels"]["shelf"], node["spec"]["taints"][0]["key"]) == ("upper", "night")
    until(lambda: raised.nodes()["green-2"]["status"]["capacity"]["pods"] == "50")
    raised.configure(green_2={"taints": []})
    raised.up()
    node = raised.nodes()["green-2"]
    assert "shelf" not in node["metadata"]["labels"]
    assert not node["spec"].get("taints")


def test_another_version_is_refused_with_the_two_ways_that_exist(raised: Raised) -> None:
    """A stack keeps its version."""
    raised.configure(kubernetesVersion="1.38.0")
    said = raised.fails()
    assert "a stack keeps its version" in said
    assert "make a new stack" in said
    assert "migrator upgrade" in said


@pytest.mark.on_demand
def test_a_host_that_was_reinstalled_joins_again(raised: Raised) -> None:
    """A fresh disk under the same address: the next `up` finds out and converges."""
    raised.lab.power_off("green-2")
    raised.lab.reinstall("green-2")
    raised.lab.up(3, (GREEN,))
    raised.up()
    assert raised.ready("green-2")


@pytest.mark.on_demand
def test_refresh_sees_a_node_that_died_and_up_says_so(raised: Raised) -> None:
    """A dead node shows in the state, and in one clear line of `up`; back on, it is well again."""
    raised.lab.power_off("green-2")
    raised.project.engine.run("refresh", "--yes", "--skip-preview", "--stack", "green")
    exported = json.loads(raised.project.engine.run("stack", "export", "--stack", "green"))
    states = {
        item["urn"].rpartition("::")[2]: item.get("outputs", {}).get("status") for item in exported["deployment"]["resources"]
    }
    assert states["green-2"] == "unreachable"
    said = raised.fails()
    assert "green-2" in said
    assert "is it on" in said
    assert "Traceback" not in said
    raised.lab.up(3, (GREEN,))
    raised.up()
    until(lambda: raised.ready("green-2"))


@pytest.mark.parametrize("fault", ["cable", pytest.param("power", marks=pytest.mark.on_demand)])
def test_a_join_that_is_cut_off_goes_on_at_the_next_up(raised: Raised, fault: str) -> None:
    """The network goes, or the host reboots, in the middle of kubeadm join: one line, and the next `up` finishes it."""
    raised.configure(3)
    break_it = {"cable": raised.lab.cut, "power": raised.lab.power_off}[fault]
    said = _up_breaking(raised, "green-3: kubeadm join", lambda: break_it("green-3"))
    assert "green-3" in said
    if fault == "cable":
        raised.lab.mend("green-3")
    raised.lab.up(3, (GREEN,))
    raised.up()
    assert raised.ready("green-3")


def test_two_ups_at_once_are_kept_apart(raised: Raised) -> None:
    """Pulumi's lock stops the second one, in clear words."""
    raised.configure(3)
    seen: list[str] = []

    def second() -> None:
        seen.append(raised.fails())

    thread = threading.Thread(target=second)

    def show(line: str) -> None:
        if "green-3: kubeadm join" in line and not thread.ident:
            thread.start()

    raised.project.engine.run("up", "--yes", "--skip-preview", "--stack", "green", show=show)
    thread.join()
    assert "locked" in seen[0]
    assert raised.ready("green-3")


def _up_breaking(raised: Raised, at: str, break_it: Callable[[], None]) -> str:
    """Run `pulumi up`, break something when a line is seen, and return how it failed."""
    broken: list[str] = []

    def show(line: str) -> None:
        if at in line and not broken:
            broken.append(line)
            break_it()

    with pytest.raises(CommandFailedError) as caught:
        raised.project.engine.run("up", "--yes", "--skip-preview", "--stack", "green", show=show)
    assert broken
    return caught.value.output
