"""Bring a plan to green: wave by wave, in parallel, each wave announced in the journal before it is written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from queue import SimpleQueue
from typing import TypeVar

import orjson

from migrator.cluster.endpoints import await_backends
from migrator.errors import ApiError, BlockedError
from migrator.journal.records.migration import BlockedObject, CopyEnded, CopyStarted, ObjectOutcome, PruneAnnounced, WaveAnnounced
from migrator.migration.apply import Applier
from migrator.migration.discover import Live
from migrator.migration.run import Run
from migrator.migration.state import Stage, State
from migrator.model.events import Note, Progress, Step
from migrator.model.outcome import BAD, Action, Outcome
from migrator.model.plan import Decision, Plan, PlanItem
from migrator.model.ref import ObjectRef, ResourceType
from migrator.ports import Green
from migrator.rules.references import backend_services

T = TypeVar("T")
R = TypeVar("R")


@dataclass(slots=True, frozen=True)
class CopyOptions:
    """What a person asked for beside the plan."""

    prune: bool = False
    force_conflicts: bool = False
    backend_timeout: float = 120.0


@dataclass(slots=True)
class CopyResult:
    """What came of a copy."""

    counts: Counter[str]
    problems: list[Outcome]
    """Conflicts, blocks and failures."""
    blocked: list[PlanItem]
    """What the plan could not move."""
    gone: list[ObjectRef]
    """Objects that this tool made on green and that blue has no more; deleted only with --prune."""
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
    def __init__(self, plan: Plan, applier: Applier, run: Run, options: CopyOptions) -> None:
        self.plan = plan
        self.applier = applier
        self.records = run
        self.options = options
        self.counts: Counter[str] = Counter()
        self.problems: list[Outcome] = []
        self.missing: set[ObjectRef] = set()
        """Objects that should be on green and are not: what needs them is not written."""

    def run(self) -> None:
        total = sum(len(wave) for wave in self.plan.waves)
        with ThreadPoolExecutor(self.applier.green.workers) as pool:
            for number, wave in enumerate(self.plan.waves, start=1):
                due = self._due(wave)
                if due:
                    create = [item.green for item in due if item.green not in self.applier.live]
                    change = [item.green for item in due if item.green in self.applier.live]
                    self.records.write(WaveAnnounced(number, tuple(create), tuple(change)))
                    for outcome in unordered(pool, self._write, due, limit=self.applier.green.workers * 2):
                        self._record(outcome)
                        self.records.reporter.emit(
                            Progress(f"wave {number} of {len(self.plan.waves)}", sum(self.counts.values()), total)
                        )
                    self.records.ledger.sync()
                self.records.reporter.emit(Progress(f"wave {number} of {len(self.plan.waves)}", sum(self.counts.values()), total))

    def _due(self, wave: tuple[PlanItem, ...]) -> list[PlanItem]:
        due = []
        for item in wave:
            lost = next((owner for owner in self.plan.owners.get(item.green, ()) if owner in self.missing), None)
            if lost:
                self._record(Outcome(item.green, Action.BLOCKED, f"needs {lost}, which is not on green"))
                continue
            outcome = self.applier.judge(item)
            if outcome is None:
                due.append(item)
            else:
                self._record(outcome)
        return due

    def _write(self, item: PlanItem) -> Outcome:
        services = backend_services(orjson.loads(item.body)) if item.resource and item.resource.group in _WITH_BACKENDS else []
        if services and item.resource and item.resource.kind != "CustomResourceDefinition":
            missing = await_backends(self.applier.green, services, self.options.backend_timeout, self.records.clock)
            if missing:
                return Outcome(item.green, Action.BLOCKED, f"{missing}; see why its pods are not ready, then run copy again")
        return self.applier.write(item)

    def _record(self, outcome: Outcome) -> None:
        self.counts[outcome.action.value] += 1
        if outcome.action in BAD:
            self.problems.append(outcome)
        if outcome.action in (Action.FAILED, Action.BLOCKED) and outcome.ref not in self.applier.live:
            self.missing.add(outcome.ref)
        known = self.applier.state.written.get(outcome.ref)
        unchanged = outcome.action is Action.UNCHANGED and known is not None and known.uid == outcome.uid
        if unchanged and known and known.blue_token == outcome.blue_token and known.green_token == outcome.green_token:
            return
        self.records.ledger.note(ObjectOutcome.of(outcome))

    def prune(self, gone: dict[ObjectRef, ResourceType]) -> None:
        self.records.write(PruneAnnounced(tuple(gone)))
        for ref, resource in sorted(gone.items(), key=lambda pair: _deletion_rank(pair[0])):
            written = self.applier.state.written[ref]
            try:
                self.applier.green.delete(resource, ref.namespace, ref.name, uid=written.uid)
                outcome = Outcome(ref, Action.DELETED, uid=written.uid, made=True)
            except ApiError as error:
                outcome = Outcome(ref, Action.FAILED, error.message)
            self._record(outcome)


_WITH_BACKENDS = frozenset({"admissionregistration.k8s.io", "apiregistration.k8s.io", "apiextensions.k8s.io"})


def copy(plan: Plan, green: Green, live: dict[ObjectRef, Live], *, run: Run, options: CopyOptions) -> CopyResult:
    """Write what is new or changed; run again it only brings what changed since.

    Raises BlockedError when traffic is on green already, and JournalError when a change cannot be announced.
    """
    state = run.state  # what earlier runs have left; what this one announces is no reason to take an object for its own
    if state.stage in (Stage.ON_GREEN, Stage.CUTTING_OVER, Stage.RETIRED) and state.green_percent > 0:
        raise BlockedError(
            f"green has {state.green_percent:g} % of the traffic: copying now would overwrite what it has done since",
            hint="`migrator rollback` first",
        )
    refs = {item.uid: item.green for item in plan.of(Decision.MOVE)}
    applier = Applier(green, state, live, refs, force=options.force_conflicts, sleep=run.clock.sleep)
    applier.uids |= {ref: written.uid for ref, written in state.written.items() if ref in live}
    copying = _Copy(plan, applier, run, options)
    run.reporter.emit(Step(f"copying {plan.counts['move']} objects to green in {len(plan.waves)} waves"))
    run.write(CopyStarted(dict(plan.counts), len(plan.waves)))
    copying.run()
    gone = _gone(plan, state, live)
    if gone and options.prune:
        run.reporter.emit(Step(f"deleting {len(gone)} objects from green that blue has no more"))
        copying.prune(gone)
    elif gone:
        run.reporter.emit(Note(f"{len(gone)} objects on green are gone from blue; --prune deletes them", warning=True))
    kinds: dict[str, Counter[str]] = {}
    for item in plan.items:
        kinds.setdefault(item.blue.type_name, Counter())[item.decision.value] += 1
    result = CopyResult(
        counts=copying.counts,
        problems=copying.problems,
        blocked=list(plan.of(Decision.BLOCKED)),
        gone=sorted(gone),
        data_left=[
            f"{item.green.namespace}/{item.green.name}"
            for item in plan.items
            if any(n.startswith("data is NOT") for n in item.notes)
        ],
        unreadable=[f"{item.type_name}: {item.reason}" for item in plan.unreadable],
    )
    run.write(
        CopyEnded(
            counts=dict(copying.counts),
            complete=result.complete,
            kinds={kind: dict(counts) for kind, counts in sorted(kinds.items())},
            skipped={reason: tuple(refs) for reason, refs in _reasons(plan, Decision.SKIP).items()},
            blocked=tuple(map(BlockedObject.of, result.blocked)),
            kinds_skipped=plan.kinds_skipped,
            data_left=tuple(result.data_left),
        )
    )
    run.ledger.sync()
    return result


def _reasons(plan: Plan, decision: Decision) -> dict[str, list[ObjectRef]]:
    reasons: dict[str, list[ObjectRef]] = {}
    for item in plan.of(decision):
        reasons.setdefault(item.reason, []).append(item.blue)
    return reasons


def _gone(plan: Plan, state: State, live: dict[ObjectRef, Live]) -> dict[ObjectRef, ResourceType]:
    """Return what this tool made on green, still is there, and blue has no more; unread kinds are left alone."""
    on_blue = {item.green for item in plan.items}
    return {
        ref: plan.kinds_read[ref.type_name]
        for ref, written in state.written.items()
        if written.made
        and ref not in on_blue
        and ref.type_name in plan.kinds_read
        and (ref not in live or live[ref].uid == written.uid)
    }


def _deletion_rank(ref: ObjectRef) -> tuple[int, ObjectRef]:
    """Order deletions so that what judges others goes first and what holds others goes last."""
    last = {"CustomResourceDefinition": 2, "Namespace": 3}
    first = {"ValidatingWebhookConfiguration": -1, "MutatingWebhookConfiguration": -1, "APIService": -1}
    return last.get(ref.kind, first.get(ref.kind, 0)), ref


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
