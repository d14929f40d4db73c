"""Whether a workload's pods are made, ready or not."""

from __future__ import annotations

from typing import Any

import pytest

from migrator.readiness.pods_made import has_made_its_pods
from tests.support.objects import made

SEEN = {"observedGeneration": 2}
REFUSED = {"conditions": [{"type": "ReplicaFailure", "status": "True"}]}


@pytest.mark.parametrize(
    ("kind", "spec", "status", "expected"),
    [
        ("apps/v1 Deployment", {"replicas": 3}, SEEN | {"replicas": 3}, True),
        ("apps/v1 Deployment", {"replicas": 3}, SEEN | {"replicas": 2}, False),
        ("apps/v1 Deployment", {"replicas": 3}, {"observedGeneration": 1, "replicas": 3}, False),
        ("apps/v1 Deployment", {"replicas": 3}, {}, False),
        ("apps/v1 Deployment", {}, SEEN, False),
        ("apps/v1 Deployment", {"replicas": 0}, SEEN, True),
        ("apps/v1 Deployment", {"replicas": 3, "paused": True}, SEEN, True),
        ("apps/v1 ReplicaSet", {"replicas": 3}, SEEN | REFUSED, True),
        ("apps/v1 StatefulSet", {"replicas": 2}, SEEN | {"replicas": 1}, False),
        ("v1 ReplicationController", {"replicas": 1}, SEEN | {"replicas": 1}, True),
        ("apps/v1 DaemonSet", {}, SEEN | {"currentNumberScheduled": 1, "desiredNumberScheduled": 2}, False),
        ("apps/v1 DaemonSet", {}, SEEN | {"currentNumberScheduled": 2, "desiredNumberScheduled": 2}, True),
        ("apps/v1 DaemonSet", {}, SEEN, True),
        ("batch/v1 Job", {}, {}, False),
        ("batch/v1 Job", {}, {"active": 1}, True),
        ("batch/v1 Job", {}, {"failed": 1}, True),
        ("batch/v1 Job", {"suspend": True}, {}, True),
    ],
)
def test_pods_are_made_or_never_will_be(kind: str, spec: dict[str, Any], status: dict[str, Any], *, expected: bool) -> None:
    """All that were asked for, of the latest generation; or it is paused, suspended or refused."""
    version, name = kind.split()
    workload = made(version, name, "a", namespace="shop", spec=spec, status=status)
    workload["metadata"]["generation"] = 2
    assert has_made_its_pods(workload) is expected
