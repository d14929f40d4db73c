"""The order of `migrator plan`: read both sides, decide, ask green what it would refuse."""

from __future__ import annotations

from typing import Any

from migrator.migration import prepare
from migrator.migration.approval import as_document
from migrator.migration.data.over import predicted_pass
from migrator.migration.one_side import guards
from migrator.migration.refusals import without_refused
from migrator.migration.session import Session
from migrator.model.plan import Plan


def run_plan(session: Session) -> tuple[Plan, dict[str, Any]]:
    """Return the decision for every object of blue, and its JSON document; write nothing."""
    identities = session.preflight()
    plan, green = session.read_and_plan()
    plan = without_refused(plan, session.green, green.live, session.run.reporter)
    if session.switch:
        prepare.tell(session.switch, session.run.reporter)
    document = as_document(plan, identities)
    for group in document["oneSide"]:
        group["lastPassMs"] = predicted_pass(group["claims"], session)
    return plan, document | {"guards": guards.as_documents(plan.parts(), session.guarding)}
