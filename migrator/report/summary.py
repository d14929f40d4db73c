"""Fold a journal into what a report shows; plain data, so that it is the JSON report too."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, assert_never

from migrator.journal.records import migration as records
from migrator.journal.records.base import Bound, Entry, Header
from migrator.journal.records.migration import MigrationRecord
from migrator.model.outcome import BAD
from migrator.model.verdict import Severity


def summarize(name: str, entries: Iterable[Entry[MigrationRecord]]) -> dict[str, Any]:
    """Return the report's content."""
    summary: dict[str, Any] = {
        "migration": name,
        "milestones": [],
        "copies": [],
        "problems": [],
        "weights": [],
        "samples": [],
        "verdict": None,
    }
    for entry in entries:
        _take(summary, entry.record, entry.at)
        milestone = _milestone(entry.record)
        if milestone:
            what, detail = milestone
            summary["milestones"].append({"at": entry.at, "what": what, "detail": detail})
    return summary


def _take(summary: dict[str, Any], record: MigrationRecord, at: float) -> None:
    match record:
        case records.CopyStarted():
            summary["problems"] = []
        case records.ObjectOutcome(action=action) if action in BAD:
            summary["problems"].append({"object": str(record.ref), "action": action.value, "message": record.message})
        case records.CopyEnded():
            summary["copies"].append({"at": at} | _copy(record))
        case records.Shifted(percent=percent):
            summary["weights"].append({"at": at, "percent": percent})
        case records.Sampled():
            sides = {"green": _side(record.green), "blue": _side(record.blue)}
            summary["samples"].append({"at": at, "percent": record.percent, **sides})
        case records.VerdictGiven():
            findings = [_finding(item) for item in record.findings]
            summary["verdict"] = {"at": at, "good": record.good, "seconds": record.seconds, "findings": findings}
        case _:
            pass


def _copy(record: records.CopyEnded) -> dict[str, Any]:
    return {
        "counts": record.counts,
        "kinds": record.kinds,
        "skipped": {reason: [str(ref) for ref in refs] for reason, refs in record.skipped.items()},
        "blocked": [{"ref": str(item.ref), "reason": item.reason, "cure": item.hint} for item in record.blocked],
        "kindsSkipped": record.kinds_skipped,
        "dataLeft": list(record.data_left),
        "complete": record.complete,
    }


def _side(sample: records.SideSample) -> dict[str, float]:
    return {"requests": sample.requests, "errors": sample.errors, "latency": sample.latency_ms, "sessions": sample.sessions}


def _finding(item: records.RecordedFinding) -> dict[str, str]:
    return {
        "check": item.check,
        "subject": item.subject,
        "severity": item.severity.value,
        "reason": item.reason,
        "cure": item.hint,
    }


def _milestone(record: MigrationRecord) -> tuple[str, str] | None:
    """Return a record as a line of the report's timeline; None for what is no milestone."""
    if isinstance(record, records.CutoverRecord):
        return _cutover_milestone(record)
    if isinstance(record, records.FenceRecord | records.RollbackRecord):
        return _return_milestone(record)
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
        case records.Retired():
            return "retired", f"{record.objects} objects archived"
        case Header() | Bound() | records.WaveAnnounced() | records.ObjectOutcome() | records.PruneAnnounced():
            return None
        case _:
            assert_never(record)


def _cutover_milestone(record: records.CutoverRecord) -> tuple[str, str] | None:
    match record:
        case records.CutoverStarted():
            return "cutover started", ""
        case records.CutoverEnded():
            return "cutover ended", "all traffic on green" if record.good else f"undone: {record.reason}"
        case records.GatePassed():
            judged = f"{record.requests} requests, {record.errors} errors, {record.latency_ms:.0f} ms"
            return "gate passed", f"{record.percent:g} %: {judged}"
        case records.GateFailed():
            return "gate failed", record.reason
        case records.ShiftAnnounced() | records.Shifted() | records.Sampled():
            return None
        case _:
            assert_never(record)


def _return_milestone(record: records.FenceRecord | records.RollbackRecord) -> tuple[str, str] | None:
    match record:
        case records.FenceAnnounced():
            return "CronJobs turned to green", ", ".join(map(str, record.cronjobs))
        case records.Unfenced():
            return "CronJobs turned to blue", ""
        case records.RollbackStarted():
            return "rollback started", ""
        case records.RollbackEnded():
            return "rollback ended", "; ".join([f"traffic on blue after {record.seconds * 1000:.0f} ms", *record.undone])
        case records.UnfenceAnnounced():
            return None
        case _:
            assert_never(record)


def _counted(counts: dict[str, int]) -> str:
    return ", ".join(f"{number} {word}" for word, number in counts.items())
