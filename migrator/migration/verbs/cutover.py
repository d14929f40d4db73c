"""The order of `migrator cutover`."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field

from migrator.errors import BlockedError
from migrator.journal.records.one_side import Paused
from migrator.migration import cutover
from migrator.migration.ages import Moment
from migrator.migration.copy import CopyOptions, CopyResult
from migrator.migration.cutover import Consent
from migrator.migration.data.over import DataOver
from migrator.migration.fence import Limits
from migrator.migration.locks import both_locked
from migrator.migration.one_side.addresses import addresses_first
from migrator.migration.one_side.groups import Group
from migrator.migration.one_side.over import hand_over, ready_to_hand_over
from migrator.migration.plan import shrinking
from migrator.migration.session import Session
from migrator.migration.verbs.copy import copy_locked
from migrator.migration.verbs.first import require_switch, settle
from migrator.migration.volumes_over import VolumesOver
from migrator.model.events import Note


@dataclass(slots=True, frozen=True)
class CutoverResult:
    """The result of a cutover that succeeded."""

    copied: CopyResult
    handed_over: tuple[str, ...]
    """What ran on blue only, and runs on green now."""
    open_on_blue: Mapping[str, int] | None = None
    """Connections that are still open on blue, by server; None when the load balancer does not tell."""
    ended_on_blue: Mapping[str, int] = field(default_factory=dict)
    """Connections that were open on blue and were ended, by server."""
    pauses: tuple[Paused, ...] = ()
    """How long each group with data stood still."""
    uncounted: tuple[str, ...] = ()
    """Switches that do not know what is open through them."""


def run_cutover(session: Session, options: CopyOptions, consent: Consent | None = None) -> CutoverResult:
    """Copy what changed, hand over what runs on one side only, then shift traffic in steps; undo the last two when a gate fails."""
    switch = require_switch(session)
    settle(session)
    identities = session.preflight()
    cutover.look(switch, session.run)
    for notice in switch.require_shares():
        session.run.reporter.emit(Note(notice, warning=True))
    there = session.green.server_time()
    cutover.require_verdict(session.run.state, session.config.gates, Moment(session.run.clock.now(), there))
    ahead = there - session.run.clock.monotonic()
    with both_locked(session.blue, session.green, session.holder, session.run.reporter) as lock, ExitStack() as unused:
        inputs = cutover.CutoverInputs(
            session.config.course, session.config.gates, session.config.probes, switch, session.prober, lock, ahead
        )
        cutover.require_judges(inputs, session.run)
        uncounted = switch.abilities().uncounted
        session.hooks("beforeCutover", session.config.hooks.before_cutover)
        if session.run.state.green_percent:
            plan, copied = session.read_and_plan()[0], CopyResult.nothing()
        else:
            plan, copied = copy_locked(session, options, identities)
        if not copied.complete:
            raise BlockedError("the last copy was not complete", hint="see `migrator copy`, then validate again")
        due = ready_to_hand_over(plan, session.blue, session.green, session.run)
        limits = Limits.of(session.config.cutover)
        for text in shrinking(plan.items):
            session.run.reporter.emit(Note(text, warning=True))
        addresses = addresses_first(plan, session.blue, session.green, session.run, limit=limits.start)
        data, volumes = DataOver(session, session.movers, limits.stop), VolumesOver(session)
        unused.callback(data.release)
        volumes.ready(due, plan)
        data.ready(due, plan)

        def between(group: Group) -> None:
            addresses(group)
            data.between(group)
            volumes.between(group)

        pauses = cutover.cut_over(
            inputs,
            lambda: hand_over(due, session.blue, session.green, session.run, limits, between=between, guarding=session.guarding),
            session.way_back(),
            session.run,
        )
        session.hooks("afterCutover", session.config.hooks.after_cutover)
    left, ended = cutover.settle_blue(switch, consent or Consent(), session.run)
    return CutoverResult(copied, tuple(str(part.blue) for part in due), left, ended, pauses, uncounted)
