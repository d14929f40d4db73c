"""When an object of each kind is ready."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from migrator.model.manifest import Manifest
from migrator.readiness.kinds import readiness, works
from tests.support.hostile import VALUES, damaged
from tests.support.objects import made

APPS = "apps/v1"


def conditions(**states: str) -> dict[str, Any]:
    """Return a status with conditions."""
    return {"conditions": [{"type": name, "status": state, "message": "why"} for name, state in states.items()]}


SEEN = {"observedGeneration": 1}

CASES: list[tuple[str, str, dict[str, Any], dict[str, Any], tuple[bool, bool, str]]] = [
    (APPS, "Deployment", {"replicas": 2}, {**SEEN, "availableReplicas": 2}, (True, True, "")),
    (APPS, "Deployment", {"replicas": 2}, {**SEEN, "availableReplicas": 1}, (False, True, "1 of 2 replicas available")),
    (APPS, "Deployment", {}, SEEN, (False, True, "0 of 1 replicas available")),
    (APPS, "Deployment", {"replicas": 0}, SEEN, (True, True, "")),
    (APPS, "Deployment", {}, {}, (False, True, "not seen by its controller yet")),
    (
        APPS,
        "Deployment",
        {},
        {
            **SEEN,
            "conditions": [{"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded", "message": "late"}],
        },
        (True, False, "late"),
    ),
    (APPS, "Deployment", {}, {**SEEN, **conditions(ReplicaFailure="True")}, (False, True, "0 of 1 replicas available: why")),
    (APPS, "StatefulSet", {"replicas": 3}, {**SEEN, "readyReplicas": 2}, (False, True, "2 of 3 replicas ready")),
    (APPS, "DaemonSet", {}, {**SEEN, "desiredNumberScheduled": 2, "numberAvailable": 1}, (False, True, "1 of 2 pods available")),
    (APPS, "ReplicaSet", {"replicas": 1}, {"readyReplicas": 1}, (True, True, "")),
    ("argoproj.io/v1alpha1", "Rollout", {}, {}, (False, True, "not seen by its controller yet")),
    (
        "argoproj.io/v1alpha1",
        "Rollout",
        {},
        {"observedGeneration": "1", **conditions(Available="True")},
        (False, True, "0 of 1 replicas available"),
    ),
    ("v1", "Pod", {}, {"phase": "Running", **conditions(Ready="True")}, (True, True, "")),
    ("v1", "Pod", {}, {"phase": "Succeeded"}, (True, True, "")),
    ("v1", "Pod", {}, {"phase": "Failed", "message": "evicted"}, (True, False, "evicted")),
    (
        "v1",
        "Pod",
        {},
        {"phase": "Pending", "containerStatuses": [{"name": "m", "state": {"waiting": {"reason": "ErrImagePull"}}}]},
        (False, True, "phase Pending, not Ready (m: ErrImagePull)"),
    ),
    ("v1", "Pod", {}, {"phase": "Pending", **conditions(PodScheduled="False")}, (False, True, "phase Pending, not Ready (why)")),
    ("v1", "PersistentVolumeClaim", {}, {"phase": "Bound"}, (True, True, "")),
    ("v1", "PersistentVolumeClaim", {}, {"phase": "Lost"}, (True, False, "its volume is lost")),
    ("v1", "PersistentVolumeClaim", {}, {}, (False, True, "phase unknown")),
    ("v1", "Namespace", {}, {"phase": "Terminating"}, (True, False, "phase Terminating")),
    ("apiextensions.k8s.io/v1", "CustomResourceDefinition", {}, {}, (False, True, "not established")),
    ("apiregistration.k8s.io/v1", "APIService", {}, conditions(Available="False"), (False, True, "not available: why")),
    (
        "policy/v1",
        "PodDisruptionBudget",
        {},
        {**SEEN, "currentHealthy": 1, "desiredHealthy": 2},
        (False, True, "1 of 2 pods healthy"),
    ),
    ("batch/v1", "Job", {}, conditions(Failed="True"), (True, True, "failed, as on blue: why")),
    ("batch/v1", "Job", {}, {}, (True, True, "")),
    ("v1", "ConfigMap", {}, {}, (True, True, "")),
    ("x.example/v1", "Widget", {}, conditions(Ready="False"), (False, True, "Ready is False: why")),
    ("x.example/v1", "Widget", {}, conditions(Ready="True"), (True, True, "")),
    ("x.example/v1", "Widget", {}, conditions(Odd="False"), (True, True, "")),
    ("x.example/v1", "Widget", {}, {"conditions": "a text"}, (True, True, "")),
]


@pytest.mark.parametrize(("api", "kind", "spec", "status", "wanted"), CASES)
def test_readiness(api: str, kind: str, spec: dict[str, Any], status: dict[str, Any], wanted: tuple[bool, bool, str]) -> None:
    """An object is ready by the rules of its kind; a custom resource by its conditions."""
    found = readiness(made(api, kind, "a", spec=spec, status=status))
    assert (found.done, found.ok, found.message) == wanted


def test_a_change_that_its_controller_has_not_seen_is_waited_for() -> None:
    """Old numbers say nothing about the new specification."""
    manifest = made(APPS, "Deployment", "a", spec={}, status={"observedGeneration": 1, "availableReplicas": 1})
    manifest["metadata"]["generation"] = 2
    assert readiness(manifest).message == "its controller has not seen the latest change yet"


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(damaged(), VALUES)
def test_any_status_is_judged(manifest: Manifest, status: object) -> None:
    """Whatever a tenant writes there, the answer is a value, and waiting for it can end."""
    assert isinstance(readiness(manifest).done, bool)
    found = readiness({**manifest, "status": status})
    assert isinstance(found.message, str)


@pytest.mark.parametrize(
    ("api", "kind", "status", "count"),
    [
        (APPS, "Deployment", {"availableReplicas": 2, "readyReplicas": 3}, 2),
        (APPS, "Deployment", {}, 0),
        (APPS, "StatefulSet", {"readyReplicas": 1}, 1),
        (APPS, "DaemonSet", {"numberAvailable": 3}, 1),
        (APPS, "DaemonSet", {"numberAvailable": "all"}, 0),
        ("argoproj.io/v1alpha1", "Rollout", {"availableReplicas": 4}, 4),
        ("example.com/v1", "Database", {"readyReplicas": 1}, 1),
        ("example.com/v1", "Database", {"readyReplicas": "all"}, None),
        ("v1", "Pod", {"phase": "Running"}, None),
    ],
)
def test_pods_that_work_are_counted(api: str, kind: str, status: dict[str, Any], count: int | None) -> None:
    """Where the status counts them; of a DaemonSet's, whose number depends on the nodes, one."""
    assert works(made(api, kind, "a", status=status)) == count
