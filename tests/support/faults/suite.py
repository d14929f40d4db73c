"""Plays rounds and keeps the score."""

from __future__ import annotations

import os
import platform
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from migrator import __version__
from migrator.testbed.versions import BLUE, GREEN
from tests.support.faults.plan import RoundPlan
from tests.support.faults.rounds import Story, play
from tests.support.faults.world import World


@dataclass(slots=True)
class Score:
    """All rounds so far."""

    seed: int
    stories: list[Story] = field(default_factory=list)

    @property
    def first(self) -> int:
        """Number of the first round."""
        return min((story.plan.number for story in self.stories), default=0)

    @property
    def last(self) -> int:
        """Number of the last round."""
        return max((story.plan.number for story in self.stories), default=0)

    @property
    def violations(self) -> list[str]:
        """Each violation, with how to repeat it."""
        return [f"{text}\n{repeat(story.plan)}" for story in self.stories for text in story.violations]

    def document(self) -> dict[str, Any]:
        """Return what benchmarks/results/faults.json holds."""
        seconds = [story.rollback_seconds for story in self.stories if story.rollback_seconds is not None]
        return {
            "rounds": len(self.stories),
            "seeds": [self.seed],
            "runs": [{"seed": self.seed, "first": self.first, "last": self.last, "violations": len(self.violations)}],
            "verbs": dict(Counter(story.plan.verb for story in self.stories)),
            "faults": dict(sorted(Counter(story.plan.kind.value for story in self.stories if story.happened).items())),
            "ended_before_the_fault": sum(not story.happened for story in self.stories),
            "next_command_named_by": dict(sum((story.named_by for story in self.stories), Counter())),
            "violations": [
                {"round": story.plan.number, "seed": self.seed, "plan": str(story.plan), "what": text}
                for story in self.stories
                for text in story.violations
            ],
            "rollback_seconds_worst": round(max(seconds), 2) if seconds else None,
            "rollbacks_timed": len(seconds),
            "machine": {"cpus": os.cpu_count(), "architecture": platform.machine(), "kernel": platform.release()},
            "versions": {"migrator": __version__, "blue": BLUE, "green": GREEN, "python": platform.python_version()},
        }

    def table(self) -> str:
        """Return a line for each kind of fault: rounds in which it happened, and violations."""
        lines = [f"{'fault':34} {'rounds':>6} {'happened':>8} {'violations':>10}"]
        for kind in sorted({story.plan.kind for story in self.stories}):
            own = [story for story in self.stories if story.plan.kind is kind]
            happened, bad = sum(story.happened for story in own), sum(len(story.violations) for story in own)
            lines.append(f"{kind:34} {len(own):6} {happened:8} {bad:10}  {'█' * min(happened, 60)}")
        return "\n".join(lines)


def added(before: dict[str, Any], now: dict[str, Any]) -> dict[str, Any]:
    """Return two results as one; what describes machine and versions is that of the later one.

    Raises ValueError where both hold the same round: it would count twice.
    """
    for one in before["runs"]:
        for other in now["runs"]:
            if one["seed"] == other["seed"] and one["first"] <= other["last"] and other["first"] <= one["last"]:
                raise ValueError(f"rounds {other['first']} to {other['last']} of seed {other['seed']} are in the result already")
    counts = ("rounds", "ended_before_the_fault", "rollbacks_timed")
    tables = ("verbs", "faults", "next_command_named_by")
    worst = [item["rollback_seconds_worst"] for item in (before, now) if item["rollback_seconds_worst"] is not None]
    return {
        **now,
        **{key: before[key] + now[key] for key in (*counts, "violations", "runs")},
        **{key: dict(sorted((Counter(before[key]) + Counter(now[key])).items())) for key in tables},
        "seeds": sorted({*before["seeds"], *now["seeds"]}),
        "rollback_seconds_worst": max(worst, default=None),
    }


def play_all(
    world: World, plans: Iterable[RoundPlan], seed: int, say: Callable[[str], None], keep: Callable[[Score], None] = lambda _: None
) -> Score:
    """Play rounds; a round that the suite itself cannot finish counts as a violation. `keep` gets the score after each round."""
    score = Score(seed)
    for plan in plans:
        try:
            story = play(world, plan)
        except Exception as error:  # noqa: BLE001 - the next round shows more
            story = Story(plan, violations=[f"the round ended with {type(error).__name__}: {error}"])
        score.stories.append(story)
        keep(score)
        mark = "✗" if story.violations else "✓" if story.happened else "-"
        missed = "" if story.happened else f", of {story.counted}"
        say(f"{mark} {plan.number:4} {plan}{missed} → {', '.join(story.steps)} ({story.seconds:.0f} s)")
        for text, times in Counter(story.violations).items():
            say(f"       {text}" + (f" ({times} times)" if times > 1 else ""))
        if story.violations:
            say(f"       {repeat(plan)}")
    return score


def repeat(plan: RoundPlan) -> str:
    """Return the command that plays one round again."""
    return f"make faults SEED={plan.seed} FIRST={plan.number} ROUNDS=1"
