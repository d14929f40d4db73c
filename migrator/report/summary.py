"""Summarize the journal of a migration for its report."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar, assert_never

from migrator.journal.records import data, decisive, one_side, traffic
from migrator.journal.records import migration as records
from migrator.journal.records.base import Bound, Entry, Header
from migrator.journal.records.migration import MIGRATION, MigrationRecord
from migrator.model.outcome import BAD
from migrator.model.verdict import Severity

R = TypeVar("R")


@dataclass(slots=True, frozen=True)
class Milestone:
    """A line of the timeline."""

    at: float
    """Seconds since 1970."""
    what: str
    detail: str


@dataclass(slots=True, frozen=True)
class Event:
    """What happened to the traffic, marked in the plots."""

    at: float
    """Seconds since 1970."""
    what: str
    css: str
    """`red` for what went wrong."""


@dataclass(slots=True, frozen=True, kw_only=True)
class Summary:
    """The content of the report."""

    migration: str
    milestones: tuple[Milestone, ...]
    copies: tuple[Entry[records.CopyEnded], ...]
    problems: tuple[records.ObjectOutcome, ...]
    """Outcomes of the last copy that left an object off green, or different there."""
    shifts: tuple[Entry[traffic.Shifted], ...]
    samples: tuple[Entry[traffic.Sampled], ...]
    events: tuple[Event, ...]
    verdict: Entry[records.VerdictGiven] | None
    """The last verdict."""


def summarize(name: str, entries: Iterable[Entry[MigrationRecord]]) -> Summary:
    """Return the content of the report."""
    known = list(entries)
    return Summary(
        migration=name,
        milestones=tuple(_milestones(known)),
        copies=tuple(_of(known, records.CopyEnded)),
        problems=tuple(_problems(known)),
        shifts=tuple(_of(known, traffic.Shifted)),
        samples=tuple(_of(known, traffic.Sampled)),
        events=tuple(_events(known)),
        verdict=next(_of(reversed(known), records.VerdictGiven), None),
    )


def document(summary: Summary) -> dict[str, Any]:
    """Return the report as JSON; records have the same keys as in the journal."""
    return {
        "migration": summary.migration,
        "milestones": [{"at": item.at, "what": item.what, "detail": item.detail} for item in summary.milestones],
        "copies": [_timed(entry) for entry in summary.copies],
        "problems": [{"object": str(item.ref), "action": item.action.value, "message": item.message} for item in summary.problems],
        "weights": [{"at": entry.at, "percent": entry.record.percent} for entry in summary.shifts],
        "samples": [_timed(entry) for entry in summary.samples],
        "verdict": _timed(summary.verdict) if summary.verdict else None,
    }


def _timed(entry: Entry[MigrationRecord]) -> dict[str, Any]:
    return {"at": entry.at, **MIGRATION.fields(entry.record)}


def _of(entries: Iterable[Entry[MigrationRecord]], kind: type[R]) -> Iterator[Entry[R]]:
    return (Entry(entry.at, entry.record) for entry in entries if isinstance(entry.record, kind))


def _problems(entries: Sequence[Entry[MigrationRecord]]) -> Iterator[records.ObjectOutcome]:
    starts = [number for number, entry in enumerate(entries) if isinstance(entry.record, records.CopyStarted)]
    outcomes = _of(entries[starts[-1] :] if starts else entries, records.ObjectOutcome)
    return (entry.record for entry in outcomes if entry.record.action in BAD)


def _events(entries: Iterable[Entry[MigrationRecord]]) -> Iterator[Event]:
    for entry in entries:
        match entry.record:
            case traffic.ShiftAnnounced(percent):
                yield Event(entry.at, f"{percent:g} %", "event")
            case traffic.GatePassed():
                yield Event(entry.at, "gate passed", "event")
            case traffic.GateFailed():
                yield Event(entry.at, "gate failed", "red")
            case traffic.RollbackStarted():
                yield Event(entry.at, "rollback", "red")
            case _:
                continue


def _milestones(entries: Iterable[Entry[MigrationRecord]]) -> Iterator[Milestone]:
    for entry in entries:
        found = _milestone(entry.record)
        if found:
            yield Milestone(entry.at, *found)


def _milestone(record: MigrationRecord) -> tuple[str, str] | None:
    """Return a record's name in the timeline, and its detail; None if it is not shown there."""
    if isinstance(record, traffic.CutoverRecord):
        return _cutover_milestone(record)
    if isinstance(record, one_side.HandOverRecord | traffic.FenceRecord | traffic.RollbackRecord):
        return _return_milestone(record)
    if isinstance(record, data.DataRecord):
        return _data_milestone(record)
    if isinstance(record, one_side.GuardRecord):
        return (f"guard on {record.side}", ", ".join(record.rows) or "none") if isinstance(record, one_side.Guarded) else None
    return _own_milestone(record)


def _own_milestone(
    record: Header | Bound | records.HookStarted | records.CopyRecord | records.VerdictGiven | records.EndRecord,
) -> tuple[str, str] | None:
    match record:
        case records.CopyStarted():
            return "copy started", _counted(record.counts)
        case records.CopyEnded():
            return "copy ended", _counted(record.counts)
        case records.VerdictGiven():
            failures = sum(item.severity is Severity.FAILURE for item in record.findings)
            return "validated", "good" if record.good else f"bad: {failures} failures"
        case records.HookStarted():
            return "hook", f"{record.moment}: {record.program}"
        case decisive.Retired():
            return "retired", f"{record.objects} objects archived"
        case records.AccountRemoval():
            return "account removed from green", ""
        case Header() | Bound() | records.WaveAnnounced() | records.ObjectOutcome() | records.PruneAnnounced():
            return None
        case _:
            assert_never(record)


def _cutover_milestone(record: traffic.CutoverRecord) -> tuple[str, str] | None:
    match record:
        case traffic.CutoverStarted():
            return "cutover started", ""
        case traffic.CutoverEnded():
            return "cutover ended", "all traffic on green" if record.good else f"undone: {record.reason}"
        case traffic.GatePassed():
            judged = f"{record.requests} requests, {record.errors} errors, {record.latency_ms:.0f} ms"
            return "gate passed", f"{record.percent:g} %: {judged}"
        case traffic.GateFailed():
            return "gate failed", record.reason
        case traffic.ConfigurationAnnounced():
            return "configuration changed", f"{record.file}; as it was: {record.copy}"
        case (
            traffic.ClocksCompared() | traffic.PrepareAnnounced() | traffic.ShiftAnnounced() | traffic.Shifted() | traffic.Sampled()
        ):
            return None
        case _:
            assert_never(record)


def _return_milestone(record: one_side.HandOverRecord | traffic.FenceRecord | traffic.RollbackRecord) -> tuple[str, str] | None:
    match record:
        case traffic.FenceAnnounced():
            return "CronJobs turned to green", ", ".join(map(str, record.cronjobs))
        case traffic.Unfenced():
            return "CronJobs turned to blue", ""
        case traffic.RollbackStarted():
            return "rollback started", ""
        case traffic.RollbackEnded():
            return "rollback ended", "; ".join([f"traffic on blue after {record.seconds * 1000:.0f} ms", *record.undone])
        case traffic.Fenced() | traffic.UnfenceAnnounced():
            return None
        case one_side.HandOverAnnounced():
            return "handed over to green", ", ".join(str(part.blue) for part in record.parts)
        case one_side.HandedBack():
            return "handed back to blue", ""
        case one_side.Paused():
            parts = f"stop {record.stop}, data {record.data}, start {record.start}"
            return "downtime", f"{record.row}: {record.milliseconds} ms ({parts})"
        case one_side.Held() | one_side.HandOverStep() | one_side.HandedOver() | one_side.HandBackAnnounced():
            return None
        case _:
            assert_never(record)


def _data_milestone(record: data.DataRecord) -> tuple[str, str] | None:
    match record:
        case data.DataPassEnded():
            return "data copied", f"{record.claim} {record.direction}: {record.bytes} bytes, {record.left} objects differ still"
        case data.DataProven():
            proven = f"{record.entries} objects and {record.bytes} bytes are equal, digest {record.digest[:16]}"
            return (
                "data proven",
                f"{record.claim} {record.direction}: {proven}, after {record.seconds * 1000:.0f} ms; {record.proof}",
            )
        case data.DataSwitched():
            return "data switched", f"{record.claim} {record.direction} ({record.how})"
        case data.DataTakenBack():
            return "data taken back", f"{record.claim}: {record.objects} objects"
        case data.VolumeHandedOver():
            return "volume handed over", f"{record.claim} {record.direction}: {record.volume}, after {record.seconds * 1000:.0f} ms"
        case data.DataPassAnnounced() | data.VolumeHandOverAnnounced() | data.DataCleaned():
            return None
        case data.HolderAnnounced() | data.HolderRemoved():
            return None
        case _:
            assert_never(record)


def _counted(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{number} {word}" for word, number in counts.items())
