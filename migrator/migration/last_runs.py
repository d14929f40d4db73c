"""Tell green's CronJobs what blue has run, so that who resumes one by hand repeats no run."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Executor
from functools import partial

import orjson

from migrator.errors import ApiError
from migrator.migration.apply.judge import Known
from migrator.migration.one_side import schedules
from migrator.model.events import Note, Step
from migrator.model.plan import Decision, Plan, PlanItem
from migrator.ports import ObjectPatcher, Reporter


def tell(plan: Plan, known: Known, green: ObjectPatcher, pool: Executor, reporter: Reporter) -> None:
    """Write the time of blue's last run into CronJobs of ours that do not run on green; warns of those that could not be told."""
    behind = list(_behind(plan, known))
    if not behind:
        return
    reporter.emit(Step(f"setting the time of blue's last run on {len(behind)} CronJobs of green"))
    for item, why in zip(behind, pool.map(partial(_told, green=green, known=known), behind), strict=True):
        if why:
            text = f"{item.green} does not know when blue ran it last: who resumes it by hand may repeat that run ({why})"
            reporter.emit(Note(text, warning=True))


def _behind(plan: Plan, known: Known) -> Iterator[PlanItem]:
    """Yield what blue has run since the last run that green knows of."""
    for item in plan.of(Decision.MOVE):
        if item.last_run is None or item.green not in known.uids or item.blue in known.state.turned:
            continue
        live = known.live.get(item.green)
        last = schedules.last_run(orjson.loads(live.body)) if live else None
        ours = live is None or known.made(item, live)
        if ours and (last is None or last < item.last_run):
            yield item


def _told(item: PlanItem, green: ObjectPatcher, known: Known) -> str:
    """Write the time; return why that was not possible, or an empty string."""
    live = known.live.get(item.green)
    try:
        schedules.tell(green, item.green, orjson.loads(live.body) if live else {}, item.last_run)
    except ApiError as error:
        return error.message
    return ""
