"""Recognise an object of ours that a killed run has created and that green's admission changed on its way.

It differs from what was planned, as if somebody else had made it. A dry run of the same create tells what green makes of it.
"""

from __future__ import annotations

from dataclasses import replace

import orjson

from migrator.errors import ApiError
from migrator.migration.apply.judge import Known, judge, outcome
from migrator.migration.inventory import Live
from migrator.migration.trials import Trials
from migrator.model.added import content
from migrator.model.outcome import Action, Outcome
from migrator.model.plan import PlanItem


def judged(item: PlanItem, live: Live | None, known: Known, trials: Trials) -> Outcome | None:
    """Return the outcome if nothing is to be written, or None if the object must be written."""
    found = judge(item, live, known)
    if live is None or found is None or found.action is not Action.CONFLICT:
        return found
    return _as_admitted(item, live, known, trials) or found


def _as_admitted(item: PlanItem, live: Live, known: Known, trials: Trials) -> Outcome | None:
    """Return the outcome of an object that is as green's admission makes it of ours; None where that is not proven."""
    attempt = known.state.intended.get(item.green)
    if attempt is None or item.resource is None or item.green in known.state.written or item.ended or item.hold:
        return None
    body = orjson.loads(item.body)
    try:
        made = content(trials.make(item.resource, item.green.namespace, body))
    except ApiError:
        return None
    # `content` leaves out what names an object and its owners; that stays as it was planned.
    identity = {key: value for key, value in body["metadata"].items() if key not in made["metadata"]}
    admitted = {**body, **made, "metadata": {**identity, **made["metadata"]}}
    if not known.wrote(replace(item, body=orjson.dumps(admitted)), live, attempt):
        return None
    return outcome(item, Action.UNCHANGED, live, made=True)
