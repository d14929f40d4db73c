"""What a pod asks for, as the scheduler counts it."""

from __future__ import annotations

from typing import Any

import pytest

from migrator.model.requests import requests
from tests.support.facts import pod

GIB = 2.0**30


def asks(memory: str, **more: Any) -> dict[str, Any]:
    """Return a container that asks for memory."""
    return {"name": "c", "resources": {"requests": {"memory": memory}}, **more}


def resized(wanted: str, has: str, reason: str = "") -> dict[str, Any]:
    """Return a pod whose container is being given another size."""
    item = pod("a", "w1", spec={"containers": [asks(wanted)]})
    item["status"] = {
        "phase": "Running",
        "containerStatuses": [{"name": "c", "resources": {"requests": {"memory": has}}, "allocatedResources": {"memory": has}}],
        "conditions": [{"type": "PodResizePending", "status": "True", "reason": reason}] if reason else [],
    }
    return item


SIDECAR = asks("2Gi", restartPolicy="Always")


@pytest.mark.parametrize(
    ("spec", "gib"),
    [
        ({"containers": [asks("1Gi"), asks("1Gi")]}, 2),
        ({"containers": [asks("1Gi")], "initContainers": [asks("3Gi")]}, 3),
        ({"containers": [asks("1Gi")], "initContainers": [SIDECAR]}, 3),
        ({"containers": [asks("1Gi")], "initContainers": [SIDECAR, asks("2Gi")]}, 4),
        ({"containers": [asks("1Gi")], "initContainers": [asks("2Gi"), SIDECAR]}, 3),
        ({"containers": [asks("1Gi")], "resources": {"requests": {"memory": "3Gi"}}}, 3),
        ({"containers": [asks("1Gi")], "overhead": {"memory": "1Gi"}}, 2),
        ({"containers": [asks("1Gi")], "resources": {"requests": {"memory": "3Gi"}}, "overhead": {"memory": "1Gi"}}, 4),
    ],
    ids=["sum", "init", "sidecar", "sidecar before an init", "sidecar after it", "pod", "overhead", "pod and overhead"],
)
def test_memory_is_counted_as_the_scheduler_does(spec: dict[str, Any], gib: int) -> None:
    """Sidecars run beside the containers (karpenter#479), a pod's own request wins (krr#535)."""
    assert requests(pod("a", "w1", spec=spec))["memory"] == gib * GIB


@pytest.mark.parametrize(
    ("item", "gib"),
    [(resized("2Gi", "1Gi"), 2), (resized("1Gi", "2Gi"), 2), (resized("9Gi", "1Gi", "Infeasible"), 1)],
    ids=["grows", "shrinks", "is refused"],
)
def test_a_resize_under_way_takes_the_larger_room(item: dict[str, Any], gib: int) -> None:
    """Until it is done both sizes may be in use (KEP-1287)."""
    assert requests(item)["memory"] == gib * GIB


def test_other_resources_and_the_pod_itself_are_counted() -> None:
    """A device that no one adds up for the whole pod stays with its container."""
    item = {"name": "c", "resources": {"requests": {"squat.ai/zigbee": "1"}}}
    found = requests(pod("a", "w1", spec={"containers": [item], "resources": {"requests": {"cpu": "2"}}}))
    assert found == {"squat.ai/zigbee": 1, "cpu": 2, "pods": 1}
