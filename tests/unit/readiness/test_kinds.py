"""When an object of each kind is ready."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from migrator.model.manifest import Manifest
from migrator.readiness.kinds import readiness, rolled_out, works
from tests.support.hostile import VALUES, damaged
from tests.support.objects import made

APPS = "apps/v1"


def conditions(**states: str) -> dict[str, Any]:
    """Return a status with conditions."""
    return {"conditions": [{"type": name, "status": state, "message": "why"} for name, state in states.items()]}


SEEN = {"observedGeneration": 1}

GATEWAY = "gateway.networking.k8s.io/v1"

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
    ("v1", "ReplicationController", {"replicas": 2}, {"replicas": 2}, (False, True, "0 of 2 replicas ready")),
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
    ("x.example/v1", "Widget", {}, {**conditions(Ready="True"), "observedGeneration": "c0ffee"}, (True, True, "")),
    ("kafka.strimzi.io/v1", "Kafka", {}, conditions(NotReady="True"), (False, True, "NotReady: why")),
    ("x.example/v1", "Widget", {}, conditions(Stalled="True"), (False, True, "Stalled: why")),
    ("x.example/v1", "Widget", {}, conditions(Stalled="False"), (True, True, "")),
    ("x.example/v1", "Widget", {}, conditions(Available="True", Degraded="True"), (True, True, "")),
    (GATEWAY, "GatewayClass", {}, conditions(Accepted="Unknown"), (False, True, "Accepted is Unknown: why")),
    (GATEWAY, "Gateway", {}, conditions(Accepted="True", Programmed="Unknown"), (False, True, "Programmed is Unknown: why")),
    (GATEWAY, "Gateway", {}, conditions(Accepted="True", Programmed="True"), (True, True, "")),
    (
        GATEWAY,
        "Gateway",
        {},
        {"conditions": [{"type": "Programmed", "status": "False", "reason": "AddressNotAssigned"}]},
        (True, True, "Programmed is False: AddressNotAssigned"),
    ),
    (
        GATEWAY,
        "Gateway",
        {},
        {**conditions(Programmed="True"), "listeners": [{"name": "https", **conditions(ResolvedRefs="False")}]},
        (True, True, "listener https: ResolvedRefs is False: why"),
    ),
    (GATEWAY, "HTTPRoute", {}, {}, (False, True, "no gateway has accepted it yet")),
    (GATEWAY, "HTTPRoute", {}, {"parents": [conditions(Accepted="True", ResolvedRefs="True")]}, (True, True, "")),
    (GATEWAY, "GRPCRoute", {}, {"parents": [conditions(Accepted="False")]}, (False, True, "Accepted is False: why")),
    (
        GATEWAY,
        "HTTPRoute",
        {},
        {"parents": [conditions(Accepted="True"), conditions(Accepted="True", ResolvedRefs="False")]},
        (False, True, "ResolvedRefs is False: why"),
    ),
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


def test_a_route_is_judged_by_what_gateways_say_of_its_present_form() -> None:
    """What one has said of an earlier form may stay for ever (argo-cd#24958)."""

    def parent(status: str, generation: int) -> dict[str, Any]:
        return {"conditions": [{"type": "Accepted", "status": status, "observedGeneration": generation}]}

    route = made(GATEWAY, "HTTPRoute", "a", status={"parents": [parent("False", 1), parent("True", 2)]})
    route["metadata"]["generation"] = 2
    assert readiness(route).done
    route["status"] = {"parents": [parent("True", 1)]}
    assert readiness(route).message == "no gateway has accepted it yet"


def test_a_custom_resource_that_its_controller_has_not_seen_is_waited_for() -> None:
    """Its conditions are of the earlier form (API conventions, observedGeneration)."""
    manifest = made("x.example/v1", "Widget", "a", status={"observedGeneration": 1, **conditions(Ready="True")})
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


PARTITION = {"replicas": 3, "updateStrategy": {"rollingUpdate": {"partition": 2}}}
ON_DELETE = {"updateStrategy": {"type": "OnDelete"}}


@pytest.mark.parametrize(
    ("kind", "spec", "status", "wanted"),
    [
        (
            "Deployment",
            {},
            {"availableReplicas": 1, "replicas": 2, "updatedReplicas": 1},
            (False, "1 of 2 pods are of an earlier template"),
        ),
        ("Deployment", {}, {"availableReplicas": 1, "replicas": 1, "updatedReplicas": 1}, (True, "")),
        ("Deployment", {}, {"availableReplicas": 0}, (False, "0 of 1 replicas available")),
        ("StatefulSet", {}, {"readyReplicas": 1, "replicas": 1}, (False, "1 of 1 pods are of an earlier template")),
        ("StatefulSet", PARTITION, {"readyReplicas": 3, "replicas": 3, "updatedReplicas": 1}, (True, "")),
        ("StatefulSet", PARTITION, {"readyReplicas": 3, "replicas": 3}, (False, "3 of 3 pods are of an earlier template")),
        (
            "StatefulSet",
            {**PARTITION, "ordinals": {"start": 2}},
            {"readyReplicas": 3, "replicas": 3, "updatedReplicas": 2},
            (False, "1 of 3"),
        ),
        ("DaemonSet", {}, {"currentNumberScheduled": 2, "numberAvailable": 2}, (False, "2 of 2 pods are of an earlier template")),
        (
            "DaemonSet",
            ON_DELETE,
            {"currentNumberScheduled": 2, "numberAvailable": 2},
            (True, "2 of 2 pods are of an earlier template"),
        ),
        ("StatefulSet", {}, {"readyReplicas": 1, "replicas": "many"}, (False, "cannot be judged")),
    ],
)
def test_pods_of_an_earlier_template_do_not_count(
    kind: str, spec: dict[str, Any], status: dict[str, Any], wanted: tuple[bool, str]
) -> None:
    """They are available while those of the present template crash; some stay on purpose."""
    found = rolled_out(made(APPS, kind, "a", spec=spec, status={**SEEN, **status}))
    assert (found.done, found.ok) == (wanted[0], True)
    assert found.message.startswith(wanted[1])
    assert found.message or not wanted[1]
