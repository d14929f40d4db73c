"""What a CronJob has run goes with it, so that every scheduled run happens once.

A CronJob that is resumed starts the latest run that was due since its `status.lastScheduleTime`, or since its creation
(Kubernetes, pkg/controller/cronjob, `mostRecentScheduleTime`). So the time of the other side's last run is written first.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterable

from migrator.errors import ForbiddenError
from migrator.model.kinds import CRON_JOBS, JOBS
from migrator.model.manifest import Manifest, get
from migrator.model.ref import ObjectRef
from migrator.ports import Blue, ObjectPatcher
from migrator.rules.field_owners import ASSUMED, FENCE

SETTLE_SECONDS = 1.0
"""Until the controller has seen a suspension: a run that it begins in between does not reach the CronJob's status.

Its update of the status is then refused as outdated, and it does not repeat it for a suspended CronJob; the Job is there.
"""
_SCHEDULED = "batch.kubernetes.io/cronjob-scheduled-timestamp"
_BY_HAND = "cronjob.kubernetes.io/instantiate"
_MINUTES = re.compile(r"-(\d{1,10})$")


def last_run(manifest: Manifest) -> float | None:
    """Return when a CronJob ran last by its status, in seconds since 1970; None for other kinds."""
    is_cron_job = manifest.get("kind") == CRON_JOBS.kind and str(manifest.get("apiVersion", "")).startswith(f"{CRON_JOBS.group}/")
    return _seconds(get(manifest, "status", "lastScheduleTime")) if is_cron_job else None


def tell(cluster: ObjectPatcher, ref: ObjectRef, manifest: Manifest, last: float | None, *, assumed: bool = False) -> None:
    """Write into a CronJob's status when the other side has run it last, unless it has run later itself.

    A time that is only `assumed`, since the other side does not answer, is marked as such. What that side tells later corrects it,
    also that it has never run: what was due in between is run then.
    """
    known = _seconds(get(manifest, "status", "lastScheduleTime"))
    later = last is not None and (known is None or known < last)
    if later or (not assumed and known is not None and (last is None or last < known) and _is_assumed(manifest)):
        status = {"status": {"lastScheduleTime": None if last is None else _text(last)}}
        manager = ASSUMED if assumed else FENCE
        cluster.patch(CRON_JOBS, ref.namespace, ref.name, status, manager=manager, subresource="status")


def _is_assumed(manifest: Manifest) -> bool:
    """Return whether the time of the last run was assumed, and the CronJob has not run since."""
    field = ("fieldsV1", "f:status", "f:lastScheduleTime")
    owners = [entry for entry in manifest["metadata"].get("managedFields") or [] if get(entry, *field) is not None]
    return bool(owners) and all(entry.get("manager") == ASSUMED for entry in owners)


def require_status_access(cluster: Blue, ref: ObjectRef) -> None:
    """Raise ForbiddenError when this account may not tell a CronJob what the other side has run; changes nothing."""
    cluster.patch(CRON_JOBS, ref.namespace, ref.name, {"status": {}}, manager=FENCE, dry_run=True, subresource="status")


def last_runs(cluster: Blue, namespace: str) -> dict[str, float | None]:
    """Return each CronJob of a namespace with the time of its last run, by its status and by the Jobs that it has made."""
    names: dict[str, str] = {}
    last: dict[str, float | None] = {}
    for manifest in cluster.list(CRON_JOBS, namespace):
        name = manifest["metadata"]["name"]
        names[manifest["metadata"]["uid"]] = name
        last[name] = _seconds(get(manifest, "status", "lastScheduleTime"))
    for job in _jobs(cluster, namespace):
        due = _due(job)
        for owner in get(job, "metadata", "ownerReferences") or []:
            name = names.get(owner["uid"], "")
            if name and due is not None:
                last[name] = max(due, last[name] or 0.0)
    return last


def _jobs(cluster: Blue, namespace: str) -> Iterable[Manifest]:
    try:
        yield from cluster.list(JOBS, namespace)
    except ForbiddenError:
        return  # the statuses tell all but what began in the moment of the suspension


def _due(job: Manifest) -> float | None:
    """Return for when a Job was scheduled; None for one that a person has started."""
    annotations = get(job, "metadata", "annotations") or {}
    if _BY_HAND in annotations:
        return None
    due = _seconds(annotations.get(_SCHEDULED))
    minutes = _MINUTES.search(job["metadata"]["name"])
    if due is None and minutes:
        due = int(minutes[1]) * 60.0
    created = _seconds(job["metadata"].get("creationTimestamp"))
    # The name may be a person's: no run is made before it is due.
    return None if due is None or created is None else min(due, created)


def _seconds(text: object) -> float | None:
    try:
        return datetime.datetime.fromisoformat(str(text)).timestamp()
    except (ValueError, OverflowError):
        return None


def _text(seconds: float) -> str:
    return datetime.datetime.fromtimestamp(int(seconds), datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
