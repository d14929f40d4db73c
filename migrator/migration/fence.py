"""CronJobs run on one side only: where the traffic is."""

from __future__ import annotations

from migrator.errors import ApiError
from migrator.migration.state import State
from migrator.model.plan import Decision, Plan
from migrator.model.ref import ObjectRef, ResourceType
from migrator.ports import Cluster, Journal

CRONJOBS = ResourceType("batch", "v1", "cronjobs", "CronJob", True, frozenset())


def fence_blue(plan: Plan, blue: Cluster, green: Cluster, state: State, journal: Journal) -> dict[ObjectRef, ObjectRef]:
    """Suspend on blue, then resume on green, the moved CronJobs that run on blue; return them (blue: green).

    The journal names them first, so that a rollback can undo it whatever happens in between.
    """
    moved = {item.blue: item.green for item in plan.of(Decision.MOVE) if item.blue.type_name == "CronJob.batch"}
    due = {ref: green_ref for ref, green_ref in moved.items() if ref in state.fenced or not _suspended(blue, ref)}
    if due:
        journal.append("fence", cronjobs={str(ref): str(green_ref) for ref, green_ref in due.items()})
        state.fenced |= due
        for ref in due:
            _set(blue, ref, suspend=True)
        for green_ref in due.values():
            _set(green, green_ref, suspend=False)
    return due


def unfence(blue: Cluster, green: Cluster, state: State, journal: Journal) -> list[str]:
    """Suspend on green and resume on blue what a cutover had turned over; return what could not be done.

    Green may be out of reach: blue does not wait for it.
    """
    undone: list[str] = []
    if not state.fenced:
        return undone
    journal.append("unfence", cronjobs={str(ref): str(green_ref) for ref, green_ref in state.fenced.items()})
    for green_ref in state.fenced.values():
        try:
            _set(green, green_ref, suspend=True)
        except ApiError as error:
            undone.append(f"{green_ref} on green may still run: {error.message}")
    for ref in state.fenced:
        try:
            _set(blue, ref, suspend=False)
        except ApiError as error:
            undone.append(f"{ref} on blue is still suspended: {error.message}")
    if not undone:
        journal.append("unfenced")
        state.fenced.clear()
    return undone


def _suspended(cluster: Cluster, ref: ObjectRef) -> bool:
    manifest = cluster.get(CRONJOBS, ref.namespace, ref.name)
    return bool((manifest.get("spec") or {}).get("suspend"))


def _set(cluster: Cluster, ref: ObjectRef, *, suspend: bool) -> None:
    cluster.patch(CRONJOBS, ref.namespace, ref.name, {"spec": {"suspend": suspend}}, manager="migrator")
