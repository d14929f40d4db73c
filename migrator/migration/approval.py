"""The plan as a document that a person approves, and whether a later plan is still the approved one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson

from migrator.errors import BlockedError, ConfigError
from migrator.migration.one_side.groups import as_documents
from migrator.model.manifest import get
from migrator.model.plan import Decision, Plan, PlanItem
from migrator.model.words import some


def as_document(plan: Plan, identities: dict[str, str]) -> dict[str, Any]:
    """Return the plan as plain data for JSON and for approval; it holds no object's content."""
    wave_of = {item.green: number for number, wave in enumerate(plan.waves, start=1) for item in wave}
    return {
        "format": 1,
        "clusters": identities,
        "counts": dict(plan.counts),
        "waves": len(plan.waves),
        "objects": [_item_document(item, wave_of.get(item.green)) for item in plan.items],
        "kindsSkipped": dict(plan.kinds_skipped),
        "unreadable": [{"kind": item.type_name, "reason": item.reason} for item in plan.unreadable],
        "oneSide": as_documents(plan),
        "questions": [
            {"object": str(item.blue), "question": item.question, "answer": item.answer} for item in plan.items if item.question
        ],
        "warnings": list(plan.warnings),
    }


def _item_document(item: PlanItem, wave: int | None) -> dict[str, Any]:
    document: dict[str, Any] = {"object": str(item.blue), "decision": item.decision.value}
    if item.green != item.blue:
        document["green"] = str(item.green)
    details = {
        "reason": item.reason,
        "cure": item.hint,
        "transforms": list(item.transforms),
        "notes": list(item.notes),
        "wave": wave,
        "token": item.token,
    }
    return document | {name: value for name, value in details.items() if value}


def load_approved(path: Path) -> dict[str, Any]:
    """Return the document that `migrator plan --out` has written; raises ConfigError."""
    try:
        return dict(orjson.loads(path.read_bytes()))
    except OSError as error:
        raise ConfigError([f"{path}: cannot be read: {error.strerror}"], hint="`migrator plan --out FILE` writes one") from error
    except (ValueError, TypeError) as error:
        raise ConfigError([f"{path}: not a plan: {error}"], hint="`migrator plan --out FILE` writes one") from error


def require_unchanged(plan: Plan, approved: dict[str, Any], identities: dict[str, str]) -> None:
    """Raise BlockedError, naming what changed, unless this plan is the approved one."""
    if get(approved, "format") != 1 or not isinstance(approved.get("objects"), list):
        raise BlockedError("the approved plan is not a plan of this tool", hint="make one with `migrator plan --out`")
    if approved.get("clusters") != identities:
        raise BlockedError("the approved plan was made for other clusters", hint="make a new one with `migrator plan --out`")
    try:
        before = {item["object"]: (item["decision"], item.get("token", "")) for item in approved["objects"]}
    except (TypeError, KeyError, AttributeError):
        raise BlockedError(
            "the approved plan was changed: an object in it has no name or no decision", hint="make one with `migrator plan --out`"
        ) from None
    now = {str(item.blue): (item.decision.value, item.token) for item in plan.items}
    changed = [f"{name} (new)" for name in now.keys() - before.keys() if now[name][0] != Decision.SKIP]
    changed += [f"{name} (gone)" for name in before.keys() - now.keys() if before[name][0] != Decision.SKIP]
    changed += [f"{name} (changed)" for name in now.keys() & before.keys() if now[name] != before[name]]
    if changed:
        shown = some(sorted(changed), 20)
        raise BlockedError(
            f"blue has changed since the plan was approved: {shown}",
            hint="look at it with `migrator plan`, then approve a new one",
        )
