"""Write last what refuses pods that blue has: a quota, a LimitRange or a pod security level came to blue after them.

Controllers make pods some time after their workload is written, so its pods are waited for, not only its object.
"""

from __future__ import annotations

from collections.abc import Iterable

import orjson

from migrator.errors import ApiError
from migrator.migration.apply.judge import Known
from migrator.migration.inventory import Live
from migrator.model.events import Note, Step
from migrator.model.manifest import get
from migrator.model.plan import Plan, PlanItem
from migrator.model.ref import ObjectRef
from migrator.model.strange import STRANGE
from migrator.ports import Clock, ClusterReader, Reporter
from migrator.readiness.pods_made import has_made_its_pods

# How long a controller may take to make its pods; then what refuses them comes anyway, and a note says so.
_SECONDS = 60.0
_POLL = 0.5
# Names in one line of progress.
_SHOWN = 5


class AfterPods:
    """What waits for pods during one copy; used by the thread that runs it."""

    def __init__(self, plan: Plan, green: ClusterReader, clock: Clock, reporter: Reporter) -> None:
        self._waiting = plan.after_pods
        self._types = {item.green: item.resource for wave in plan.waves for item in wave}
        self._green = green
        self._clock = clock
        self._reporter = reporter
        # Workloads that were waited for.
        self._seen: set[ObjectRef] = set()

    def wait(self, due: Iterable[PlanItem], written: Iterable[ObjectRef]) -> None:
        """Wait until the workloads that were written have made their pods, before what would refuse these is written."""
        there = set(written)
        wanted = {ref for item in due for ref in self._waiting.get(item.green, ()) if ref in there and ref not in self._seen}
        if not wanted:
            return
        self._seen |= wanted
        self._reporter.emit(Step(f"waiting for the pods of {len(wanted)} workloads, before what would refuse them"))
        deadline = self._clock.monotonic() + _SECONDS
        while wanted := {ref for ref in wanted if not self._made(ref)}:
            if self._clock.monotonic() >= deadline:
                shown = ", ".join(map(str, sorted(wanted)[:_SHOWN])) + (" and more" if len(wanted) > _SHOWN else "")
                self._reporter.emit(Note(f"not all pods are made after {_SECONDS:.0f} s: {shown}", warning=True))
                return
            self._clock.sleep(_POLL)

    def _made(self, ref: ObjectRef) -> bool:
        resource = self._types[ref]
        try:
            return resource is None or has_made_its_pods(self._green.get(resource, ref.namespace, ref.name))
        except (ApiError, *STRANGE):
            return False


def is_held_back(item: PlanItem, live: Live | None, known: Known) -> bool:
    """Return whether labels of a namespace of ours are still to be set: a run that made it was ended before it could."""
    if not item.late_labels or live is None or live.going:
        return False
    labels = get(orjson.loads(live.body), "metadata", "labels") or {}
    return not any(name in labels for name in item.late_labels) and known.made(item, live)
