"""The data of what is handed over at a cutover: one more pass while blue serves, and the last one between stop and start."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace

from migrator.errors import BlockedError, MigratorError
from migrator.journal.records.data import DataSwitched
from migrator.migration.claims import read_volumes
from migrator.migration.data.passes import ClaimOutcome, Movers, once_closed, run_pass
from migrator.migration.data.pause import Pause, predicted_seconds
from migrator.migration.data.state import ClaimData
from migrator.migration.holders import Holders
from migrator.migration.one_side import act
from migrator.migration.one_side.groups import Group, groups_of
from migrator.migration.session import Session
from migrator.migration.strangers import require_no_strangers
from migrator.model.events import Note, Step
from migrator.model.kinds import PODS
from migrator.model.manifest import get
from migrator.model.one_side import Part
from migrator.model.plan import DataPlan, Plan
from migrator.model.volumes import Job, VolumePlan
from migrator.rules.storage import is_handed_at_cutover
from migrator.rules.volumes import claims_of, plan_volumes

_POLL_SECONDS = 0.2


def predicted_pass(claims: Collection[str], session: Session) -> int | None:
    """Return the milliseconds that the last pass of claims will take; None where one was not copied yet, or none is."""
    known = [session.run.state.data.get(claim, ClaimData()) for claim in _copied(session, claims)]
    if not known or not all(item.passes for item in known):
        return None
    return round(predicted_seconds(known, session.config.volumes.parallel) * 1000)


def _copied(session: Session, claims: Iterable[str]) -> list[str]:
    """Return those claims whose data is brought; the others are handed over with their volumes."""
    context = session.context()
    return [claim for claim in claims if not is_handed_at_cutover(claim, context)]


@dataclass(slots=True)
class DataOver:
    """The data of one cutover."""

    session: Session
    movers: Callable[[], Movers]
    """Made when there is data to move: hosts need not be named otherwise."""
    stop_seconds: float
    """How long is waited for the last process on a host that has a volume open."""
    _movers: Movers | None = None
    # Where the data of claims lies whose last pass is prepared.
    _prepared: dict[str, VolumePlan] = field(default_factory=dict)
    _holders: Holders | None = None

    def ready(self, due: Collection[Part], plan: Plan) -> None:
        """Bring what changed while blue serves, and predict the pause of each group; claims that nobody uses are done with here.

        Raises BlockedError, before anything is stopped, when a claim could not be handed over, or not within the budget.
        """
        waiting = {f"{item.blue.namespace}/{item.blue.name}" for item in plan.items if item.data is DataPlan.AT_CUTOVER}
        if idle := waiting - {claim for part in due for claim in part.claims}:
            plans = self._plans(idle)
            self._require_ready(plans, ())
            self._moved(self._last(plans), self._users)
            self._holding().let_go(plans)
        claims = {claim for part in due for claim in _copied(self.session, part.claims) if not self._known(claim).green_writes}
        if not claims:
            return
        plans = self._plans(claims)
        self._require_ready(plans, due)
        self._moved([self._holding().placed(_job(plan)) for plan in plans.values()], lambda _: "")
        plans = self._beside(plans)
        for group in groups_of(due):
            if brought := [claim for claim in group.claims if claim in claims]:
                self._require_budget(group, brought)
        self._prepare(plans)

    def release(self) -> None:
        """Take back what was prepared for a last pass that did not come."""
        if self._movers:
            self._movers.to_green.release()
        if self._holders:
            self._holders.remove()

    def between(self, group: Group) -> None:
        """Bring the last difference of a group that is stopped on blue, and prove it; raises MigratorError.

        What green has begun to write is left alone: an interrupted cutover goes on after it.
        """
        claims = _copied(self.session, group.claims)
        if not claims or (self._green_writes(claims) and self._runs_on_green(group.parts)):
            return
        known = all(claim in self._prepared for claim in claims)
        plans = {claim: self._prepared[claim] for claim in claims} if known else self._plans(claims)
        try:
            outcomes = self._moved(self._last(plans), self._users, closing=True)
        finally:
            self._holding().let_go(claims)
        for item in outcomes:
            self.session.run.reporter.emit(Step(f"{item.claim}: blue and green are equal, proven"))
        for claim in claims:
            self.session.run.write(DataSwitched(claim=claim, direction="to-green", how="pass"))
        self.session.run.ledger.sync()

    def _holding(self) -> Holders:
        self._holders = self._holders or self.session.holders(self._hosts())
        return self._holders

    def _last(self, plans: dict[str, VolumePlan]) -> list[Job]:
        """Return last passes, whose volumes stay mounted without the workload's pods."""
        return [self._holding().placed(replace(_job(plan), finish=True)) for plan in plans.values()]

    def _beside(self, plans: dict[str, VolumePlan]) -> dict[str, VolumePlan]:
        """Return plans whose volumes on blue are held beside the workload's pods, so that a disk need not be attached anew.

        One that a single pod may have mounted is held once that has stopped.
        """
        found = {}
        for claim, plan in plans.items():
            held = plan.blue and not plan.alone
            found[claim] = replace(plan, blue=self._holding().held("blue", claim, plan.blue)) if held and plan.blue else plan
        return found

    def _prepare(self, plans: dict[str, VolumePlan]) -> None:
        """Do what the last passes need and what takes time, before anything stands still for it.

        As many as run at once are connected: hosts have memory for those.
        """
        parallel = self.session.config.volumes.parallel
        jobs = self._last({claim: plan for claim, plan in plans.items() if not plan.alone})
        prepare = self._hosts().to_green.prepare
        with ThreadPoolExecutor(parallel) as pool:
            list(pool.map(lambda numbered: prepare(numbered[1], connected=numbered[0] < parallel), enumerate(jobs)))
        self._prepared |= plans

    def _hosts(self) -> Movers:
        self._movers = self._movers or self.movers()
        return self._movers

    def _known(self, claim: str) -> ClaimData:
        return self.session.run.state.data.get(claim, ClaimData())

    def _green_writes(self, claims: Iterable[str]) -> bool:
        return all(self._known(claim).green_writes for claim in claims)

    def _runs_on_green(self, parts: Iterable[Part]) -> bool:
        live = [(part, act.read(self.session.green, part, "green")) for part in parts]
        return any(manifest is not None and not part.is_held(manifest) for part, manifest in live)

    def _plans(self, claims: Iterable[str]) -> dict[str, VolumePlan]:
        """Return where the data of claims lies; raises BlockedError for one whose folder is not known on either side.

        Once a workload has stopped, a folder that only its pod told of is known from the passes before.
        """
        session = self.session
        context = session.context()
        blue, green = read_volumes(session.blue), read_volumes(session.green)
        found = {plan.claim: plan for plan in plan_volumes(blue, green, context)}
        plans: dict[str, VolumePlan] = {}
        for claim in sorted(claims):
            plan = found.get(claim)
            if plan is None:
                raise BlockedError(f"{claim}: the claim is gone on blue", hint="look at it there; nothing was stopped for it")
            known = self._known(claim)
            plan = plan if plan.ready else known.plan_from_passes(plan)
            if not plan.ready:
                raise BlockedError(f"{claim}: {plan.reason or 'its folder is not known'}", hint=plan.hint)
            plans[claim] = plan
        return plans

    def _require_ready(self, plans: dict[str, VolumePlan], due: Collection[Part]) -> None:
        for claim, plan in plans.items():
            if not self._known(claim).passes:
                raise BlockedError(
                    f"{claim}: was not copied yet, so the pause is not known",
                    hint="`migrator data copy` comes first, while blue serves",
                )
            if plan.used_on_green:
                raise BlockedError(
                    f"{claim}: pod {plan.used_on_green[0]} uses it on green already",
                    hint="it would write while data is copied: stop it there",
                )
        require_no_strangers(self.session, plans.values(), due)
        for part in due:
            if part.claims:
                self._warn_of_slow_stop(part)

    def _warn_of_slow_stop(self, part: Part) -> None:
        """Tell that pods may take longer to end than the cutover waits: a PostgreSQL that gets SIGTERM waits for its clients."""
        manifest = act.read(self.session.blue, part, "blue") or {}
        grace = get(manifest, "spec", "template", "spec", "terminationGracePeriodSeconds") or 0
        if grace > self.stop_seconds:
            waited = f"the cutover waits {self.stop_seconds:g} s (cutover.stopTimeout), then blue goes on"
            self.session.run.reporter.emit(Note(f"{part.blue}: its pods may take {grace} s to end; {waited}", warning=True))

    def _require_budget(self, group: Group, claims: list[str]) -> None:
        config = self.session.config.volumes
        handed = [self._known(claim) for claim in group.claims if claim not in claims]
        before = self.session.run.state.sides.paused.get(group.row)
        pause = Pause.of({claim: self._known(claim) for claim in claims}, handed, config.parallel, before)
        budget = config.downtime_budget.total_seconds()
        self.session.run.reporter.emit(Step(f"{group.row}: {pause}; the budget is {budget:g} s"))
        if pause.seconds > budget:
            raise BlockedError(
                f"{group.row}: predicted downtime {pause.seconds:.1f} s is longer than the budget of {budget:g} s; "
                "nothing was stopped",
                hint="cut over when blue writes less, or allow it: volumes.downtimeBudget",
            )

    def _await_closed(self, movers: Movers, job: Job) -> None:
        """Wait until no process of blue's host has the volume open: a pod is gone before its containers' files are closed."""
        clock = self.session.run.clock
        ends = clock.monotonic() + self.stop_seconds
        while users := movers.to_green.users(job.source, source=True):
            if pod := self._users(job):
                raise BlockedError(
                    f"{job.claim}: {pod} has come up on blue: somebody has started it again",
                    hint="find out who starts it (an autoscaler, an operator, a person), and cut over again",
                )
            if clock.monotonic() > ends:
                raise BlockedError(
                    f"{job.claim}: still in use on {job.source.node} after {self.stop_seconds:g} s: {users[0]}",
                    hint="end it there; cutover.stopTimeout gives it longer",
                )
            clock.sleep(_POLL_SECONDS)

    def _moved(self, jobs: list[Job], users: Callable[[Job], str], *, closing: bool = False) -> list[ClaimOutcome]:
        """Run a pass of each; raises the first failure once all have ended.

        Where workloads are `closing`, one whose volume is open for longer than a pass waits for gets another pass then.
        """
        movers, showing = self._hosts(), threading.Lock()

        def move(job: Job) -> ClaimOutcome:
            def say(text: str) -> None:
                with showing:
                    self.session.run.reporter.emit(Step(f"{job.claim}: {text}"))

            def once() -> ClaimOutcome:
                return run_pass(self.session.run, movers, job, say, users)

            try:
                return once_closed(once, lambda: self._await_closed(movers, job)) if closing else once()
            except MigratorError as error:
                return ClaimOutcome(job.claim, error=error)

        with ThreadPoolExecutor(self.session.config.volumes.parallel) as pool:
            outcomes = list(pool.map(move, jobs))
        for item in outcomes:
            if item.error:
                raise item.error
        return outcomes

    def _users(self, job: Job) -> str:
        """Return which pod has come up on blue meanwhile: an autoscaler or an operator may have woken it."""
        namespace = job.claim.partition("/")[0]
        pods = self.session.blue.list(PODS, namespace, unparsed=lambda _: None)
        return next((f"pod {pod['metadata']['name']}" for pod in pods if job.claim in claims_of(pod)), "")


def _job(plan: VolumePlan) -> Job:
    if plan.blue is None or plan.green is None:
        raise BlockedError(f"{plan.claim}: {plan.reason}", hint=plan.hint)
    return Job(plan.claim, plan.blue, plan.green, devices=plan.devices, limit=plan.limit, exclude=plan.exclude)
