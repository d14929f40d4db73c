"""Prove that green does blue's work: readiness, parity, endpoints, images, webhooks, data, probes.

A timeout is a failure; what cannot be known is said to be unknown and never guessed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace

import orjson

from migrator.config.fields import Selector
from migrator.config.schema import AcceptedAddition, Probe
from migrator.errors import ApiError
from migrator.migration.asking import ask
from migrator.migration.compare import Clusters, compare
from migrator.migration.compare_pods import PodSides, compare_pods
from migrator.migration.endpoint_check import Sides, endpoint_findings
from migrator.migration.image_check import each, image_findings
from migrator.migration.inventory import Live
from migrator.migration.one_side import look as one_side
from migrator.migration.run import Run
from migrator.migration.trials import Trials
from migrator.model.events import Progress, Step
from migrator.model.kinds import BUDGETS, CLAIMS, STORAGE_CLASSES
from migrator.model.manifest import Manifest, get, is_custom_group, ref_type
from migrator.model.plan import DataPlan, Decision, Plan, PlanItem
from migrator.model.ref import ObjectRef
from migrator.model.verdict import Finding, Readiness, Severity, Verdict
from migrator.ports import Clock, ClusterReader, Green, ImageRegistry, Prober
from migrator.readiness.kinds import READY, is_for_no_node, is_said_to_be_well, rolled_out, works
from migrator.rules.one_side.table import WORKLOADS
from migrator.rules.person import selects
from migrator.rules.storage import DATA_NOTES, waits_for_a_pod
from migrator.rules.system import selector_text

# Rollouts take seconds to minutes, and each look lists all workloads.
_POLL = 1.0
# How long a controller may take for its first word of an object.
_SETTLE_SECONDS = 10.0
_ACCEPTED = "gates.acceptedUnready names it"
# What answers 5xx while the API server is well.
_FAILS = (
    "mend what answers for the kind (an aggregated API server, a conversion webhook), or the object that the message names, which "
    "etcd holds but nothing can decode; or leave the kind out"
)


@dataclass(slots=True, frozen=True)
class Checks:
    """What validation needs beside both clusters."""

    prober: Prober
    registry: ImageRegistry
    probes: tuple[Probe, ...]
    ready_timeout: float
    accepted: tuple[AcceptedAddition, ...] = ()
    """What green's admission may add."""
    unready: tuple[Selector, ...] = ()
    """What need not be ready yet."""

    def accept(self, item: PlanItem) -> bool:
        """Return whether a person says that an object need not be ready yet."""
        if not self.unready:
            return False
        labels = orjson.loads(item.body)["metadata"].get("labels") or {}
        return any(selects(selector, item.blue, labels) for selector in self.unready)


def validate(
    plan: Plan,
    blue: ClusterReader,
    green: Green,
    live: Mapping[ObjectRef, Live],
    *,
    checks: Checks,
    run: Run,
) -> Verdict:
    """Return the verdict over everything that the plan moves."""
    clock, reporter = run.clock, run.reporter
    began = clock.monotonic()
    moved = list(plan.of(Decision.MOVE))
    findings: list[Finding] = [*_unmoved(plan)]
    reporter.emit(Step("comparing green with blue"))
    refs = {item.uid: item.green for item in moved}
    trials = Trials(green, clock)
    findings += compare(moved, Clusters(blue, trials, green.workers, live, refs, checks.accepted))
    there = [item for item in moved if item.green in live]
    findings += compare_pods(there, PodSides(blue, trials, green.workers, checks.accepted))
    reporter.emit(Step(f"waiting until green is ready (at most {checks.ready_timeout:.0f} s)"))
    held = one_side.HeldPods(plan, run.state.turned)
    awaited = [item for item in moved if not (one_side.stands_still(item, plan, run.state.turned) or held.demanded_by(item))]
    findings += _await_ready(awaited, green, live, checks, held, run)
    reporter.emit(Step("looking at endpoints, webhooks, images and probes"))
    until = began + checks.ready_timeout
    # One that is not on green is told above, and nothing will stand behind it however long it is waited for.
    served = [item for item in there if not checks.accept(item)]
    sides = Sides(blue, green, clock, plan, held)
    findings += each("endpoints", served, lambda item: endpoint_findings(item, sides, deadline=until))
    findings += ask(plan, blue, green, live, clock)
    findings += image_findings(moved, green, checks.registry, checks.accept)
    # Now, not as green was read at first: what was started while it was waited for counts.
    now = {**live, **one_side.fresh(plan, green, run.state.turned, clock)}
    findings += one_side.findings(plan, now, run.state.turned, one_side.asking(blue, green))
    with ThreadPoolExecutor(max(1, len(checks.probes))) as pool:
        findings += pool.map(lambda probe: _probed(probe, checks, clock, deadline=until), checks.probes)
    return Verdict(tuple(findings), clock.monotonic() - began)


def _unmoved(plan: Plan) -> Iterator[Finding]:
    for item in plan.of(Decision.BLOCKED):
        yield Finding("moved", str(item.blue), Severity.FAILURE, item.reason, item.hint)
    for unread in plan.unreadable:
        yield Finding(
            "moved",
            unread.type_name,
            Severity.FAILURE,
            unread.reason,
            _FAILS if unread.failed else "grant it (deploy/rbac-*.yaml), or leave the kind out",
        )
    for item in plan.items:
        claim = f"{item.blue.namespace}/{item.blue.name}"
        if item.data is DataPlan.TO_ADOPT:
            hint = f"scale its workload to 0 on blue, then `migrator data finish --claim {claim}`"
            yield Finding("data", str(item.blue), Severity.FAILURE, DATA_NOTES[item.data], hint)
        if item.data is DataPlan.NOT_COPIED:
            hint = f'`migrator data` copies it; or move it yourself, then say so: volumes.dataMoved: ["{claim}"]'
            # The note of the plan says why, where it is known.
            told = next((note for note in item.notes if note.startswith("data is NOT")), DATA_NOTES[item.data])
            yield Finding("data", str(item.blue), Severity.FAILURE, told, hint)


def _await_ready(
    moved: list[PlanItem], green: ClusterReader, live: Mapping[ObjectRef, Live], checks: Checks, held: one_side.HeldPods, run: Run
) -> Iterator[Finding]:
    """Yield a finding for each object that is not ready when time is up, and for each that never will be."""
    waiting = (DataPlan.TO_HAND_OVER, DataPlan.TO_ADOPT)  # a claim whose volume comes later is bound later
    pending = {item.green: item for item in moved if item.green in live and item.data not in waiting}
    states: dict[ObjectRef, Readiness] = {}
    manifests = {ref: orjson.loads(live[ref].body) for ref in pending}
    classes = _classes(green) if any(ref.type_name == CLAIMS.type_name for ref in pending) else {}
    accepted = {item.green: _ACCEPTED for item in moved if checks.accept(item)}
    clock, timeout, total = run.clock, checks.ready_timeout, len(pending)
    deadline, settled = clock.monotonic() + timeout, clock.monotonic() + _SETTLE_SECONDS

    def excuse(item: PlanItem) -> str:
        if clock.monotonic() >= settled and _is_silent(item, manifests[item.green]):
            return "blue's is well; see whether its controller runs on green"
        return accepted.get(item.green) or _excuse(item, manifests[item.green], classes)

    while True:
        for ref, manifest in manifests.items():
            states[ref] = _state(pending[ref], manifest, held)
            if states[ref].done:
                item = pending.pop(ref)
                if not states[ref].ok:
                    yield _unready(item, states[ref].message, excuse(item), held)
                elif states[ref].message:
                    yield Finding("readiness", str(ref), Severity.WARNING, states[ref].message)
        if all(map(excuse, pending.values())) or clock.monotonic() >= deadline:
            break
        run.reporter.emit(Progress("ready", total - len(pending), total))
        clock.sleep(_POLL)
        manifests = _look_again(green, pending, manifests)
    for ref, item in pending.items():
        told, message = excuse(item), states[ref].message
        yield _unready(item, message if told else f"{message}, still after {timeout:.0f} s{_on_blue(item)}", told, held)


def _state(item: PlanItem, manifest: Manifest, held: one_side.HeldPods) -> Readiness:
    """Return whether an object is ready on green."""
    state = rolled_out(manifest)
    if state.done and state.ok and item.works and not works(manifest) and not held.makes_none(item) and is_for_no_node(manifest):
        # Not at once: a program that moves with it may set the labels (Node Feature Discovery).
        return Readiness(
            done=False, ok=True, message="is for no node of green, and blue runs its pods: label the nodes as blue's are"
        )
    if state.done and state.ok and _is_silent(item, manifest):
        return Readiness(done=False, ok=True, message="no controller on green has said yet how it is")
    return state


def _is_silent(item: PlanItem, manifest: Manifest) -> bool:
    """Return whether nobody on green tells of a custom resource that is well on blue: without any condition it counts as ready."""
    return item.well and rolled_out(manifest) == READY and not is_said_to_be_well(manifest)


def _excuse(item: PlanItem, manifest: Manifest, classes: Mapping[str, Manifest]) -> str:
    """Return why an object that is not ready on green is no reason to wait; empty where it is one."""
    if _works_as_well(item, manifest):
        return f"not ready on blue either: {item.unready}"
    if ref_type(manifest) == BUDGETS.type_name and get(manifest, "status", "expectedPods") == 0:
        return "it counts no pod there: those of its workloads are waited for by themselves"
    # A pod that waits for a node is told by the workload that it is of.
    unused = ref_type(manifest) == CLAIMS.type_name and waits_for_a_pod(manifest, classes)
    return "its class binds it once a pod uses it, and none does yet" if unused else ""


def _classes(green: ClusterReader) -> dict[str, Manifest]:
    """Return green's StorageClasses by name; none where they may not be read."""
    try:
        return {item["metadata"]["name"]: item for item in green.list(STORAGE_CLASSES, unparsed=lambda _: None)}
    except ApiError:
        return {}


def _works_as_well(item: PlanItem, manifest: Manifest) -> bool:
    """Return whether an object that is not ready on green does there what it does on blue, which is not all of it either."""
    return bool(item.unready) and (item.works is None or (works(manifest) or 0) >= item.works)


def _on_blue(item: PlanItem) -> str:
    return f"; blue has {item.works} that work, although it is not ready there either: {item.unready}" if item.unready else ""


def _unready(item: PlanItem, message: str, excuse: str, held: one_side.HeldPods) -> Finding:
    if excuse:
        return Finding("readiness", str(item.green), Severity.WARNING, f"{message} ({excuse})")
    where = f" -n {item.green.namespace}" if item.green.namespace else ""
    hint = f"kubectl --context GREEN describe {item.green.kind.lower()} {item.green.name}{where}"
    if item.green.type_name in WORKLOADS and (group := held.beside(item)):
        hint += (
            f"; if it needs what is held until the cutover there, hand it over with that: "
            f"cutover.oneSide: [{{name: {group}, target: {selector_text(item.blue)}, hold: auto}}]"
        )
    if is_custom_group(item.green.group):
        hint += "; if it need not be ready before the cutover, name it in gates.acceptedUnready"
    return Finding("readiness", str(item.green), Severity.FAILURE, message, hint)


def _look_again(
    green: ClusterReader, pending: Mapping[ObjectRef, PlanItem], before: Mapping[ObjectRef, Manifest]
) -> dict[ObjectRef, Manifest]:
    """Return what is still waited for as it is now; what cannot be read is as unready as it was at the last look."""
    manifests = {}
    for ref, item in pending.items():
        manifests[ref] = before[ref]
        if item.resource:
            with suppress(ApiError):
                manifests[ref] = green.get(item.resource, ref.namespace, ref.name)
    return manifests


def _probed(probe: Probe, checks: Checks, clock: Clock, *, deadline: float) -> Finding:
    """Ask a probe until it is good or time is up: what has just become ready may need a moment to be found so."""
    while True:
        finding = checks.prober.probe(probe)
        if finding.severity is Severity.OK:
            return finding
        if clock.monotonic() >= deadline:
            return replace(finding, reason=f"{finding.reason}, still after {checks.ready_timeout:.0f} s")
        clock.sleep(_POLL)


def by_severity(findings: Iterable[Finding]) -> dict[Severity, list[Finding]]:
    """Return the findings grouped, worst first."""
    groups: dict[Severity, list[Finding]] = {}
    for severity in (Severity.FAILURE, Severity.WARNING, Severity.UNKNOWN, Severity.OK):
        group = [finding for finding in findings if finding.severity is severity]
        if group:
            groups[severity] = group
    return groups
