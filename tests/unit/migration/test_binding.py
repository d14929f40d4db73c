"""Claims on green get their volumes before anything of green runs."""

from __future__ import annotations

from typing import Any

import pytest

from migrator.migration.binding import bind_waiting, fitting_nodes, nodes_for, waits_for_a_pod
from migrator.migration.data.verbs import plan_data
from migrator.model.kinds import CLAIMS
from migrator.model.manifest import Manifest, get
from migrator.rules.storage import SELECTED_NODE
from tests.support.fake_cluster import FakeCluster
from tests.support.fake_mover import claims
from tests.support.journals import migration_run
from tests.support.migrations import migration_session
from tests.support.objects import made

CLASS = {"metadata": {"name": "local-path"}, "provisioner": "rancher.io/local-path", "volumeBindingMode": "WaitForFirstConsumer"}


def chosen(blue: set[str], green: set[str]) -> dict[str, str]:
    """Return the node of green for each of blue, where each of green would do."""
    return {name: node for (name, _), node in nodes_for((name, frozenset(green)) for name in blue).items()}


@pytest.mark.parametrize(
    ("blue", "green", "expected"),
    [
        ({"a", "b"}, {"a", "b"}, {"a": "a", "b": "b"}),
        ({"a", "b"}, {"x", "y"}, {"a": "x", "b": "y"}),
        ({"a", "b", "c"}, {"x", "b"}, {"a": "x", "b": "b", "c": "x"}),
        ({"a", "b"}, {"b"}, {"a": "b", "b": "b"}),
    ],
)
def test_claims_of_one_node_stay_together(blue: set[str], green: set[str], expected: dict[str, str]) -> None:
    """On the node of the same name, else on green's in turn."""
    assert chosen(blue, green) == expected


def test_claims_of_one_node_part_where_their_pods_must() -> None:
    """A node of blue had the label of both; on green two nodes have one each."""
    one, other = ("a", frozenset({"x"})), ("a", frozenset({"y"}))
    assert nodes_for([one, other, one]) == {one: "x", other: "y"}


def node(name: str, *, ready: str = "True", **more: Any) -> Manifest:
    """Return a node; `more` are its labels, taints and whether it is cordoned."""
    spec = {key: more.pop(key) for key in ("taints", "unschedulable") if key in more}
    return made("v1", "Node", name, labels=more, spec=spec, status={"conditions": [{"type": "Ready", "status": ready}]})


CONTROL_PLANE = [{"key": "node-role.kubernetes.io/control-plane", "effect": "NoSchedule"}]
NODES = [
    node("cp", taints=CONTROL_PLANE, zone="a"),
    node("w1", zone="a", disk="ssd"),
    node("w2", zone="b"),
    node("w3", ready="Unknown"),
]
SSD = {"nodeSelector": {"disk": "ssd"}}
TOPOLOGIES = {"allowedTopologies": [{"matchLabelExpressions": [{"key": "zone", "values": ["b", "c"]}]}]}


@pytest.mark.parametrize(
    ("nodes", "users", "storage_class", "names"),
    [
        (NODES, [{}], {}, {"w1", "w2"}),
        (NODES, [], {}, {"w1", "w2"}),  # scaled to zero on blue
        (NODES, [{"tolerations": [{"operator": "Exists"}]}], {}, {"cp", "w1", "w2"}),
        (NODES, [{}, SSD], {}, {"w1"}),
        (NODES, [{"nodeSelector": {"disk": "nvme"}}], {}, {"w1", "w2"}),
        (NODES, [{}], TOPOLOGIES, {"w2"}),
        (NODES, [SSD], TOPOLOGIES, {"w2"}),
        (NODES[:1], [{}], {}, {"cp"}),
        ([node("w4", unschedulable=True), node("w5")], [{}], {}, {"w5"}),
        (NODES[:2], [{}], TOPOLOGIES, set()),
    ],
)
def test_a_volume_is_made_where_its_pods_may_run(
    nodes: list[Manifest], users: list[Manifest], storage_class: Manifest, names: set[str]
) -> None:
    """Not on a control plane that takes no pods, nor where its class makes none (velero#9053, openebs#3539)."""
    assert fitting_nodes(nodes, users, storage_class) == names


def test_only_a_claim_that_waits_for_a_pod_is_given_a_node() -> None:
    """Not one that is bound, that somebody has given a node, or whose class makes no volumes."""
    claim = {"metadata": {"name": "c"}, "spec": {"storageClassName": "local-path"}}
    classes = {"local-path": CLASS}
    assert waits_for_a_pod(claim, classes)
    assert not waits_for_a_pod({**claim, "spec": {"storageClassName": "other"}}, classes)
    assert not waits_for_a_pod({**claim, "spec": {**claim["spec"], "volumeName": "v"}}, classes)
    assert not waits_for_a_pod({**claim, "metadata": {"annotations": {SELECTED_NODE: "n"}}}, classes)
    old = {"metadata": {"annotations": {"volume.beta.kubernetes.io/storage-class": "local-path"}}, "spec": {}}
    assert waits_for_a_pod(old, classes)
    assert not waits_for_a_pod(claim, {"local-path": {**CLASS, "volumeBindingMode": "Immediate"}})
    assert not waits_for_a_pod(claim, {"local-path": {**CLASS, "provisioner": "kubernetes.io/no-provisioner"}})


def test_a_node_is_named_and_the_volume_waited_for() -> None:
    """Which a provisioner makes some time later."""
    run, _, clock, shown = migration_run()
    blue, green = FakeCluster("blue", clock=clock), FakeCluster("green", clock=clock)
    there = made("v1", "Node", "n", labels={"kubernetes.io/hostname": "n"})
    blue.hold(made("v1", "Namespace", "shop"), there, *claims("data"))
    storage = made(
        "storage.k8s.io/v1", "StorageClass", "local-path", **{key: CLASS[key] for key in ("provisioner", "volumeBindingMode")}
    )
    waiting = made("v1", "PersistentVolumeClaim", "data", namespace="shop", spec={"storageClassName": "local-path"})
    green.hold(made("v1", "Namespace", "shop"), storage, waiting, node("board-1", taints=CONTROL_PLANE), node("board-7"))
    session = migration_session(blue, green, run)

    def provision() -> None:
        green.patch(CLAIMS, "shop", "data", {"status": {"phase": "Bound"}}, manager="p", subresource="status")

    clock.after(3.0, provision)
    bind_waiting(session, plan_data(session), ("board-1", "board-7"))
    claim = green.get(CLAIMS, "shop", "data")
    assert (get(claim, "metadata", "annotations", SELECTED_NODE), get(claim, "status", "phase")) == ("board-7", "Bound")
    assert any("is made on board-7" in str(event) for event in shown.events)
