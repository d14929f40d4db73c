"""Whether what may run on one side only does so, by what was read of both."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping

import orjson

from migrator.errors import ApiError
from migrator.migration.bounded import each
from migrator.migration.inventory import Live, live_of
from migrator.migration.one_side import act
from migrator.model.kinds import BUDGETS
from migrator.model.manifest import get
from migrator.model.one_side import Part, Where
from migrator.model.plan import Decision, Plan, PlanItem
from migrator.model.pods import matches
from migrator.model.ref import ObjectRef
from migrator.model.strange import STRANGE
from migrator.model.verdict import Finding, Severity
from migrator.ports import Clock, ClusterReader
from migrator.rules.one_side.recognise import held_labels
from migrator.rules.one_side.table import WORKLOADS, WORKS_IN
from migrator.rules.one_side.waker import last_writer

_CHECK = "one side"
# How long green is asked what is held there, once more.
_SECONDS = 20.0


Who = Callable[[Part, Where], str]
"""Who wrote last to what holds an object on a side, and when."""


def findings(
    plan: Plan, live: Mapping[ObjectRef, Live], turned: Collection[ObjectRef], who: Who = lambda _part, _where: ""
) -> Iterator[Finding]:
    """Yield a failure for each object that runs on both sides; `turned`: names on blue of what was handed over to green."""
    for item in plan.of(Decision.MOVE):
        one, have = item.one_side, live.get(item.green)
        if one is None or one.part is None or have is None:
            continue
        if item.blue in turned:
            if one.runs:
                reason = f"runs on blue again, and was handed over to green{_by(who(one.part, 'blue'))}: {one.why}"
                yield Finding(_CHECK, str(item.blue), Severity.FAILURE, reason, f"hold it there: {one.part.stop.words}")
        elif runs_twice(item, have):
            reason = f"runs on green, and on blue too{_by(who(one.part, 'green'))}: {one.why}"
            hint = f"hold it there ({one.how}) and find out who started it, or say that it may: cutover.oneSide with hold: both"
            yield Finding(_CHECK, str(item.green), Severity.FAILURE, reason, hint)


def asking(blue: ClusterReader, green: ClusterReader) -> Who:
    """Return what asks the clusters who it was; one that does not answer tells nothing."""
    sides: Mapping[Where, ClusterReader] = {"blue": blue, "green": green}

    def who(part: Part, where: Where) -> str:
        try:
            manifest = act.read(sides[where], part, where)
        except (ApiError, *STRANGE):
            return ""
        return last_writer(manifest, part) if manifest is not None else ""

    return who


def fresh(plan: Plan, green: ClusterReader, turned: Collection[ObjectRef], clock: Clock) -> dict[ObjectRef, Live]:
    """Return what is held on green as it is at this moment, by name there; what does not answer is left out."""
    by_ref = {part.blue: part for part in plan.parts() if part.blue not in turned}
    answers = each(by_ref, lambda ref: act.read(green, by_ref[ref], "green"), seconds=_SECONDS, clock=clock)
    return {by_ref[ref].green: live_of(manifest) for ref, manifest in answers.done.items() if manifest is not None}


def _by(who: str) -> str:
    return f" (last written by {who})" if who else ""


def runs_twice(item: PlanItem, have: Live) -> bool:
    """Return whether an object that blue runs, and that was not handed over, runs on green, too."""
    one = item.one_side
    try:
        return one is not None and one.part is not None and one.active and not one.part.is_held(orjson.loads(have.body))
    except STRANGE:
        return False  # parity tells of it


def stands_still(item: PlanItem, plan: Plan, turned: Collection[ObjectRef]) -> bool:
    """Return whether nothing has to be ready of a custom resource yet: it is held on green, or what it works in is."""
    kind = WORKS_IN.get(item.green.type_name)
    if kind is not None:
        return any(
            part.green.type_name == kind and part.green.namespace == item.green.namespace and part.blue not in turned
            for part in plan.parts()
        )
    part = item.one_side.part if item.one_side else None
    return part is not None and part.blue not in turned and part.green.type_name not in WORKLOADS


class HeldPods:
    """Which Services lead to pods that are held, and so have no endpoint on green yet, and which budgets demand such pods."""

    def __init__(self, plan: Plan, turned: Collection[ObjectRef]) -> None:
        self._turned = turned
        self._labels: list[tuple[str, dict[str, str]]] = [
            (item.green.namespace, held_labels(orjson.loads(item.body)))
            for item in plan.of(Decision.MOVE)
            if item.green.type_name in WORKLOADS and item.one_side and item.one_side.part and item.blue not in turned
        ]
        parts = [part for part in plan.parts() if part.claims and part.blue not in turned]
        self._groups = {part.green.namespace: part.row for part in parts}
        self._parts = frozenset(part.blue for part in plan.parts())

    def behind(self, service: PlanItem) -> bool:
        """Return whether pods behind a Service are held."""
        selector = get(orjson.loads(service.body), "spec", "selector") or {}
        return any(
            namespace == service.green.namespace and selector and selector.items() <= labels.items()
            for namespace, labels in self._labels
        )

    def have_made(self, namespace: str, labels: Mapping[str, str]) -> bool:
        """Return whether a pod with these labels is one of those that are held; `namespace`: its name on green."""
        return any(there == namespace and held and held.items() <= labels.items() for there, held in self._labels)

    def makes_none(self, item: PlanItem) -> bool:
        """Return whether an object is held, so that it has no pods."""
        part = item.one_side.part if item.one_side else None
        return part is not None and part.blue not in self._turned

    def beside(self, item: PlanItem) -> str:
        """Return the group of what is held with its data in the namespace of an object that is not held; empty: there is none."""
        return "" if item.blue in self._parts else self._groups.get(item.green.namespace, "")

    def demanded_by(self, budget: PlanItem) -> bool:
        """Return whether a PodDisruptionBudget counts held pods: it demands as many as before (policy/v1, minAvailable)."""
        if budget.green.type_name != BUDGETS.type_name:
            return False
        selector = get(orjson.loads(budget.body), "spec", "selector")
        try:
            there = (labels for namespace, labels in self._labels if namespace == budget.green.namespace)
            return selector is not None and any(matches(selector, labels) for labels in there)
        except STRANGE:
            return False
