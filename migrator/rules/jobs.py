"""Rules for Jobs and CronJobs, so that no run happens twice."""

from __future__ import annotations

from migrator.model.manifest import Manifest, drop, get, put, ref_of
from migrator.model.plan import FinishedJob
from migrator.rules.context import Rule, RuleContext

_CONTROLLER_LABELS = (
    "controller-uid",
    "batch.kubernetes.io/controller-uid",
    "job-name",
    "batch.kubernetes.io/job-name",
)
_STATUS = ("conditions", "startTime", "completionTime", "succeeded", "failed", "completedIndexes", "failedIndexes")


def drop_controller_identity(manifest: Manifest, _: RuleContext) -> Manifest:
    """Return the Job without the selector and labels that contain blue's UID; a manual selector is kept."""
    if get(manifest, "spec", "manualSelector"):
        return manifest
    manifest = drop(manifest, "spec", "selector")
    for label in _CONTROLLER_LABELS:
        manifest = drop(manifest, "spec", "template", "metadata", "labels", label)
        manifest = drop(manifest, "metadata", "labels", label)
    return manifest


def suspend_cronjob(manifest: Manifest, _: RuleContext) -> Manifest:
    """Return the CronJob suspended, because it runs on blue until the cutover."""
    return put(manifest, ("spec", "suspend"), True)


def finished(manifest: Manifest) -> FinishedJob | None:
    """Return how a Job ended, or None while it has not ended."""
    for condition in get(manifest, "status", "conditions") or []:
        if condition["status"] == "True" and condition["type"] in ("Complete", "Failed"):
            return FinishedJob(condition["type"])
    return None


def finished_status(manifest: Manifest) -> Manifest:
    """Return the part of a finished Job's status that is moved: how and when it ended, without counts of pods."""
    return {key: value for key, value in manifest["status"].items() if key in _STATUS}


def is_running(manifest: Manifest) -> bool:
    """Return whether a copy of this Job would run on green while it runs on blue."""
    return finished(manifest) is None and not get(manifest, "spec", "suspend")


def runs_on_blue(manifest: Manifest, context: RuleContext) -> bool:
    """Return whether a CronJob is active on blue, or was active until this tool suspended it for a cutover."""
    return not get(manifest, "spec", "suspend") or ref_of(manifest) in context.fenced_cronjobs


RULES = (
    Rule("job-identity", drop_controller_identity, frozenset({"Job.batch"})),
    Rule("suspend-cronjob", suspend_cronjob, frozenset({"CronJob.batch"})),
)
