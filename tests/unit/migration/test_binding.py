"""Claims on green get their volumes before anything of green runs."""

from __future__ import annotations

import pytest

from migrator.migration.binding import SELECTED, bind_waiting, node_for, waits_for_a_pod
from migrator.migration.data.verbs import plan_data
from migrator.model.kinds import CLAIMS
from migrator.model.manifest import get
from tests.support.fake_cluster import FakeCluster
from tests.support.fake_mover import claims
from tests.support.journals import migration_run
from tests.support.migrations import migration_session
from tests.support.objects import made

CLASS = {"metadata": {"name": "local-path"}, "provisioner": "rancher.io/local-path", "volumeBindingMode": "WaitForFirstConsumer"}


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
    assert node_for(blue, green) == expected


def test_only_a_claim_that_waits_for_a_pod_is_given_a_node() -> None:
    """Not one that is bound, that somebody has given a node, or whose class makes no volumes."""
    claim = {"metadata": {"name": "c"}, "spec": {"storageClassName": "local-path"}}
    classes = {"local-path": CLASS}
    assert waits_for_a_pod(claim, classes)
    assert not waits_for_a_pod({**claim, "spec": {"storageClassName": "other"}}, classes)
    assert not waits_for_a_pod({**claim, "spec": {**claim["spec"], "volumeName": "v"}}, classes)
    assert not waits_for_a_pod({**claim, "metadata": {"annotations": {SELECTED: "n"}}}, classes)
    assert not waits_for_a_pod(claim, {"local-path": {**CLASS, "volumeBindingMode": "Immediate"}})
    assert not waits_for_a_pod(claim, {"local-path": {**CLASS, "provisioner": "kubernetes.io/no-provisioner"}})


def test_a_node_is_named_and_the_volume_waited_for() -> None:
    """Which a provisioner makes some time later."""
    run, _, clock, shown = migration_run()
    blue, green = FakeCluster("blue", clock=clock), FakeCluster("green", clock=clock)
    node = made("v1", "Node", "n", labels={"kubernetes.io/hostname": "n"})
    blue.hold(made("v1", "Namespace", "shop"), node, *claims("data"))
    storage = made(
        "storage.k8s.io/v1", "StorageClass", "local-path", **{key: CLASS[key] for key in ("provisioner", "volumeBindingMode")}
    )
    waiting = made("v1", "PersistentVolumeClaim", "data", namespace="shop", spec={"storageClassName": "local-path"})
    green.hold(made("v1", "Namespace", "shop"), storage, waiting)
    session = migration_session(blue, green, run)

    def provision() -> None:
        green.patch(CLAIMS, "shop", "data", {"status": {"phase": "Bound"}}, manager="p", subresource="status")

    clock.after(3.0, provision)
    bind_waiting(session, plan_data(session), ("board-7",))
    claim = green.get(CLAIMS, "shop", "data")
    assert (get(claim, "metadata", "annotations", SELECTED), get(claim, "status", "phase")) == ("board-7", "Bound")
    assert any("is made on board-7" in str(event) for event in shown.events)
