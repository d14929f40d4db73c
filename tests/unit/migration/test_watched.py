"""A step that is watched tells both sides, and what its gate waits for."""

from __future__ import annotations

import pytest

from migrator.migration.gates import Window
from migrator.migration.watched import watched
from migrator.model.traffic import NOTHING_COUNTED, Abilities, SideCounters

GREEN, BLUE = SideCounters(100, 5, 12.4, 3), SideCounters(300, 0, 8.0, 9)


@pytest.mark.parametrize(
    ("passed", "wanted", "waits"),
    [
        (10.0, 50, "20 s more"),
        (10.0, 200, "20 s more, 200 requests on green"),
        (30.0, 200, "200 requests on green"),
        (30.0, 50, ""),
    ],
)
def test_what_the_gate_waits_for_is_said(passed: float, wanted: int, waits: str) -> None:
    """Time, and requests."""
    seen = watched(25, Window(GREEN, BLUE), Abilities(), passed=passed, soak=30, wanted=wanted)
    assert (seen.waits_for, seen.done, seen.total) == (waits, int(passed), 30)
    assert seen.text.startswith("25 %: green 100 requests, 5 errors, 12 ms; blue 300 requests, 0 errors, 8 ms")
    assert ("; waits for 200 requests on green" in seen.text) == (passed == 30 and wanted == 200)


def test_both_sides_have_rates() -> None:
    """Since the step began."""
    green, blue = watched(25, Window(GREEN, BLUE), Abilities(), passed=10, soak=30, wanted=1).sides
    assert (green.share, green.per_second, green.errors, green.sessions) == (25, 10.0, 0.05, 3)
    assert (blue.share, blue.per_second, blue.latency_ms) == (75, 30.0, 8.0)


def test_a_switch_that_counts_nothing_has_no_numbers() -> None:
    """The probes judge."""
    can = Abilities(counters=False, uncounted=("A shop",))
    seen = watched(100, Window(NOTHING_COUNTED, NOTHING_COUNTED), can, passed=0, soak=30, wanted=1)
    assert (seen.sides, seen.text, seen.waits_for) == ((), "100 %: judged by probes", "30 s more, the probes")
