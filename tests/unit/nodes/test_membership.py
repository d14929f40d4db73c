"""A node as the cluster sees it: Ready, labels and taints, and its removal."""

from __future__ import annotations

import json
import shlex
from typing import Any

import pytest

from migrator.errors import MigratorError
from migrator.nodes.membership import LabelsAndTaints, Ready, remove_node
from migrator.nodes.spec import NodeSpec
from tests.support.hosts import FakeHost
from tests.support.nodes import WORKER


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


def node(name: str, ready: str = "True", **spec: Any) -> dict[str, Any]:
    """Return a node's object."""
    condition = {"type": "Ready", "status": ready, "message": "container runtime is down"}
    return {"metadata": {"name": name}, "spec": spec, "status": {"conditions": [condition]}}


def plane(*nodes: dict[str, Any]) -> FakeHost:
    """Return a control plane of a cluster that has these nodes."""
    host = FakeHost("green-1", accepts=["get node ", "delete node "])
    host.answers = {f"get node {item['metadata']['name']} ": json.dumps(item) for item in nodes}
    host.answers |= {"get nodes": json.dumps({"items": nodes}), "get pods -A": json.dumps({"items": []})}
    return host


def test_labels_and_taints_are_words_of_the_shell_and_nothing_more() -> None:
    """They come from a stack's file and go to the shell of root."""
    control_plane_host = plane(node("green-2"))
    control_plane_host.accepts("label --overwrite", "annotate --overwrite", "taint --overwrite")
    wanted = NodeSpec("green-2", "10.0.0.2", "worker", labels={"a": "$(reboot) b"}, taints=("k=; id:NoSchedule",))
    LabelsAndTaints(wanted, control_plane_host).run(FakeHost("green-2"))
    words = {command.split()[2]: shlex.split(command)[6:] for command in control_plane_host.commands if "--overwrite" in command}
    assert words["label"] == ["a=$(reboot) b"]
    assert words["taint"] == ["k=; id:NoSchedule"]
    assert words["annotate"] == ["migrator/taints=k=; id:NoSchedule"]


def tainted(there: list[str], words: list[str]) -> list[str]:
    """Return the taints of a node after `kubectl taint --overwrite`: it adds first, then takes away by key and effect."""

    def slot(text: str) -> tuple[str, str]:
        return text.rpartition(":")[0].partition("=")[0], text.rpartition(":")[2]

    added = [text for text in words if not text.endswith("-")]
    removed = {slot(text.removesuffix("-")) for text in words if text.endswith("-")}
    found = [*added, *(text for text in there if slot(text) not in set(map(slot, added)))]
    assert removed <= set(map(slot, found)), "kubectl refuses what is not there"
    return sorted(text for text in found if slot(text) not in removed)


@pytest.mark.parametrize(
    ("there", "before", "wanted", "after"),
    [
        (["a=1:NoSchedule"], ["a=1:NoSchedule"], ["a=2:NoSchedule"], ["a=2:NoSchedule"]),
        (["a:NoSchedule"], ["a:NoSchedule"], ["a=2:NoSchedule"], ["a=2:NoSchedule"]),
        (["a=1:NoSchedule"], ["a=1:NoSchedule"], ["a:NoSchedule"], ["a:NoSchedule"]),
        (["a=1:NoSchedule"], ["a=1:NoSchedule"], ["a=1:NoExecute"], ["a=1:NoExecute"]),
        (["a=1:NoSchedule", "b:NoExecute"], ["a=1:NoSchedule"], [], ["b:NoExecute"]),
        (["a=1:NoSchedule"], [], ["a=2:NoSchedule"], ["a=2:NoSchedule"]),
        ([], ["a=1:NoSchedule"], [], []),
        (["c=1:NoSchedule"], ["a=1:NoSchedule"], ["b=1:NoSchedule"], ["b=1:NoSchedule", "c=1:NoSchedule"]),
        (["a=1:NoSchedule"], ["a=1:NoSchedule"], ["a=2:NoSchedule", "a=2:NoExecute"], ["a=2:NoExecute", "a=2:NoSchedule"]),
    ],
)
def test_a_taint_whose_value_changes_is_on_the_node_after_one_run(
    there: list[str], before: list[str], wanted: list[str], after: list[str]
) -> None:
    """What the stack set before goes, with one command; what somebody else has set stays."""

    def as_taint(text: str) -> dict[str, str]:
        rest, _, effect = text.rpartition(":")
        key, _, value = rest.partition("=")
        return {"key": key, "effect": effect, **({"value": value} if value else {})}

    found = node("green-2", taints=[as_taint(text) for text in there])
    found["metadata"]["annotations"] = {"migrator/taints": ",".join(before)}
    control_plane_host = plane(found)
    control_plane_host.accepted += ["annotate --overwrite", "taint --overwrite"]
    LabelsAndTaints(NodeSpec("green-2", "10.0.0.2", "worker", taints=tuple(wanted)), control_plane_host).run(FakeHost("green-2"))
    words = [
        text
        for command in control_plane_host.commands
        if " taint " in command
        for text in shlex.split(command.split("green-2", 1)[1])
    ]
    assert tainted(there, words) == after


@pytest.mark.parametrize("taints", [None, ()])
def test_a_stack_that_says_nothing_of_taints_leaves_them(taints: tuple[str, ...] | None) -> None:
    """And one that says there are none takes away only its own."""
    found = node("green-2", taints=[{"key": "mine", "effect": "NoSchedule"}])
    action = LabelsAndTaints(NodeSpec("green-2", "10.0.0.2", "worker", taints=taints), plane(found))
    assert action.done(FakeHost("green-2"))


@pytest.mark.parametrize(
    ("labels", "before", "wanted", "words"),
    [
        ({"a": "1"}, "a", {"a": "2"}, "a=2"),
        ({"a": "1", "b": "1"}, "a,b", {"a": "1"}, "b-"),
        ({"a": "1"}, "a,gone", {"a": "1"}, ""),
        ({}, "", {"a": ""}, "a="),
        ({"a": ""}, "a", {"a": ""}, ""),
    ],
)
def test_labels_are_changed_where_they_differ(labels: dict[str, str], before: str, wanted: dict[str, str], words: str) -> None:
    """One that is not there any more is not taken away again, which kubectl would refuse; an empty value is one."""
    found = node("green-2")
    found["metadata"] |= {"labels": labels, "annotations": {"migrator/labels": before}}
    control_plane_host = plane(found)
    control_plane_host.accepted += ["annotate --overwrite", "label --overwrite"]
    LabelsAndTaints(NodeSpec("green-2", "10.0.0.2", "worker", labels=wanted, taints=None), control_plane_host).run(FakeHost("x"))
    said = [command.split("green-2 ", 1)[1] for command in control_plane_host.commands if " label " in command]
    assert said == ([words] if words else [])


def test_labels_and_taints_that_are_there_and_remembered_need_no_command() -> None:
    """A second run changes nothing."""
    found = node("green-2", taints=[{"key": "night", "value": "yes", "effect": "NoSchedule"}])
    found["metadata"]["annotations"] = {"migrator/taints": "night=yes:NoSchedule"}
    assert LabelsAndTaints(WORKER, plane(found)).done(FakeHost("green-2"))
    found["metadata"]["annotations"] = {}
    assert not LabelsAndTaints(WORKER, plane(found)).done(FakeHost("green-2"))


def test_labels_of_a_node_that_is_not_there_are_an_error() -> None:
    """It is neither done nor passed over."""
    action = LabelsAndTaints(WORKER, plane())
    assert not action.done(FakeHost("green-2"))
    with pytest.raises(MigratorError, match="the cluster has no node green-2"):
        action.run(FakeHost("green-2"))


@pytest.mark.parametrize(
    ("nodes", "reason"), [([node("green-2", "False")], "container runtime is down"), ([], "the cluster does not know it")]
)
def test_a_node_that_does_not_become_ready_is_an_error_with_its_own_reason(nodes: list[dict[str, Any]], reason: str) -> None:
    """As long as is said is waited for."""
    asked = plane(*nodes)
    with pytest.raises(MigratorError, match=f"green-2 is not Ready after 300 s: {reason}"):
        Ready(WORKER, asked, 300.0).run(FakeHost("green-2"))
    assert 300 <= asked.clock.monotonic() < 303


@pytest.mark.parametrize(
    ("nodes", "drained"),
    [
        ([node("green-2"), node("green-3")], 1),
        ([node("green-2")], 0),
        ([node("green-2", "False"), node("green-3")], 0),
        ([node("green-2"), node("green-3", "False")], 0),
        ([node("green-2"), node("green-3", unschedulable=True)], 0),
        ([node("green-2"), node("green-3", taints=[{"key": "k", "effect": "NoSchedule"}])], 0),
        ([node("green-2"), node("green-3", taints=[{"key": "k", "effect": "PreferNoSchedule"}])], 1),
    ],
)
def test_a_node_is_drained_only_when_its_pods_have_another_to_go_to(nodes: list[dict[str, Any]], drained: int) -> None:
    """It is deleted either way."""
    control_plane_host, drains = plane(*nodes), list[str]()
    remove_node(control_plane_host, "green-2", lambda: drains.append("green-2"))
    assert len(drains) == drained
    assert "delete node green-2" in control_plane_host.commands[-1]


def test_a_node_that_is_gone_already_is_not_removed_again() -> None:
    """Nothing is drained, nothing deleted."""
    control_plane_host, drains = plane(), list[str]()
    remove_node(control_plane_host, "green-2", lambda: drains.append("green-2"))
    assert (drains, [command for command in control_plane_host.commands if "delete" in command]) == ([], [])
