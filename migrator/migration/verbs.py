"""The verbs of a migration: for each, the order in which things happen.

What one verb alone needs is imported by it: half a second of a copy was spent on imports.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from migrator.errors import BlockedError
from migrator.journal.records.migration import VerdictGiven
from migrator.journal.records.one_side import Paused
from migrator.journal.records.traffic import ClocksCompared
from migrator.migration.approval import as_document, require_unchanged
from migrator.migration.copy import CopyOptions, CopyResult, copy, require_no_traffic
from migrator.migration.fence import Limits
from migrator.migration.inventory import GreenReading
from migrator.migration.locks import both_locked
from migrator.migration.one_side import guards
from migrator.migration.one_side.groups import Group
from migrator.migration.one_side.look import fresh
from migrator.migration.plan import shrinking
from migrator.migration.refusals import without_refused
from migrator.migration.session import Session
from migrator.migration.state import Stage
from migrator.model.events import Note, Step
from migrator.model.one_side import Part, Where
from migrator.model.plan import Plan
from migrator.model.verdict import Finding, Severity, Verdict
from migrator.ports import Blue, Sealer

if TYPE_CHECKING:
    from migrator.migration.archive import Archived
    from migrator.migration.cutover import Consent
    from migrator.migration.diff import ObjectDiff
    from migrator.migration.prepare import Prepared

_NO_TRAFFIC, _ADD_TRAFFIC = "migration.yaml says nothing about traffic", "add `traffic:`, see docs/migration-yaml.md"


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


def run_plan(session: Session) -> tuple[Plan, dict[str, Any]]:
    """Return the decision for every object of blue, and its JSON document; write nothing."""
    from migrator.migration import prepare
    from migrator.migration.data.over import predicted_pass

    identities = session.preflight()
    plan, green = session.read_and_plan()
    plan = without_refused(plan, session.green, green.live, session.run.reporter)
    if session.switch:
        prepare.tell(session.switch, session.run.reporter)
    document = as_document(plan, identities)
    for group in document["oneSide"]:
        group["lastPassMs"] = predicted_pass(group["claims"], session)
    return plan, document | {"guards": guards.as_documents(plan.parts(), session.guarding)}


def run_prepare(session: Session) -> Prepared:
    """Shorten how long clients may stay behind after a cutover; no traffic moves."""
    from migrator.migration import prepare

    if session.switch is None:
        raise BlockedError(_NO_TRAFFIC, hint=_ADD_TRAFFIC)
    if session.run.state.stage is Stage.RETIRED:
        raise BlockedError("this migration is retired", hint="start a new one with another name")
    return prepare.prepare(session.switch, session.run)


def run_diff(session: Session) -> list[ObjectDiff]:
    """Return how each object on green would change, by dry runs; write nothing."""
    from migrator.migration.diff import diff

    session.preflight()
    plan, green = session.read_and_plan()
    return diff(plan, session.green, green.live, session.run.reporter)


def run_copy(session: Session, options: CopyOptions, approved: dict[str, Any] | None = None) -> tuple[Plan, CopyResult]:
    """Copy blue's objects to green. Raises BlockedError when a plan was approved and the plan is no longer the same."""
    _settle(session)
    if session.run.state.stage is Stage.CUTTING_OVER:
        raise BlockedError("a cutover was interrupted", hint="`migrator cutover` continues it, and copies first if it still can")
    identities = session.preflight()
    with session.green.lock(session.holder, session.run.reporter):
        return _copy(session, options, identities, approved)


def run_validate(session: Session) -> Verdict:
    """Compare green with blue, check that its workloads are ready, and record the verdict."""
    session.preflight()
    plan, green = session.read_and_plan()
    return _validate(session, plan, green)


def run_cutover(session: Session, options: CopyOptions, consent: Consent | None = None) -> CutoverResult:
    """Copy what changed, hand over what runs on one side only, then shift traffic in steps; undo the last two when a gate fails."""
    from migrator.migration import cutover
    from migrator.migration.ages import Moment
    from migrator.migration.data.over import DataOver
    from migrator.migration.one_side.addresses import addresses_first
    from migrator.migration.one_side.over import hand_over, ready_to_hand_over
    from migrator.migration.volumes_over import VolumesOver

    if not session.config.switches or session.switch is None:
        raise BlockedError(_NO_TRAFFIC, hint=_ADD_TRAFFIC)
    _settle(session)
    identities = session.preflight()
    cutover.look(session.switch, session.run)
    for notice in session.switch.require_shares():
        session.run.reporter.emit(Note(notice, warning=True))
    there = session.green.server_time()
    cutover.require_verdict(session.run.state, session.config.gates, Moment(session.run.clock.now(), there))
    ahead = there - session.run.clock.monotonic()
    with both_locked(session.blue, session.green, session.holder, session.run.reporter) as lock, ExitStack() as unused:
        inputs = cutover.CutoverInputs(
            session.config.course, session.config.gates, session.config.probes, session.switch, session.prober, lock, ahead
        )
        cutover.require_judges(inputs, session.run)
        uncounted = session.switch.abilities().uncounted
        session.hooks("beforeCutover", session.config.hooks.before_cutover)
        if session.run.state.green_percent:
            plan, copied = session.read_and_plan()[0], CopyResult.nothing()
        else:
            plan, copied = _copy(session, options, identities, None)
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
    left, ended = cutover.settle_blue(session.switch, consent or cutover.Consent(), session.run)
    return CutoverResult(copied, tuple(str(part.blue) for part in due), left, ended, pauses, uncounted)


@dataclass(slots=True, frozen=True)
class Retirement:
    """The result of a retirement."""

    path: Path
    archived: Archived
    left_out: Mapping[str, str]
    """Kinds that are not in the archive, with the reason."""


def run_retire(session: Session, path: Path, sealer: Sealer | None = None) -> Retirement:
    """Check that blue is idle, archive its objects beside `path`, and close the migration."""
    from migrator.migration import retire
    from migrator.migration.account import remove_account
    from migrator.migration.archive import archive

    sides: dict[Where, Blue] = {"blue": session.blue, "green": session.green}
    if session.run.state.stage is Stage.RETIRED:
        guards.remove_all(sides, session.guarding, session.run)
        remove_account(session.green, session.run)  # a retirement may have been cut off before this, its last step
    _settle(session)
    # Nobody on another machine moves traffic back to blue meanwhile. It is let go before the account that holds it is removed.
    with session.green.lock(session.holder, session.run.reporter) as lock:
        soak = session.config.retire.soak.total_seconds()
        retire.require_retirable(session.run, session.switch, soak=soak, green_time=session.green.server_time())
        session.preflight()
        plan, _ = session.read_and_plan()
        retire.require_whole(plan)
        if sealer:
            path = path.with_name(path.name + sealer.suffix)
        archived = archive(session.blue, plan.kinds_read.values(), path, session.run.reporter, sealer)
        lock.require()
        retire.record_retirement(session.run, path, archived)
        guards.remove_all(sides, session.guarding, session.run)
    remove_account(session.green, session.run)
    return Retirement(path, archived, plan.kinds_skipped)


def _settle(session: Session) -> None:
    """Find out what an interrupted run has left open, before anything is built on it; raises BlockedError with what to do."""
    state = session.run.state
    if state.going_back:
        raise BlockedError("the last way back has not ended", hint="`migrator rollback` ends it")
    if state.announced_percent is None:
        return
    if session.switch is None:
        raise BlockedError(state.unknown[0], hint="migration.yaml needs `traffic:` to ask the load balancer")
    from migrator.migration import cutover

    cutover.look(session.switch, session.run)


def _copy(
    session: Session, options: CopyOptions, identities: dict[str, str], approved: dict[str, Any] | None
) -> tuple[Plan, CopyResult]:
    plan, green = session.read_and_plan()
    plan = without_refused(plan, session.green, green.live, session.run.reporter)
    if approved is not None:
        require_unchanged(plan, approved, identities)
    held = _guarded_by_copy(session, plan)
    guards.require_possible({"blue": session.blue, "green": session.green}, held, session.guarding)
    session.hooks("beforeCopy", session.config.hooks.before_copy)
    require_no_traffic(session.run.state)
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


def _validate(session: Session, plan: Plan, green: GreenReading) -> Verdict:
    from migrator.migration.one_side import names, orders
    from migrator.migration.validate import Checks, validate
    from migrator.migration.volumes_over import findings as hand_over_findings

    gates = session.config.gates
    seconds = gates.ready_timeout.total_seconds()
    checks = Checks(session.prober, session.registry, session.config.probes, seconds, gates.accepted_additions)
    began = session.run.clock.monotonic()
    verdict = validate(plan, session.blue, session.green, green.live, checks=checks, run=session.run)
    handed = [found for check in (names, orders) for found in check.findings(plan, session.blue, session.run.state.turned)]
    findings = (*verdict.findings, *handed, *hand_over_findings(session, plan), *_of_the_network(session, plan))
    verdict = Verdict(findings, session.run.clock.monotonic() - began)
    session.run.reporter.emit(Step("the verdict is good" if verdict.good else f"{len(verdict.failures)} checks failed"))
    notable = tuple(finding for finding in verdict.findings if finding.severity is not Severity.OK)
    session.run.write(ClocksCompared(session.green.server_time()))
    session.run.write(VerdictGiven.of(Verdict(notable, verdict.seconds)))
    return verdict


def _of_the_network(session: Session, plan: Plan) -> Iterator[Finding]:
    from migrator.cluster.policy_probe import PolicyProbe
    from migrator.migration.network import enforcement, shared_ranges

    image, gates = session.config.network_policies.probe_image, session.config.gates
    probe = PolicyProbe(session.green, image, gates.ready_timeout.total_seconds(), session.run.clock, session.run.reporter)
    yield from enforcement(plan, probe.enforced if image else None)
    yield from shared_ranges(session.blue, session.green)
