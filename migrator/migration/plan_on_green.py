"""What reading green adds to a plan, which is made while green is read: what cannot be read there, and what refuses writes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

import orjson

from migrator.migration.inventory import GreenReading, unreadable_names
from migrator.migration.late_runs import without_late_runs
from migrator.model.plan import Decision, Plan, PlanItem, Unreadable
from migrator.model.ref import ObjectRef
from migrator.model.strange import STRANGE, reason_of
from migrator.rules import webhooks


def with_green(plan: Plan, green: GreenReading) -> Plan:
    """Return the plan with what reading green has added: what cannot be read there, and warnings."""
    if green.strange:
        plan = _without(plan, green.strange)
    plan = without_late_runs(plan, green)
    unreadable = (*plan.unreadable, *green.unreadable)
    return replace(plan, unreadable=unreadable, warnings=(*plan.warnings, *_unread(unreadable), *_green_warnings(green)))


def _unread(unreadable: tuple[Unreadable, ...]) -> Iterator[str]:
    refused = [item for item in unreadable if not item.failed]
    if refused:
        yield f"not readable with this account, so not moved: {unreadable_names(refused)}"
    for item in unreadable:
        if item.failed:
            yield f"not readable, so not moved: {item.type_name}: {item.reason}"


def _without(plan: Plan, strange: Mapping[ObjectRef, str]) -> Plan:
    """Return the plan with what cannot be read on green blocked: nobody knows what a copy would overwrite."""

    def judged(item: PlanItem) -> PlanItem:
        lost = item.decision is Decision.MOVE and item.green in strange
        if not lost:
            return item
        reason = f"its object on green {strange[item.green]}"
        return PlanItem(item.blue, item.green, Decision.BLOCKED, reason, "fix or delete it on green", uid=item.uid)

    waves = (tuple(item for item in wave if item.green not in strange) for wave in plan.waves)
    return replace(plan, items=tuple(map(judged, plan.items)), waves=tuple(wave for wave in waves if wave))


def _green_warnings(green: GreenReading) -> Iterable[str]:
    """Yield what on green refuses writes."""
    for ref, live in green.live.items():
        if ref.kind in ("ValidatingWebhookConfiguration", "MutatingWebhookConfiguration"):
            try:
                services = webhooks.strict_backends(orjson.loads(live.body))
            except STRANGE as error:
                yield f"{ref} on green {reason_of(error)}"
                continue
            for service in services:
                if service not in green.live:
                    yield f"{ref} on green refuses all it matches: its Service {service.namespace}/{service.name} is not there"
