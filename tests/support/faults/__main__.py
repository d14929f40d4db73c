"""`make faults`: play rounds on two real control planes and write the result."""

from __future__ import annotations

import argparse
import itertools
import json
import os
import secrets
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from migrator.testbed.binaries import Store
from migrator.testbed.planes.control_plane import Recipe
from migrator.testbed.planes.pair import Testbed, default_cache
from migrator.testbed.versions import BLUE, GREEN
from tests.support.faults.plan import RoundPlan, drawn
from tests.support.faults.suite import Score, added, play_all
from tests.support.faults.world import worlds
from tests.support.sandbox import Pair

RESULT = Path(__file__).parents[3] / "benchmarks/results/faults.json"


def main() -> int:
    """Play, print, write; return how the process ends."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=1000)
    parser.add_argument("--first", type=int, default=1, help="number of the first round")
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--only", default="", help="part of what a round's line says, such as a verb or a fault")
    parser.add_argument("--minutes", type=float, default=float("inf"), help="begin no round after this time")
    parser.add_argument("--add", action="store_true", help="add to the last result instead of replacing it")
    parser.add_argument("--no-write", action="store_true")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended: what was played is kept"))
    seed = secrets.randbelow(10**6) if options.seed is None else options.seed
    say(f"seed {seed}, {options.rounds} rounds from {options.first} on")
    plans = (drawn(seed, number, on_demand=True) for number in itertools.count(options.first))
    chosen = itertools.islice((plan for plan in plans if options.only in str(plan)), options.rounds)
    end = time.monotonic() + options.minutes * 60
    before = json.loads(RESULT.read_text()) if options.add and RESULT.exists() else None

    def document(score: Score) -> dict[str, Any]:
        return added(before, score.document()) if before else score.document()

    def keep(score: Score) -> None:
        if not options.no_write:
            RESULT.write_text(json.dumps(document(score), indent=2, ensure_ascii=False) + "\n")

    score = play_on_planes(seed, itertools.takewhile(lambda _: time.monotonic() < end, chosen), keep)
    print(score.table())
    print(json.dumps({key: value for key, value in document(score).items() if key != "violations"}, indent=2))
    print(f"{len(score.violations)} violations in {len(score.stories)} rounds")
    return 1 if score.violations else 0


def play_on_planes(seed: int, plans: Iterable[RoundPlan], keep: Callable[[Score], None]) -> Score:
    """Start both control planes, and play rounds."""
    with tempfile.TemporaryDirectory() as folder:
        testbed = Testbed(Path(folder) / "testbed", Store(default_cache(), say), lambda _: None)
        try:
            planes = testbed.up((Recipe("blue", BLUE), Recipe("green", GREEN)))
            clusters = (planes["blue"].cluster(patience=60), planes["green"].cluster(patience=60))
            with worlds(Pair(*clusters, testbed.kubeconfig, testbed)) as world:
                return play_all(world, plans, seed, say, keep)
        finally:
            testbed.down()


def say(text: str) -> None:
    """Print a line of progress at once."""
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    if os.getuid():
        sys.exit("make faults needs root: it mounts a small disk for the journal")
    sys.exit(main())
