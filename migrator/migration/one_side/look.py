"""Whether what may run on one side only does so, by what was read of both."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

import orjson

from migrator.migration.inventory import Live
from migrator.model.manifest import get
from migrator.model.plan import Decision, Plan, PlanItem
from migrator.model.ref import ObjectRef
from migrator.model.strange import STRANGE
from migrator.model.verdict import Finding, Severity
from migrator.rules.one_side.recognise import held_labels
from migrator.rules.one_side.table import WORKLOADS

_CHECK = "one side"


def findings(plan: Plan, live: Mapping[ObjectRef, Live], turned: Collection[ObjectRef]) -> Iterator[Finding]:
    """Yield a failure for each object that runs on both sides; `turned`: names on blue of what was handed over to green."""
    for item in plan.of(Decision.MOVE):
        one, have = item.one_side, live.get(item.green)
        if one is None or one.part is None or have is None:
            continue
        if item.blue in turned:
            if one.runs:
                reason = f"runs on blue again, and was handed over to green: {one.why}"
                yield Finding(_CHECK, str(item.blue), Severity.FAILURE, reason, f"hold it there: {one.part.stop.words}")
        elif runs_twice(item, have):
            reason = f"runs on green, and on blue too: {one.why}"
            hint = f"hold it there ({one.how}) and find out who started it, or say that it may: cutover.oneSide with hold: both"
            yield Finding(_CHECK, str(item.green), Severity.FAILURE, reason, hint)


def runs_twice(item: PlanItem, have: Live) -> bool:
    """Return whether an object that blue runs, and that was not handed over, runs on green, too."""
    one = item.one_side
    try:
        return one is not None and one.part is not None and one.active and not one.part.is_held(orjson.loads(have.body))
    except STRANGE:
        return False  # parity tells of it


class HeldPods:
    """Which Services lead to pods that are held, and so have no endpoint on green yet."""

    def __init__(self, plan: Plan, turned: Collection[ObjectRef]) -> None:
        self._labels: list[tuple[str, dict[str, str]]] = [
            (item.green.namespace, held_labels(orjson.loads(item.body)))
            for item in plan.of(Decision.MOVE)
            if item.green.type_name in WORKLOADS and item.one_side and item.one_side.part and item.blue not in turned
        ]

    def behind(self, service: PlanItem) -> bool:
        """Return whether pods behind a Service are held."""
        selector = get(orjson.loads(service.body), "spec", "selector") or {}
        return any(
            namespace == service.green.namespace and selector and selector.items() <= labels.items()
            for namespace, labels in self._labels
        )
