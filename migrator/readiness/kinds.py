"""Judge the readiness of an object by its kind; of a custom resource by its conditions.

Sources: `kubectl rollout status`, and the status conventions of the API (sig-architecture API conventions).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from migrator.model.manifest import Manifest, get, ref_type
from migrator.model.strange import STRANGE, reason_of
from migrator.model.verdict import Readiness

READY = Readiness(done=True, ok=True)
_DAEMON_SET = "DaemonSet.apps"


def readiness(manifest: Manifest) -> Readiness:
    """Return whether an object is ready; one whose status cannot be read is not."""
    try:
        return _readiness(manifest)
    except STRANGE as error:
        return Readiness(done=False, ok=True, message=f"cannot be judged: it {reason_of(error)}")


def rolled_out(manifest: Manifest) -> Readiness:
    """Return whether an object is ready, and its pods are those of its present template.

    Pods of an earlier template count as available while those of the present one crash (kubernetes#44672, #100192).
    """
    state = readiness(manifest)
    if not (state.done and state.ok):
        return state
    try:
        return _of_present_template(manifest) or state
    except STRANGE as error:
        return Readiness(done=False, ok=True, message=f"cannot be judged: it {reason_of(error)}")


def is_said_to_be_well(manifest: Manifest) -> bool:
    """Return whether a controller has said in a condition that a custom resource is well."""
    try:
        custom = _is_grouped(manifest) and ref_type(manifest) not in CHECKS
        return custom and any(get(_conditions(manifest), name, "status") == "True" for name in _GOOD)
    except STRANGE:
        return False


def is_for_no_node(manifest: Manifest) -> bool:
    """Return whether it is a DaemonSet whose pods no node may run: it is ready, and does nothing."""
    return ref_type(manifest) == _DAEMON_SET and not get(manifest, "status", "desiredNumberScheduled")


def works(manifest: Manifest) -> int | None:
    """Return how many pods of an object do their work, None where its status does not count them or cannot be read.

    A custom resource with pods counts them as the workloads of Kubernetes do, as a rule. Of a DaemonSet's pods one counts: how many
    there are depends on the nodes.
    """
    if ref_type(manifest) == _DAEMON_SET:
        count = get(manifest, "status", "numberAvailable")
        return int(isinstance(count, int) and count > 0)
    for field in _COUNTS.get(ref_type(manifest), _ANY_COUNTS if _is_grouped(manifest) else ()):
        count = get(manifest, "status", field)
        if isinstance(count, int):
            return count
    return 0 if ref_type(manifest) in _COUNTS else None


def _readiness(manifest: Manifest) -> Readiness:
    check = CHECKS.get(ref_type(manifest))
    generation, seen = get(manifest, "metadata", "generation"), get(manifest, "status", "observedGeneration")
    # Until then the status is of an older spec (API conventions, observedGeneration); a custom resource may have a text there.
    if generation and seen is not None and (check or isinstance(seen, int)) and int(seen) < generation:
        return Readiness(done=False, ok=True, message="its controller has not seen the latest change yet")
    if check:
        return check(manifest)
    return _by_conditions(manifest) if _is_grouped(manifest) else READY


def _is_grouped(manifest: Manifest) -> bool:
    return "." in manifest["apiVersion"].partition("/")[0]


def _of_present_template(manifest: Manifest) -> Readiness | None:
    """Return what is to say of pods of an earlier template, None where there are none that will be replaced."""
    kind = ref_type(manifest)
    if kind not in _ALL_AND_UPDATED:
        return None
    every, updated = (_number(manifest, "status", name) for name in _ALL_AND_UPDATED[kind])
    strategy = get(manifest, "spec", "updateStrategy")
    # Pods below the partition keep their template on purpose (apps/v1, RollingUpdateStatefulSetStrategy; helm#8674).
    kept = max(0, _number(manifest, *_PARTITION) - _number(manifest, "spec", "ordinals", "start"))
    if every - updated <= kept:
        return None
    message = f"{every - updated} of {every} pods are of an earlier template"
    if get(strategy, "type") == "OnDelete":
        return Readiness(
            done=True, ok=True, message=f"{message}: its updateStrategy is OnDelete, so they stay until you delete them"
        )
    return Readiness(done=False, ok=True, message=message)


def _waiting(have: int, want: int, what: str) -> Readiness:
    return READY if have >= want else Readiness(done=False, ok=True, message=f"{have} of {want} {what}")


def _number(manifest: Manifest, *path: str) -> int:
    return int(get(manifest, *path) or 0)


def _wanted_replicas(manifest: Manifest) -> int:
    replicas = get(manifest, "spec", "replicas")
    # The API server sets it to 1; custom resources may leave it out.
    return 1 if replicas is None else int(replicas)


def _deployment(manifest: Manifest) -> Readiness:
    """Ready: as many replicas as are wanted are available, and the rollout has not passed its deadline."""
    conditions = _conditions(manifest)
    # It may still come up later, but its controller has given up waiting (apps/v1, progressDeadlineSeconds).
    if get(conditions, "Progressing", "reason") == "ProgressDeadlineExceeded":
        return Readiness(done=True, ok=False, message=str(conditions["Progressing"].get("message", "progress deadline exceeded")))
    if get(manifest, "status", "observedGeneration") is None:
        return Readiness(done=False, ok=True, message="not seen by its controller yet")
    failure = get(conditions, "ReplicaFailure", "message")
    state = _waiting(_number(manifest, "status", "availableReplicas"), _wanted_replicas(manifest), "replicas available")
    return state if state.done or not failure else Readiness(done=False, ok=True, message=f"{state.message}: {failure}")


def _stateful_set(manifest: Manifest) -> Readiness:
    """Ready: as many replicas as are wanted are ready."""
    if get(manifest, "status", "observedGeneration") is None:
        return Readiness(done=False, ok=True, message="not seen by its controller yet")
    return _waiting(_number(manifest, "status", "readyReplicas"), _wanted_replicas(manifest), "replicas ready")


def _rollout(manifest: Manifest) -> Readiness:
    """Ready: as many replicas as are wanted are available, of whatever step; Argo Rollouts takes a missing number for 1."""
    if get(manifest, "status", "observedGeneration") is None:
        return Readiness(done=False, ok=True, message="not seen by its controller yet")
    return _waiting(_number(manifest, "status", "availableReplicas"), _wanted_replicas(manifest), "replicas available")


def _daemon_set(manifest: Manifest) -> Readiness:
    """Ready: its pods are available on all nodes that it is for."""
    if get(manifest, "status", "observedGeneration") is None:
        return Readiness(done=False, ok=True, message="not seen by its controller yet")
    wanted = _number(manifest, "status", "desiredNumberScheduled")
    return _waiting(_number(manifest, "status", "numberAvailable"), wanted, "pods available")


def _replica_set(manifest: Manifest) -> Readiness:
    """Ready: as many replicas as are wanted are ready."""
    return _waiting(_number(manifest, "status", "readyReplicas"), _wanted_replicas(manifest), "replicas ready")


def _pod(manifest: Manifest) -> Readiness:
    """Ready: its condition Ready is true, or it has succeeded."""
    phase = get(manifest, "status", "phase")
    # A pod that has done its work is not Ready any more.
    if phase == "Succeeded":
        return READY
    if phase == "Failed":
        return Readiness(done=True, ok=False, message=str(get(manifest, "status", "message") or "failed"))
    ready = get(_conditions(manifest), "Ready", "status") == "True"
    return READY if ready else Readiness(done=False, ok=True, message=f"phase {phase}, not Ready{_waiting_reason(manifest)}")


def _waiting_reason(pod: Manifest) -> str:
    for status in get(pod, "status", "containerStatuses") or []:
        reason = get(status, "state", "waiting", "reason")
        if reason:
            return f" ({status['name']}: {reason})"
    unscheduled = get(_conditions(pod), "PodScheduled", "message")
    return f" ({unscheduled})" if unscheduled else ""


def _claim(manifest: Manifest) -> Readiness:
    """Ready: it is bound."""
    phase = get(manifest, "status", "phase")
    if phase == "Lost":
        return Readiness(done=True, ok=False, message="its volume is lost")
    return READY if phase == "Bound" else Readiness(done=False, ok=True, message=f"phase {phase or 'unknown'}")


def _namespace(manifest: Manifest) -> Readiness:
    """Ready: it is active."""
    phase = get(manifest, "status", "phase")
    return READY if phase in ("Active", None) else Readiness(done=True, ok=False, message=f"phase {phase}")


def _crd(manifest: Manifest) -> Readiness:
    """Ready: it is established."""
    established = get(_conditions(manifest), "Established", "status") == "True"
    return READY if established else Readiness(done=False, ok=True, message="not established")


def _api_service(manifest: Manifest) -> Readiness:
    """Ready: its condition Available is true."""
    available = _conditions(manifest).get("Available", {})
    if available.get("status") == "True":
        return READY
    return Readiness(done=False, ok=True, message=f"not available: {available.get('message', 'no answer yet')}")


def _disruption_budget(manifest: Manifest) -> Readiness:
    """Ready: as many pods are healthy as it demands."""
    have, want = _number(manifest, "status", "currentHealthy"), _number(manifest, "status", "desiredHealthy")
    if get(manifest, "status", "observedGeneration") is None:
        return Readiness(done=False, ok=True, message="not seen by its controller yet")
    return _waiting(have, want, "pods healthy")


def _job(manifest: Manifest) -> Readiness:
    """Ready: always; one that failed is a warning."""
    failed = _conditions(manifest).get("Failed", {})
    if failed.get("status") == "True":
        return Readiness(done=True, ok=True, message=f"failed, as on blue: {failed.get('message', '')}")
    return READY


def _by_conditions(manifest: Manifest) -> Readiness:
    """Return what the conditions of a custom resource sum up to; ready where it has none that does."""
    kind, _, group = ref_type(manifest).partition(".")
    if kind.endswith("Route") and group.startswith("gateway.networking."):
        return _route(manifest)
    conditions = _conditions(manifest)
    # Conventions have no rule which condition sums up a custom resource; these are the usual names, the most telling first.
    name = next((name for name in _GOOD if name in conditions), "")
    if name:
        return _listeners(manifest) if conditions[name].get("status") == "True" else _unmet(name, conditions[name])
    bad = next((name for name in _BAD if get(conditions, name, "status") == "True"), "")
    return Readiness(done=False, ok=True, message=f"{bad}: {_why(conditions[bad])}") if bad else READY


def _listeners(manifest: Manifest) -> Readiness:
    """Ready, with a warning of a listener that serves nobody (Gateway API, ListenerStatus), such as one without its certificate."""
    generation = get(manifest, "metadata", "generation") or 0
    for listener in get(manifest, "status", "listeners") or [] if manifest["kind"] == "Gateway" else []:
        for name, item in _named(get(listener, "conditions")).items():
            if name in _OF_ROUTES and item.get("status") == "False" and _is_current(item, generation):
                return Readiness(done=True, ok=True, message=f"listener {get(listener, 'name')}: {_unmet(name, item).message}")
    return READY


def _route(manifest: Manifest) -> Readiness:
    """Ready: each gateway that has seen its present form has accepted it, and at least one has (Gateway API, RouteParentStatus)."""
    generation, seen = get(manifest, "metadata", "generation") or 0, False
    for parent in get(manifest, "status", "parents") or []:
        conditions = {name: item for name, item in _named(get(parent, "conditions")).items() if _is_current(item, generation)}
        seen = seen or "Accepted" in conditions
        for name in _OF_ROUTES:
            if name in conditions and conditions[name].get("status") != "True":
                return _unmet(name, conditions[name])
    return READY if seen else Readiness(done=False, ok=True, message="no gateway has accepted it yet")


def _is_current(condition: Mapping[str, Any], generation: int) -> bool:
    """Return whether a condition is of the present form: one of an earlier form may stay (argo-cd#24958)."""
    seen = condition.get("observedGeneration")
    return not isinstance(seen, int) or seen >= generation


def _unmet(name: str, condition: Mapping[str, Any]) -> Readiness:
    # Its address may come with what is handed over; whoever moves names and addresses waits for it (Gateway API, GatewayReason).
    pending = name == "Programmed" and condition.get("reason") == "AddressNotAssigned"
    return Readiness(done=pending, ok=True, message=f"{name} is {condition.get('status')}: {_why(condition)}")


def _why(condition: Mapping[str, Any]) -> str:
    return str(condition.get("message") or condition.get("reason") or "")


def _conditions(manifest: Manifest) -> dict[str, dict[str, Any]]:
    return _named(get(manifest, "status", "conditions"))


def _named(listed: Any) -> dict[str, dict[str, Any]]:
    # The conditions of a custom resource may be anything, such as a list of words.
    conditions = [item for item in listed if isinstance(item, dict)] if isinstance(listed, list) else []
    return {item["type"]: item for item in conditions if isinstance(item.get("type"), str)}


# Programmed and Accepted: a Gateway has both, unknown, before anybody has seen it (Gateway API, defaults of the CRD).
_GOOD = ("Ready", "Available", "Healthy", "Programmed", "Established", "Accepted")
# What says that something is wrong, where nothing says that all is well (kstatus: Stalled, Reconciling; Strimzi: NotReady).
_BAD = ("Stalled", "NotReady", "Failed", "Degraded", "Reconciling")
_OF_ROUTES = ("Accepted", "ResolvedRefs")
_ANY_COUNTS = ("availableReplicas", "readyReplicas")
# Where the status counts the pods that work.
_COUNTS: dict[str, tuple[str, ...]] = {
    "Deployment.apps": ("availableReplicas",),
    "StatefulSet.apps": ("readyReplicas",),
    "ReplicaSet.apps": ("availableReplicas",),
    "ReplicationController": ("availableReplicas",),
}
_PARTITION = ("spec", "updateStrategy", "rollingUpdate", "partition")
# Where the status counts all pods, and those of the present template.
_ALL_AND_UPDATED = {
    "Deployment.apps": ("replicas", "updatedReplicas"),
    "StatefulSet.apps": ("replicas", "updatedReplicas"),
    _DAEMON_SET: ("currentNumberScheduled", "updatedNumberScheduled"),
}
CHECKS: dict[str, Callable[[Manifest], Readiness]] = {
    "Deployment.apps": _deployment,
    "StatefulSet.apps": _stateful_set,
    _DAEMON_SET: _daemon_set,
    "ReplicaSet.apps": _replica_set,
    "ReplicationController": _replica_set,
    "Rollout.argoproj.io": _rollout,
    "Pod": _pod,
    "PersistentVolumeClaim": _claim,
    "Namespace": _namespace,
    "CustomResourceDefinition.apiextensions.k8s.io": _crd,
    "APIService.apiregistration.k8s.io": _api_service,
    "PodDisruptionBudget.policy": _disruption_budget,
    "Job.batch": _job,
}
