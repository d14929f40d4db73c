"""CronJobs run on one side only: where the traffic is."""

from __future__ import annotations

from migrator.errors import ApiError
from migrator.journal.records.traffic import FenceAnnounced, UnfenceAnnounced, Unfenced
from migrator.migration.run import Run
from migrator.model.kinds import CRON_JOBS
from migrator.model.plan import Decision, Plan
from migrator.model.ref import ObjectRef
from migrator.ports import Blue


def fence_blue(plan: Plan, blue: Blue, green: Blue, run: Run) -> dict[ObjectRef, ObjectRef]:
    """Suspend the moved CronJobs that run on blue, then resume them on green; return their names, blue to green.

    The journal names them first, so that a rollback can undo an interrupted run.
    """
    moved = {item.blue: item.green for item in plan.of(Decision.MOVE) if item.blue.type_name == "CronJob.batch"}
    due = {ref: green_ref for ref, green_ref in moved.items() if ref in run.state.fenced or not _suspended(blue, ref)}
    if due:
        run.write(FenceAnnounced(due))
        for ref in due:
            _set(blue, ref, suspend=True)
        for green_ref in due.values():
            _set(green, green_ref, suspend=False)
    return due


def unfence(blue: Blue, green: Blue, run: Run) -> list[str]:
    """Suspend on green and resume on blue the CronJobs that a cutover fenced; return what failed, one sentence each.

    A green cluster that does not answer does not keep the CronJobs of blue suspended.
    """
    undone: list[str] = []
    fenced = dict(run.state.fenced)
    if not fenced:
        return undone
    run.write(UnfenceAnnounced(fenced))
    for green_ref in fenced.values():
        try:
            _set(green, green_ref, suspend=True)
        except ApiError as error:
            undone.append(f"{green_ref} on green may still run: {error.message}")
    for ref in fenced:
        try:
            _set(blue, ref, suspend=False)
        except ApiError as error:
            undone.append(f"{ref} on blue is still suspended: {error.message}")
    if not undone:
        run.write(Unfenced())
    return undone


def _suspended(cluster: Blue, ref: ObjectRef) -> bool:
    manifest = cluster.get(CRON_JOBS, ref.namespace, ref.name)
    return bool((manifest.get("spec") or {}).get("suspend"))


def _set(cluster: Blue, ref: ObjectRef, *, suspend: bool) -> None:
    cluster.patch(CRON_JOBS, ref.namespace, ref.name, {"spec": {"suspend": suspend}}, manager="migrator")
