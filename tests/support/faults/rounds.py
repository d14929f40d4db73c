"""One round: a fresh namespace, the verbs before the chosen one, the chosen one with a fault, the way on, and the checks."""

from __future__ import annotations

import contextlib
import time
from collections import Counter
from dataclasses import dataclass, field

from tests.support.faults import checks
from tests.support.faults.disk import small_disk
from tests.support.faults.faults import Fault
from tests.support.faults.plan import Kind, RoundPlan
from tests.support.faults.recovery import Said, is_locked_out, named
from tests.support.faults.running import monotonic, moved_back_after, prepare, run, run_with_fault
from tests.support.faults.workload import fill
from tests.support.faults.world import Stage, World, stages

_BEFORE = {
    "copy": (),
    "cutover": ("copy", "validate"),
    "rollback": ("copy", "validate", "cutover"),
    "retire": ("copy", "validate", "cutover"),
}
"""The verbs that run without a fault before the chosen one."""
_TRIES = 10
_LOCK_SECONDS = 90.0
"""How long a lock of an ended run is waited for."""


@dataclass(slots=True)
class Story:
    """What happened in a round."""

    plan: RoundPlan
    happened: bool = False
    """Whether the moment of the fault came."""
    seconds: float = 0.0
    rollback_seconds: float | None = None
    steps: list[str] = field(default_factory=list)
    """Each verb after the fault, and its exit code."""
    violations: list[str] = field(default_factory=list)
    final: str = ""
    """The verb that succeeded at last."""
    faulted: Said | None = None
    counted: int = 0
    """What passed of what the fault was counted in, where its moment did not come."""
    named_by: Counter[str] = field(default_factory=Counter)
    """Who named the command that was run next."""


def play(world: World, plan: RoundPlan) -> Story:
    """Play one round."""
    story = Story(plan)
    began = time.monotonic()
    with stages(world, plan) as stage, contextlib.ExitStack() as stack:
        if plan.kind is Kind.DISK_FULL:
            stack.enter_context(small_disk(stage.sandbox.folder / ".migrator"))
        fill(stage.sandbox, stage.secret)
        for proxy in world.proxies.values():
            proxy.changes.clear()
        for verb in _BEFORE[plan.verb]:
            before = prepare(stage, verb)
            if before.code:
                story.violations.append(f"{verb} before the fault ended with {before.code}: {before.text[-600:]}")
                return story
        fault = Fault(stage)
        _disturb(stage, fault, story)
        if _go_on(stage, story):
            story.violations += checks.after(stage, fault, story.final)
        story.violations += checks.always(stage, fault)
    story.seconds = round(time.monotonic() - began, 1)
    return story


def _disturb(stage: Stage, fault: Fault, story: Story) -> None:
    """Run the chosen verb with the fault, and judge how it ended."""
    began = monotonic()
    said = run_with_fault(stage, fault, stage.plan.verb)
    story.faulted = said
    story.happened = fault.began_at is not None
    story.counted = stage.moments.counts[stage.plan.counted]
    story.steps.append(f"{said.verb}={said.code}")
    if stage.plan.verb == "rollback" and stage.plan.kind not in (Kind.STOP, Kind.KILL, Kind.BALANCER_KILLED, Kind.BALANCER_SILENT):
        story.rollback_seconds = moved_back_after(stage, began)
    story.violations += checks.ending(stage, said)


def _go_on(stage: Stage, story: Story) -> bool:
    """Run what the tool names until the chosen verb, or a rollback that it named, has succeeded; return whether it has."""
    said = story.faulted
    assert said is not None
    deadline = time.monotonic() + _LOCK_SECONDS
    for _ in range(_TRIES):
        if said.code == 0 and said.verb in (stage.plan.verb, "rollback"):
            story.final = said.verb
            return True
        said = run(stage, *_next(stage, story, said))
        while is_locked_out(said) and time.monotonic() < deadline:
            time.sleep(1)
            said = run(stage, *said.command)
        story.steps.append(f"{' '.join(said.command)}={said.code}")
        story.violations += checks.ending(stage, said)
        if said.verb == "retire" and "retired already" in said.text:
            story.final = "retire"
            return True
    story.violations.append(f"no success in {_TRIES} tries: {', '.join(story.steps)}; last words: {said.text[-600:]}")
    return False


def _next(stage: Stage, story: Story, said: Said) -> tuple[str, ...]:
    """Return what to run next: what the verb says, what `status` says, or else the chosen verb, which must go on by itself."""
    if said.code == 0:
        return (stage.plan.verb,)
    told, by = named(said), "the verb"
    if told is None:
        told, by = named(run(stage, "status")), "status"
    if told is None and said is not story.faulted:
        story.violations.append(f"without a fault {said.verb} ended with {said.code} and names no command: {said.text[-400:]!r}")
    story.named_by[by if told else "nobody: the same verb again"] += 1
    return told or (stage.plan.verb,)
