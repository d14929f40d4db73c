"""Which way is right, and that the reasons carry numbers of this cluster."""

from __future__ import annotations

from typing import Any

import pytest

from migrator.model.advice import Advice, Choice
from migrator.upgrade.advise import advise
from migrator.upgrade.checks.table import check
from tests.support.facts import facts, hop, node, pod

CLAIM = {"volumes": [{"name": "v", "persistentVolumeClaim": {"claimName": "data"}}]}
MANY = tuple(node(name) for name in ("cp", "w1", "w2", "w3", "w4"))


def advice(spare: int | None = None, **broken: Any) -> Advice:
    """Return the advice for a cluster whose hosts were not read."""
    read = facts(hosts=(), available={}, **broken)
    return advise(read, check(read), spare_nodes=spare, lost=["what was written since"])


@pytest.mark.parametrize(
    ("broken", "spare", "path", "words"),
    [
        ({}, None, Choice.IN_PLACE, "3 nodes would have to be doubled"),
        ({}, 3, Choice.MIGRATION, "a rollback is instant"),
        ({"nodes": MANY}, None, Choice.MIGRATION, "a rollback is instant"),
        ({"nodes": MANY}, 2, Choice.IN_PLACE, "2 machines can be added"),
        ({"nodes": MANY, "pods": (pod("db", "w1", spec=CLAIM),)}, 5, Choice.MIGRATION, "a rollback is instant"),
        ({"pods": (pod("alone", "w1", owner=None),)}, None, Choice.MIGRATION, "in place is not possible"),
        ({"requested": {"networking.k8s.io/v1beta1 ipaddresses": "1.37"}}, 9, Choice.NEITHER, "managed Kubernetes"),
        ({"hops": ()}, None, Choice.NEITHER, "at this version already"),
    ],
)
def test_the_way_follows_from_what_was_read(broken: dict[str, Any], spare: int | None, path: Choice, words: str) -> None:
    """Size, machines, obstacles; and each has its reason."""
    given = advice(spare, **broken)
    assert given.path is path
    assert any(words in reason for reason in given.reasons), given.reasons


def test_downtime_is_what_pods_took_to_start_here() -> None:
    """A StatefulSet's pod of one replica is away for its grace period and its start, in each hop that drains its node."""
    uid = {"uid": "s", "name": "db", "namespace": "shop"}
    stateful = {"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": uid, "spec": {"replicas": 1}}
    db = pod("db-0", "w1", owner="StatefulSet", spec={"terminationGracePeriodSeconds": 20})
    db["metadata"] |= {"ownerReferences": [{"kind": "StatefulSet", "name": "db", "uid": "s", "controller": True}]}
    db["metadata"]["creationTimestamp"] = "2026-11-01T10:00:00Z"
    db["status"]["conditions"][0]["lastTransitionTime"] = "2026-11-01T10:00:12Z"
    two = (hop("1.36.3", "1.37.2"), hop("1.37.2", "1.38.0"))
    given = advice(stateful_sets=(stateful,), pods=(db,), hops=two)
    away = {item.workload: (item.seconds, item.times) for way in given.ways for item in way.downtime}
    assert away["StatefulSet/shop/db"] == (32.0, 2)
    assert away["the API server"] == (None, 2), "nothing has measured it on this cluster, and another one's figures are not told"
    given = advice(9, stateful_sets=(stateful,), pods=(db,), hops=two)
    assert any("StatefulSet/shop/db for 64 s in all" in reason for reason in given.reasons)


def test_data_in_volumes_is_copied_in_a_pause() -> None:
    """It is no obstacle to a migration, but the workloads that use it are stopped once."""
    (away,) = advice(pods=(pod("db", "w1", spec=CLAIM),)).ways[0].downtime
    assert (away.workload, away.seconds, away.times) == ("workloads that use 1 claims (shop/data)", None, 1)
    assert advice().ways[0].downtime == ()


def test_hardware_is_told_in_numbers() -> None:
    """What pods ask for, and what there is."""
    given = advice(pods=(pod("a", "w1", cpu="1500m", memory="2Gi"),))
    assert "1.5 of 12 cores and 2.0 of 12.0 GiB on 3 nodes" in given.ways[0].hardware
