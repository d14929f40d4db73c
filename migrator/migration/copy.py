"""Copy the objects of a plan to green, wave by wave and in parallel; each wave is announced in the journal first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from queue import SimpleQueue
from typing import TypeVar

import orjson

from migrator.cluster.endpoints import await_backends
from migrator.errors import ApiError, BlockedError
from migrator.journal.records.migration import BlockedObject, CopyEnded, CopyStarted, ObjectOutcome, PruneAnnounced, WaveAnnounced
from migrator.journal.records.one_side import Held, PartRecord
from migrator.migration import backends, last_runs, prune
from migrator.migration.after_pods import AfterPods, is_held_back
from migrator.migration.apply import definitions
from migrator.migration.apply.admitted import judged
from migrator.migration.apply.judge import Known
from migrator.migration.apply.write import Writer
from migrator.migration.inventory import Live
from migrator.migration.one_side import orders
from migrator.migration.pod_changes import AGAIN, PodChanges
from migrator.migration.run import Run
from migrator.migration.state import Stage, State
from migrator.migration.trials import Trials
from migrator.model.events import Note, Progress, Step
from migrator.model.outcome import BAD, Action, Outcome
from migrator.model.plan import Decision, Plan, PlanItem
from migrator.model.ref import ObjectRef, ResourceType
from migrator.model.strange import STRANGE, reason_of
from migrator.ports import Green
from migrator.rules.webhooks import strict_backends

T = TypeVar("T")
R = TypeVar("R")


@dataclass(slots=True, frozen=True)
class CopyOptions:
    """What a person asked for besides the plan."""

    prune: bool = False
    confirm: Callable[[str], bool] = lambda _: True
    """Asks a person before anything is deleted; the text says how much."""
    force_conflicts: bool = False
    backend_timeout: float = 120.0


@dataclass(slots=True)
class CopyResult:
    """The result of a copy."""

    counts: Counter[str]
    problems: list[Outcome]
    """Conflicts, blocks and failures."""
    blocked: list[PlanItem]
    """What the plan could not move."""
    gone: list[ObjectRef]
    """Objects that this tool created on green and that blue no longer has; deleted only with --prune."""
    data_left: list[str]
    """Claims that are empty on green although they had data on blue."""
    unreadable: list[str]

    @classmethod
    def nothing(cls) -> CopyResult:
        """Return the result of a copy that was not needed."""
        return cls(Counter(), [], [], [], [], [])

    @property
    def complete(self) -> bool:
        """Whether everything that should be on green is."""
        return not (self.problems or self.blocked or self.unreadable)


class _Copy:
    """One copy under way; its fields belong to the thread that runs it, and workers get frozen values."""

    def __init__(self, plan: Plan, writer: Writer, known: Known, run: Run, options: CopyOptions) -> None:
        self.plan = plan
        self.writer = writer
        self.known = known
        self.records = run
        self.options = options
        self.counts: Counter[str] = Counter()
        self.problems: list[Outcome] = []
        self.total = sum(len(wave) for wave in plan.waves)
        self.missing: set[ObjectRef] = set()
        """Objects that should be on green and are not: what needs them is not written."""
        self.trials = Trials(writer.green, run.clock)
        self.after_pods = AfterPods(plan, writer.green, run.clock, run.reporter)
        self.held_back: list[PlanItem] = []
        """Namespaces whose late labels are still to be set."""
        self.pod_changes = PodChanges(plan, writer.green, run.clock, run.reporter, backend_timeout=options.backend_timeout)

    def run(self) -> None:
        """Write wave by wave; each wave is announced first, and knows the UIDs of the waves before it."""
        with ThreadPoolExecutor(self.writer.green.workers) as pool:
            for number, wave in enumerate(self.plan.waves, start=1):
                due = self._due(wave)
                if due:
                    # What changes pods acts when they are created: a pod that is written too early stays without the change.
                    self.pod_changes.await_policies(due)
                    self.after_pods.wait(due, self.known.uids)
                    orders.settle(due, self.plan, self.known.live, self.records.clock)
                    self._write_wave(pool, number, due)
                self._show(number)
            last_runs.tell(self.plan, self.known, self.writer.green, pool, self.records.reporter)
        self._set_late_labels()

    def _write_wave(self, pool: ThreadPoolExecutor, number: int, due: list[PlanItem]) -> None:
        live, known = self.known.live, self.known
        create = tuple(item.green for item in due if item.green not in live)
        change = tuple(item.green for item in due if item.green in live)
        self.records.write(WaveAnnounced(number, create, change))
        fresh: dict[ObjectRef, str] = {}
        late = {item.green: item for item in due if item.late_labels}
        crds: dict[ObjectRef, Outcome] = {}
        for outcome in self._outcomes(pool, due, known):
            if outcome.action is Action.CREATED and outcome.ref in late:
                self.held_back.append(late[outcome.ref])
                self.records.ledger.note(ObjectOutcome.of(outcome))  # counted once its labels are there
            else:
                self._record(outcome)
            if outcome.uid:
                fresh[outcome.ref] = outcome.uid
            if definitions.is_new(outcome):
                crds[outcome.ref] = outcome
            self._show(number)
        # At the end of the wave, not one by one: the objects of a CRD are in later waves.
        self._await_definitions(crds)
        self.pod_changes.written(fresh)
        # A new value instead of a change: worker threads read it without a lock.
        self.known = replace(known, uids={**known.uids, **fresh})
        self.records.ledger.sync()

    def _set_late_labels(self) -> None:
        """Set the labels that refuse pods, now that those of blue's workloads are made; each namespace was announced."""
        self.after_pods.wait(self.held_back, self.known.uids)
        for item in self.held_back:
            self._record(self.writer.set_late_labels(item))
        if self.held_back:
            self.records.ledger.sync()

    def _outcomes(self, pool: ThreadPoolExecutor, due: list[PlanItem], known: Known) -> Iterator[Outcome]:
        """Write what is due, and yield the outcomes as they come."""
        workers = self.writer.green.workers
        crds, others = definitions.apart(due)
        work = partial(self._write, known=known)
        yield from unordered(pool, work, crds, limit=min(definitions.AT_ONCE, workers))
        # Meanwhile the server makes the endpoints of the CRDs.
        # Twice the workers: each finds its next item at once, and an interruption still has only a few items to wait for.
        yield from unordered(pool, work, others, limit=workers * 2)

    def _await_definitions(self, made: dict[ObjectRef, Outcome]) -> None:
        """Wait until objects of new CRDs can be written; what has been recorded as created and is of no use has failed."""
        for ref, why in definitions.unusable(made, self.writer.green, self.records.clock):
            # The journal has it as created already; the later line with the same object replaces that one when it is folded.
            self.counts[Action.CREATED.value] -= 1
            self._record(replace(made[ref], action=Action.FAILED, message=why))

    def _due(self, wave: tuple[PlanItem, ...]) -> list[PlanItem]:
        due = []
        for item in wave:
            lost = next((owner for owner in self.plan.owners.get(item.green, ()) if owner in self.missing), None)
            if lost:
                self._record(Outcome(item.green, Action.BLOCKED, f"needs {lost}, which is not on green"))
                continue
            if is_held_back(item, self.known.live.get(item.green), self.known):
                self.held_back.append(item)
                continue
            outcome = self._judged(item)
            if outcome is None and (hindrance := self.pod_changes.hindrance(item.green, self.missing)):
                outcome = Outcome(item.green, Action.BLOCKED, hindrance)
            if outcome is None:
                due.append(item)
            else:
                self._record(outcome)
        return due

    def _judged(self, item: PlanItem) -> Outcome | None:
        try:
            return judged(item, self.known.live.get(item.green), self.known, self.trials)
        except STRANGE as error:
            return Outcome(item.green, Action.BLOCKED, f"cannot be compared: it {reason_of(error)}")

    def _write(self, item: PlanItem, known: Known) -> Outcome:
        try:
            return self._written(item, known)
        except STRANGE as error:
            # Green's answer may be what is strange; the object is there then, and the next run must know that it can be ours.
            made = item.green not in known.live
            return Outcome(item.green, Action.FAILED, reason_of(error), blue_token=item.token, made=made)

    def _written(self, item: PlanItem, known: Known) -> Outcome:
        services = strict_backends(orjson.loads(item.body)) if item.resource and item.resource.group in backends.GROUPS else []
        if services:
            missing = await_backends(self.writer.green, services, self.options.backend_timeout, self.records.clock)
            if missing:
                return Outcome(item.green, Action.BLOCKED, f"{missing}; {AGAIN}")
        return self.writer.write(item, known)

    def _record(self, outcome: Outcome) -> None:
        self.counts[outcome.action.value] += 1
        if outcome.action in BAD:
            self.problems.append(outcome)
        live = self.known.live.get(outcome.ref)
        # An object that is there in an older form serves what needs it; one that is being deleted does not.
        if outcome.action in (Action.FAILED, Action.BLOCKED) and (live is None or live.going):
            self.missing.add(outcome.ref)
        before = self.known.state.written.get(outcome.ref)
        known = before and before.agrees(uid=outcome.uid, green_token=outcome.green_token, blue_token=outcome.blue_token)
        # A repeated copy of 10,000 unchanged objects would add 10,000 lines that say nothing new.
        if not (known and outcome.action is Action.UNCHANGED):
            self.records.ledger.note(ObjectOutcome.of(outcome))

    def _show(self, number: int) -> None:
        self.records.reporter.emit(Progress(f"wave {number} of {len(self.plan.waves)}", sum(self.counts.values()), self.total))

    def prune(self, gone: dict[ObjectRef, ResourceType]) -> None:
        """Delete objects that this migration created and that blue no longer has."""
        green = self.writer.green
        uids = {ref: self.known.state.written[ref].uid for ref in gone}
        # Announced as a whole and on the disk before the first deletion: nothing can bring a deleted object back.
        self.records.write(PruneAnnounced(tuple(gone)))
        contents = prune.Contents(green, uids)
        for ref in prune.in_order(gone):
            try:
                others = contents.of_others(ref)
                if others:
                    self._record(Outcome(ref, Action.BLOCKED, others))
                    continue
                green.delete(gone[ref], ref.namespace, ref.name, uid=uids[ref])
                self._record(Outcome(ref, Action.DELETED, uid=uids[ref], made=True))
            except ApiError as error:
                self._record(Outcome(ref, Action.FAILED, error.message))


def require_no_traffic(state: State) -> None:
    """Raise BlockedError when green has traffic, or blue is retired: no rollback leads back then."""
    if state.stage is Stage.RETIRED:
        raise BlockedError("this migration is retired", hint="start a new one with another name")
    if state.most_percent > 0:
        raise BlockedError(
            f"green has {state.most_percent:g} % of the traffic: a copy now would overwrite what it has done since",
            hint="`migrator rollback` first",
        )


def copy(plan: Plan, green: Green, live: Mapping[ObjectRef, Live], *, run: Run, options: CopyOptions) -> CopyResult:
    """Write what is new or changed; run again, only what changed since.

    Raises BlockedError when traffic is on green already, and JournalError when a change cannot be announced.
    """
    state = run.state  # what earlier runs have left; what this one announces is no reason to take an object for its own
    require_no_traffic(state)
    uids = {ref: written.uid for ref, written in state.written.items() if ref in live} | {
        ref: item.uid for ref, item in live.items()
    }
    refs = {item.uid: item.green for item in plan.of(Decision.MOVE)}
    # creationTimestamp is of green's clock: what a lost answer may have created is recognised by that time.
    ahead = run.clock.now() - green.server_time()
    known = Known(state, live, refs, uids, run.clock.now() - ahead, options.force_conflicts)
    copying = _Copy(plan, Writer(green, run.clock), known, run, options)
    run.reporter.emit(Step(f"copying {plan.counts['move']} objects to green in {len(plan.waves)} waves"))
    run.write(CopyStarted(dict(plan.counts), len(plan.waves), round(ahead, 3)))
    held = tuple(plan.parts())
    if held != state.sides.held:
        run.write(Held(tuple(map(PartRecord.of, held))))
    copying.run()
    gone = prune.gone(plan, state, live)
    # After the copy: what moved to another name is there under its new name before the old one goes.
    if gone and options.prune:
        run.reporter.emit(Step(f"{prune.counted(gone)} on green are gone from blue"))
        if options.confirm(f"Delete {prune.counted(gone)} from green?"):
            copying.prune(gone)
    elif gone:
        run.reporter.emit(Note(f"{len(gone)} objects on green are gone from blue; --prune deletes them", warning=True))
    result = CopyResult(
        counts=copying.counts,
        problems=copying.problems,
        blocked=list(plan.of(Decision.BLOCKED)),
        gone=sorted(gone),
        data_left=[f"{item.green.namespace}/{item.green.name}" for item in plan.items if item.data.is_left],
        unreadable=[f"{item.type_name}: {item.reason}" for item in plan.unreadable],
    )
    run.write(_ended(plan, result))
    run.ledger.sync()
    return result


def _ended(plan: Plan, result: CopyResult) -> CopyEnded:
    kinds: dict[str, Counter[str]] = {}
    for item in plan.items:
        kinds.setdefault(item.blue.type_name, Counter())[item.decision.value] += 1
    return CopyEnded(
        counts=dict(result.counts),
        complete=result.complete,
        kinds={kind: dict(counts) for kind, counts in sorted(kinds.items())},
        skipped={reason: tuple(refs) for reason, refs in _reasons(plan, Decision.SKIP).items()},
        blocked=tuple(map(BlockedObject.of, result.blocked)),
        kinds_skipped=dict(plan.kinds_skipped),
        data_left=tuple(result.data_left),
    )


def _reasons(plan: Plan, decision: Decision) -> dict[str, list[ObjectRef]]:
    reasons: dict[str, list[ObjectRef]] = {}
    for item in plan.of(decision):
        reasons.setdefault(item.reason, []).append(item.blue)
    return reasons


def unordered(pool: ThreadPoolExecutor, work: Callable[[T], R], items: Iterable[T], *, limit: int) -> Iterator[R]:
    """Yield results as they come, with at most `limit` items handed out: ^C then has little to wait for.

    Raises what `work` raised. A queue instead of `concurrent.futures.wait`, which looks at every waiting item each time.
    """
    results: SimpleQueue[Future[R]] = SimpleQueue()
    waiting = 0
    for item in items:
        pool.submit(work, item).add_done_callback(results.put)
        waiting += 1
        if waiting >= limit:
            waiting -= 1
            yield results.get().result()
    for _ in range(waiting):
        yield results.get().result()
