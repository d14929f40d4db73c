"""The order of `migrator copy`, which a cutover begins with, too."""

from __future__ import annotations

from typing import Any

from migrator.errors import BlockedError
from migrator.migration.approval import require_unchanged
from migrator.migration.copy import CopyOptions, CopyResult, copy, require_no_traffic
from migrator.migration.one_side import guards
from migrator.migration.one_side.look import fresh
from migrator.migration.refusals import without_refused
from migrator.migration.session import Session
from migrator.migration.state import Stage
from migrator.migration.verbs.first import require_current, settle
from migrator.model.one_side import Part
from migrator.model.plan import Plan


def run_copy(session: Session, options: CopyOptions, approved: dict[str, Any] | None = None) -> tuple[Plan, CopyResult]:
    """Copy blue's objects to green. Raises BlockedError when a plan was approved and the plan is no longer the same."""
    settle(session)
    require_current(session)
    if session.run.state.stage is Stage.CUTTING_OVER:
        raise BlockedError("a cutover was interrupted", hint="`migrator cutover` continues it, and copies first if it still can")
    identities = session.preflight()
    with session.green.lock(session.holder, session.run.reporter):
        return copy_locked(session, options, identities, approved)


def copy_locked(
    session: Session, options: CopyOptions, identities: dict[str, str], approved: dict[str, Any] | None = None
) -> tuple[Plan, CopyResult]:
    """Copy while green's lock is held; `identities` are those of both clusters."""
    require_no_traffic(session.run.state)
    plan, green = session.read_and_plan()
    plan = without_refused(plan, session.green, green.live, session.run.reporter)
    if approved is not None:
        require_unchanged(plan, approved, identities)
    held = _guarded_by_copy(session, plan)
    guards.require_possible({"blue": session.blue, "green": session.green}, held, session.guarding)
    session.hooks("beforeCopy", session.config.hooks.before_copy)
    guards.keep("green", session.green, held, session.guarding, session.run)
    result = copy(plan, session.green, green.live, run=session.run, options=options)
    guards.prove("green", session.green, held, session.guarding, session.run)
    # An operator that takes the hold away does so at once.
    session.warn_of_both_sides(plan, fresh(plan, session.green, session.run.state.turned, session.run.clock))
    session.hooks("afterCopy", session.config.hooks.after_copy)
    return plan, result


def _guarded_by_copy(session: Session, plan: Plan) -> list[Part]:
    """Return what is to be guarded on green: groups that wait for their hand-over, and of an interrupted one what still is."""
    state = session.run.state
    going = {part.row for part in state.handed.values()} - state.sides.guards.get("green", frozenset())
    return [part for part in plan.parts() if part.row not in going]
