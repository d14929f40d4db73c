"""The data in volumes: which claim goes which way, one pass of each, and the last pass that proves it.

What is announced stands in the journal before a folder is changed. A claim that fails does not end the others.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import Any

from migrator.errors import BlockedError, MigratorError
from migrator.journal.records.data import DataCleaned
from migrator.migration.binding import bind_waiting
from migrator.migration.claims import read_storage
from migrator.migration.data.hooks import around_last_pass
from migrator.migration.data.passes import ClaimOutcome, Movers, bring_back_pass, run_pass, to_blue
from migrator.migration.data.pause import predicted_seconds
from migrator.migration.data.state import ClaimData
from migrator.migration.handover import HandOver, hand_back, hand_over
from migrator.migration.session import Session
from migrator.migration.state import Stage
from migrator.model.events import Note, Step
from migrator.model.kinds import PODS
from migrator.model.volumes import Direction, Job, Place, VolumePlan, Way
from migrator.ports import ClusterReader
from migrator.rules.volumes import claims_of, plan_volumes

_ON_HOSTS = "/var/lib/migrator/volumes"
"""The folder of hosts that has proofs and what passes replaced."""


@dataclass(slots=True, frozen=True)
class Choice:
    """What a person asks for."""

    claims: tuple[str, ...] = ()
    """Patterns of `namespace/name`; none: all."""
    full: bool = False
    accept_deletions: bool = False


def plan_data(session: Session) -> tuple[VolumePlan, ...]:
    """Return the way of each claim; only reads."""
    blue = read_storage(session.blue)
    return plan_volumes(blue, read_storage(session.green, blue.volumes.values()), session.context())


def copy_data(session: Session, movers: Movers, choice: Choice) -> list[ClaimOutcome]:
    """Run one pass of each chosen claim to green, while blue serves. Raises BlockedError when none can be copied."""
    with session.green.lock(session.holder, session.run.reporter):
        bind_waiting(session, _named(session, choice), movers.green_nodes)
    plans = _chosen(session, choice)
    movers.require_hosts()
    jobs = [_job(plan, choice) for plan in plans if _free_on_green(plan, session)]
    return _moved(session, movers, jobs)


def finish_data(session: Session, movers: Movers, choice: Choice) -> list[ClaimOutcome]:
    """Run the last pass of each chosen claim, whose workload stands still on both sides, and keep its proof.

    Raises BlockedError before anything is changed when a pod uses one of them, or the person does not accept the pause.
    """
    plans = _chosen(session, choice, handing=True)
    _require_unused(plans)
    copied = [plan for plan in plans if plan.ready]
    if copied:
        movers.require_hosts()
        _require_budget(
            session,
            movers,
            [plan.claim for plan in copied],
            then="start the workload on blue again; copy once more before",
        )
    jobs = [replace(_job(plan, choice), finish=True) for plan in copied]
    with around_last_pass(session, [plan.claim for plan in plans]):
        return [*_moved(session, movers, jobs), *_handed(session, plans, hand_over)]


def bring_back(session: Session, movers: Movers, choice: Choice) -> list[ClaimOutcome]:
    """Run the last pass in the other direction: blue gets what green has written since; what blue had is kept on its host.

    A pass that breaks is taken back at once.
    """
    plans = _chosen(session, choice, handing=True)
    _require_unused(plans, both=True)
    known = session.run.state.data
    never = [plan.claim for plan in plans if not known.get(plan.claim, ClaimData()).came(plan.volume if plan.handed else "")]
    if never:
        raise BlockedError(
            f"{never[0]}: its data was never proven on green, and blue still has its own", hint="start its workload on blue"
        )
    jobs = [to_blue(_job(plan, choice), known[plan.claim]) for plan in plans if plan.ready]
    if jobs:
        movers.require_hosts()
        _require_budget(session, movers, [job.claim for job in jobs], then="start the workload on green again; `--yes` agrees")
    with around_last_pass(session, [plan.claim for plan in plans]):
        return [*_moved(session, movers, jobs), *_handed(session, plans, hand_back)]


def clean_data(session: Session, movers: Movers, choice: Choice) -> list[str]:
    """End passes that run, and remove what is kept on hosts, of the chosen claims; return their names.

    Raises BlockedError where that alone could make blue's folder whole again.
    """
    plans = [plan for plan in _named(session, choice) if plan.ready]
    if not plans:
        raise BlockedError(
            "none of these claims is copied from host to host now",
            hint=f"what earlier copies left lies in {_ON_HOSTS} on the hosts; remove it by hand",
        )
    movers.require_hosts()
    half = [plan.claim for plan in plans if session.run.state.data.get(plan.claim, ClaimData()).half]
    if half:
        raise BlockedError(
            f"{half[0]}: a pass to blue was cut off, and what it has overwritten is kept on blue's host only",
            hint="`migrator rollback` or `migrator data back` first: either makes blue's folder whole again",
        )
    for plan in plans:
        session.run.write(DataCleaned(plan.claim))
        if there := _on_its_hosts(_job(plan, choice), session.run.state.data[plan.claim]):
            movers.to_green.clean(there)
            movers.to_blue.clean(there.opposite)
    with session.green.lock(session.holder, session.run.reporter):
        session.holders(movers).remove()
    return [plan.claim for plan in plans]


def surveyed(session: Session, movers: Movers, plans: Iterable[VolumePlan]) -> Mapping[str, Mapping[str, Any] | MigratorError]:
    """Return what the folders on blue hold, or why that is not known."""
    found: dict[str, Mapping[str, Any] | MigratorError] = {}
    for plan in plans:
        if plan.way is Way.COPY and plan.blue and plan.blue.node:
            session.run.reporter.emit(Step(f"looking at {plan.blue}"))
            try:
                found[plan.claim] = movers.to_green.survey(plan.blue, source=True, exclude=plan.exclude)
            except MigratorError as error:
                found[plan.claim] = error
    return found


def _handed(
    session: Session, plans: Iterable[VolumePlan], act: Callable[[Session, Iterable[VolumePlan]], list[HandOver]]
) -> list[ClaimOutcome]:
    by_claim = {plan.claim: plan for plan in plans if plan.handed}
    if not by_claim:
        return []
    with session.green.lock(session.holder, session.run.reporter):
        done = act(session, by_claim.values())
    return [ClaimOutcome(one.claim, error=one.error, handed=by_claim[one.claim].storage, seconds=one.seconds) for one in done]


def _named(session: Session, choice: Choice) -> list[VolumePlan]:
    """Return the plans of the claims that a person has named; raises BlockedError for a name that no claim has."""
    if session.run.state.stage is Stage.RETIRED:
        raise BlockedError("the migration is retired", hint=f"what hosts keep of it lies in {_ON_HOSTS} there; remove it by hand")
    plans = plan_data(session)
    unknown = [text for text in choice.claims if not any(fnmatchcase(plan.claim, text) for plan in plans)]
    if unknown:
        raise BlockedError(f"no claim of blue that had a volume is named {unknown[0]}", hint="`migrator data plan` lists them")
    return [plan for plan in plans if not choice.claims or any(fnmatchcase(plan.claim, text) for text in choice.claims)]


def _chosen(session: Session, choice: Choice, *, handing: bool = False) -> list[VolumePlan]:
    """Return those of them that can be moved, and say why the others cannot; raises BlockedError where none can."""
    ready = []
    for plan in _named(session, choice):
        if plan.ready or (plan.handed and handing):
            ready.append(plan)
        elif plan.handed:
            session.run.reporter.emit(Note(f"{plan.claim}: nothing to copy: `migrator data finish` hands over {plan.storage}"))
        elif plan.way is not Way.OWN:
            session.run.reporter.emit(Note(f"{plan.claim}: not copied: {plan.reason}; {plan.hint}", warning=True))
    if not ready:
        raise BlockedError("no claim can be copied now", hint="`migrator data plan` says why for each")
    return ready


def _free_on_green(plan: VolumePlan, session: Session) -> bool:
    users = plan.used_on_green
    if users:
        text = f"{plan.claim}: not copied: pod {users[0]} uses it on green; scale its workload to 0 there"
        session.run.reporter.emit(Note(text, warning=True))
    return not users


def _require_unused(plans: Iterable[VolumePlan], *, both: bool = False) -> None:
    """Raise BlockedError for a pod that uses one; pods of green that wait for a volume which is handed over may be there."""
    for plan in plans:
        on_green = plan.used_on_green if both or not plan.handed else ()
        for side, users in (("blue", plan.used_by), ("green", on_green)):
            if users:
                raise BlockedError(
                    f"{plan.claim}: pod {users[0]} still uses it on {side}",
                    hint="the workload must be stopped: scale it to 0 on both sides, and wait for its pods to end",
                )


def _require_budget(session: Session, movers: Movers, claims: Sequence[str], *, then: str) -> None:
    known = [session.run.state.data.get(claim, ClaimData()) for claim in claims]
    first = [claim for claim, data in zip(claims, known, strict=True) if not data.passes]
    if first:
        raise BlockedError(
            f"{first[0]}: was not copied yet, so the pause is not known", hint="`migrator data copy` comes first, while blue serves"
        )
    predicted = predicted_seconds(known, session.config.volumes.parallel)
    budget = session.config.volumes.downtime_budget.total_seconds()
    session.run.reporter.emit(Step(f"the last pass will take about {predicted:.0f} s; the budget is {budget:.0f} s"))
    if predicted > budget and not movers.confirm(f"The last pass may take {predicted:.0f} s, more than the budget. Go on?"):
        raise BlockedError("the pause was not accepted; nothing was changed", hint=then)


def _moved(session: Session, movers: Movers, jobs: Sequence[Job]) -> list[ClaimOutcome]:
    if not jobs:
        return []
    movers.require_hosts()
    showing = threading.Lock()

    def say(text: str) -> None:
        with showing:
            session.run.reporter.emit(Step(text))

    holders = session.holders(movers)

    def move(job: Job) -> ClaimOutcome:
        try:
            run = bring_back_pass if job.direction is Direction.TO_BLUE else run_pass
            placed = holders.placed(job)
            return run(session.run, movers, placed, lambda text: say(f"{job.claim}: {text}"), lambda job: _users_now(session, job))
        except MigratorError as error:
            return ClaimOutcome(job.claim, error=error)

    with session.green.lock(session.holder, session.run.reporter), ThreadPoolExecutor(session.config.volumes.parallel) as pool:
        try:
            return list(pool.map(move, jobs))
        finally:
            holders.remove()


def _users_now(session: Session, job: Job) -> str:
    """Return who uses the claim on the source's side now: an autoscaler or an operator may have woken it up."""
    cluster: ClusterReader = session.blue if job.direction is Direction.TO_GREEN else session.green
    namespace, _, name = job.claim.partition("/")
    if job.direction is Direction.TO_BLUE:
        namespace = session.context().green_namespace(namespace)
    pods = [pod for pod in cluster.list(PODS, namespace, unparsed=lambda _: None) if f"{namespace}/{name}" in claims_of(pod)]
    return f"pod {pods[0]['metadata']['name']}" if pods else ""


def _on_its_hosts(job: Job, known: ClaimData) -> Job | None:
    """Return a pass with the hosts of the last one, where only that tells them; None where there was none."""
    if job.source.node and job.target.node:
        return job
    if not (known.on_blue and known.on_green):
        return None
    return replace(job, source=Place.of(known.on_blue), target=Place.of(known.on_green))


def _job(plan: VolumePlan, choice: Choice) -> Job:
    if plan.blue is None or plan.green is None:
        raise BlockedError(f"{plan.claim}: {plan.reason}", hint=plan.hint)
    return Job(
        claim=plan.claim,
        source=plan.blue,
        target=plan.green,
        full=choice.full,
        accept_deletions=choice.accept_deletions,
        devices=plan.devices,
        limit=plan.limit,
        exclude=plan.exclude,
    )
