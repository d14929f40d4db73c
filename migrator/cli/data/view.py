"""How the data of volumes is shown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import click

from migrator.cli import render
from migrator.errors import MigratorError
from migrator.migration.data.loss import losses
from migrator.migration.data.passes import ClaimOutcome
from migrator.migration.data.state import ClaimData, Data
from migrator.model.volumes import VolumePlan, Way

_UNITS = ("B", "KiB", "MiB", "GiB", "TiB")
# docs/exit-codes.md.
_INCOMPLETE = 4


def size(number: float) -> str:
    """Return a number of bytes for people."""
    unit = 0
    while number >= 1024 and unit < len(_UNITS) - 1:
        number, unit = number / 1024, unit + 1
    return f"{number:.0f} {_UNITS[unit]}" if unit == 0 else f"{number:.1f} {_UNITS[unit]}"


def show_plan(
    plans: Iterable[VolumePlan],
    found: Mapping[str, Mapping[str, Any] | MigratorError],
    known: Mapping[str, ClaimData],
    output: str,
    *,
    relayed: bool = False,
) -> None:
    """Print the way of each claim; `relayed` data goes through this machine."""
    rows = [_plan_row(plan, found.get(plan.claim), known.get(plan.claim), relayed=relayed) for plan in plans]
    if output == "json":
        render.result_json(rows)
        return
    for row in rows:
        render.line(render.word(row["way"]), f" {row['claim']}")
        if row["storage"]:
            render.line(f"    {row['storage']}")
        elif row["blue"]:
            # A volume that no pod has mounted is on no node yet.
            render.line(f"    {row['blue'].removeprefix(':')} → {(row['green'] or '?').removeprefix(':')}")
        if "bytes" in row:
            render.line(f"    {row['entries']} objects, {size(row['bytes'])}, on {row['fileSystem']}")
        if row["lastPassSeconds"]:
            render.line(f"    the last pass took {row['lastPassSeconds']:.1f} s")
        if row["reason"]:
            render.line(f"    {row['reason']}" + (f": {row['hint']}" if row["hint"] else ""))
        for text in row["notes"]:
            render.line(f"    {text}")
    if not rows:
        render.line("no claim of blue has a volume")


def _plan_row(
    plan: VolumePlan, seen: Mapping[str, Any] | MigratorError | None, known: ClaimData | None, *, relayed: bool
) -> dict[str, Any]:
    notes = [f"used on blue by {', '.join(plan.used_by)}"] if plan.used_by else []
    before = ": scale it to 0 before a copy" if plan.way is Way.COPY else ""
    notes += [f"used on green by {', '.join(plan.used_on_green)}{before}"] if plan.used_on_green else []
    notes += [f"left out on both sides: {', '.join(plan.exclude)}"] if plan.exclude else []
    notes += plan.notes
    if relayed and plan.way is Way.COPY:
        notes.append("goes through this machine (volumes.relay), which must stay on while a pass runs")
    row: dict[str, Any] = {
        "claim": plan.claim,
        "greenClaim": plan.green_claim,
        "way": plan.way.value,
        "ready": plan.ready or plan.handed,
        "storage": plan.storage,
        "reason": plan.reason,
        "hint": plan.hint,
        "blue": str(plan.blue) if plan.blue else None,
        "green": str(plan.green) if plan.green else None,
        "lastPassSeconds": known.seconds if known and known.passes else None,
        "exclude": list(plan.exclude),
        "notes": notes,
    }
    if isinstance(seen, MigratorError):
        notes.append(f"could not be looked at: {seen.message}")
    elif seen:
        row |= {"bytes": seen["bytes"], "entries": seen["entries"], "allocated": seen["allocated"], "fileSystem": seen["kind"]}
        if seen["devices"]:
            notes.append(f"holds device files, which volumes.claims must allow: {', '.join(map(str, seen['devices']))}")
    return row


def show_state(data: Data) -> None:
    """Print what was copied and proven of each claim, and what a rollback would lose."""
    for name, item in sorted(data.items()):
        if item.volume:
            _show_handed(name, item)
            continue
        render.line(f"{name}: {item.passes} passes, {item.entries} objects, {size(item.bytes)}")
        if item.open:
            render.line(render.word("unknown"), " a pass was begun and has not ended here; the same verb joins it")
        if item.proven_at is not None:
            where = "green has what blue had" if item.proven else "blue has what green had"
            render.line(f"    {where} at {render.moment(item.proven_at)}, digest {item.digest[:16]}; {item.proof}")
        elif item.passes:
            render.line(f"    {item.left} objects differed at the end of the last pass; not proven")
    for loss in losses(data):
        since = f" (since {render.moment(loss.since)})" if loss.since is not None else ""
        render.line(f"{loss.claim}: a rollback loses {loss.rollback}{since}; {loss.why}")
    if not data:
        render.line("no data was copied")


def _show_handed(name: str, item: ClaimData) -> None:
    side = "green" if item.direction == "to-green" else "blue"
    if item.proven_at is None:
        render.line(
            render.word("unknown"), f" {name}: the hand-over of {item.volume} to {side} was begun; the same verb continues it"
        )
    else:
        since = f"since {render.moment(item.proven_at)}"
        render.line(f"{name}: {side} has volume {item.volume} itself {since}; nothing is lost either way")


def show_outcomes(outcomes: list[ClaimOutcome], output: str, words: str) -> None:
    """Print what came of each claim, and end with exit code 4 when one failed."""
    if output == "json":
        render.result_json([_outcome_row(item) for item in outcomes])
    else:
        for item in outcomes:
            _show_outcome(item, words)
    failed = any(item.error for item in outcomes)
    click.get_current_context().exit(_INCOMPLETE if failed else 0)


def _outcome_row(item: ClaimOutcome) -> dict[str, Any]:
    if item.error:
        return {"claim": item.claim, "good": False, "error": item.error.message, "hint": item.error.hint}
    if item.handed:
        return {"claim": item.claim, "good": True, "handed": item.handed, "seconds": round(item.seconds, 3)}
    document = dict(item.result.document) if item.result else {}
    return {"claim": item.claim, **document, "proof": str(item.proof) if item.proof else None}


def _show_outcome(item: ClaimOutcome, words: str) -> None:
    if item.handed and not item.error:
        render.line(
            render.word("ok"), f" {item.claim}: {item.handed}: handed over in {item.seconds * 1000:.0f} ms, nothing was copied"
        )
        return
    if item.error or item.result is None:
        error = item.error
        render.line(render.word("failed"), f" {item.claim}: {error.message if error else ''}")
        if error and error.hint:
            render.line(f"    → {error.hint}")
        return
    result = item.result
    amount = f"{result.number('entries')} objects, {size(result.number('bytes'))}"
    came = f"{size(result.number('received'))} transferred in {result.seconds:.1f} s"
    render.line(render.word("ok"), f" {item.claim}: {amount}; {came}")
    if item.proof:
        render.line(f"    {words}: digest {result.digest}")
        if out := result.document.get("excluded"):
            render.line(f"    but for {', '.join(out['patterns'])}, which is left out: {out['objects']} objects on the source")
        render.line(f"    the last pass took {result.seconds * 1000:.0f} ms; {item.proof}")
    elif left := result.number("leftCount"):
        render.line(f"    {left} objects changed during the pass, such as {result.document['left'][0]}; the next pass copies them")
    else:
        render.line("    both sides were equal when they were read")
