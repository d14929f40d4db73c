"""Rules for Jobs, so that no run happens twice."""

from __future__ import annotations

from migrator.model.manifest import Manifest, drop, get, without
from migrator.model.plan import Ended, EndMark
from migrator.rules.context import Rule, RuleContext
from migrator.rules.runs import waits_in_queue

# Those without a prefix are from before 1.27 and still written (k8s.io/api/batch/v1, labels of a Job).
_CONTROLLER_LABELS = (
    "controller-uid",
    "batch.kubernetes.io/controller-uid",
    "job-name",
    "batch.kubernetes.io/job-name",
)
# The conditions that a Job ends with, and the one that comes before each since Kubernetes 1.31.
_ENDS = {"Complete": "SuccessCriteriaMet", "Failed": "FailureTarget"}
_STATUS = ("conditions", "startTime", "completionTime", "succeeded", "failed", "completedIndexes", "failedIndexes")


def drop_controller_identity(manifest: Manifest, _: RuleContext) -> Manifest:
    """Return the Job without the selector and labels that contain blue's UID; a manual selector is kept."""
    # The controller adds no selector and no label then (k8s.io/api/batch/v1, JobSpec).
    if get(manifest, "spec", "manualSelector"):
        return manifest
    manifest = drop(manifest, "spec", "selector")
    for label in _CONTROLLER_LABELS:
        manifest = drop(manifest, "spec", "template", "metadata", "labels", label)
        manifest = drop(manifest, "metadata", "labels", label)
    return manifest


def finished(manifest: Manifest) -> Ended | None:
    """Return how a Job ended, or None while it has not ended."""
    for condition in get(manifest, "status", "conditions") or []:
        if condition["status"] == "True" and condition["type"] in _ENDS:
            return Ended(condition["type"], EndMark(("conditions", condition["type"]), "True"))
    return None


def finished_status(manifest: Manifest, ended: Ended) -> Manifest:
    """Return the part of a finished Job's status that is moved, as the validation of today takes it.

    How and when it ended, without counts of pods. Before 1.31 a Job ended without the condition that comes before the last one,
    and older servers left out times. Source: k8s.io/kubernetes/pkg/apis/batch/validation, validateJobStatus.
    """
    spec, status = manifest["spec"], {key: value for key, value in manifest["status"].items() if key in _STATUS}
    last = next(item for item in status["conditions"] if (item["type"], item["status"]) == (ended.how, "True"))
    # Any time that is known: a finished Job without one is refused (validateJobStatus).
    at = last.get("lastTransitionTime") or status.get("completionTime") or manifest["metadata"].get("creationTimestamp")
    others = [item for item in status["conditions"] if item["type"] not in (*_ENDS, *_ENDS.values())]
    before = next((item for item in status["conditions"] if item["type"] == _ENDS[ended.how] and item["status"] == "True"), None)
    status["conditions"] = [*others, before or {**last, "type": _ENDS[ended.how]}, last]
    status["startTime"] = status.get("startTime") or manifest["metadata"].get("creationTimestamp") or at
    if ended.how == "Complete":
        # Validation refuses an end before the start.
        status["completionTime"] = max(status.get("completionTime") or at, status["startTime"])
    fits = {
        "completionTime": ended.how == "Complete",
        # Validation refuses each of them for a Job of another mode.
        "completedIndexes": spec.get("completionMode") == "Indexed",
        "failedIndexes": spec.get("backoffLimitPerIndex") is not None,
    }
    return without(status, *(name for name, fit in fits.items() if not fit))


def is_running(manifest: Manifest) -> bool:
    """Return whether a copy of this Job would run on green while it runs on blue, or waits for its turn there.

    Before there was `suspend` (Kubernetes 1.21), one was stopped by `parallelism: 0`: such a Job never ends, and starts nothing.
    """
    stopped = get(manifest, "spec", "parallelism") == 0 and not get(manifest, "status", "active")
    suspended = get(manifest, "spec", "suspend") and not waits_in_queue(manifest)
    return finished(manifest) is None and not suspended and not stopped


RULES = (Rule("job-identity", drop_controller_identity, frozenset({"Job.batch"})),)
