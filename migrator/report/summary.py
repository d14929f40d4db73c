"""Fold a journal into what a report shows; plain data, so that it is the JSON report too."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

_MILESTONES = {
    "copy-started": "copy started",
    "copy-ended": "copy ended",
    "verdict": "validated",
    "cutover-started": "cutover started",
    "cutover-ended": "cutover ended",
    "gate-passed": "gate passed",
    "gate-failed": "gate failed",
    "rollback-started": "rollback started",
    "rollback-ended": "rollback ended",
    "fence": "CronJobs turned to green",
    "unfenced": "CronJobs turned to blue",
    "hook": "hook",
    "retired": "retired",
}


def summarize(name: str, events: Iterable[dict[str, Any]]) -> dict[str, Any]:
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
    for line in events:
        event, at = line["event"], line["at"]
        if event in _MILESTONES:
            summary["milestones"].append({"at": at, "what": _MILESTONES[event], "detail": _detail(line)})
        if event == "copy-ended":
            kept = ("counts", "kinds", "skipped", "blocked", "kindsSkipped", "dataLeft", "complete")
            summary["copies"].append({"at": at} | {key: line[key] for key in kept})
        elif event == "copy-started":
            summary["problems"] = []
        elif event == "outcome" and line["action"] in ("failed", "conflict", "blocked"):
            summary["problems"].append({"object": line["ref"], "action": line["action"], "message": line.get("message", "")})
        elif event == "shifted":
            summary["weights"].append({"at": at, "percent": line["percent"]})
        elif event == "sample":
            summary["samples"].append({key: line[key] for key in ("at", "percent", "green", "blue")})
        elif event == "verdict":
            summary["verdict"] = {
                "at": at,
                "good": line["good"],
                "seconds": line["seconds"],
                "findings": line["findings"],
            }
    return summary


def _detail(line: dict[str, Any]) -> str:
    match line["event"]:
        case "copy-started" | "copy-ended":
            return ", ".join(f"{number} {word}" for word, number in line["counts"].items())
        case "verdict":
            return "good" if line["good"] else f"bad: {sum(f['severity'] == 'failure' for f in line['findings'])} failures"
        case "gate-passed":
            return f"{line['percent']:g} %: {line['requests']} requests, {line['errors']} errors, {line['latency']:.0f} ms"
        case "gate-failed":
            return str(line["reason"])
        case "cutover-ended":
            return "all traffic on green" if line["good"] else f"undone: {line['reason']}"
        case "rollback-ended":
            return f"traffic on blue after {line['seconds'] * 1000:.0f} ms" + "".join(f"; {text}" for text in line["undone"])
        case "fence" | "unfenced":
            return ", ".join(line.get("cronjobs", ()))
        case "hook":
            return f"{line['moment']}: {line['program']}"
        case "retired":
            return f"{line['objects']} objects archived"
        case _:
            return ""
