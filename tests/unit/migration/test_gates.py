"""A step is judged by limits, and by what the other side did in the same time."""

from __future__ import annotations

from typing import Any

import pytest

from migrator.config.schema import Gates
from migrator.errors import GateFailedError
from migrator.migration.gates import Window, judge, require_enough
from migrator.model.traffic import SideCounters


def side(requests: int, errors: int = 0, latency_ms: float = 10.0) -> SideCounters:
    """Return the counters of a side."""
    return SideCounters(requests, errors, latency_ms, 0)


@pytest.mark.parametrize(
    ("green", "blue", "gates", "words"),
    [
        (side(100, 2), side(100), {}, r"2 of 100 requests on green failed \(2\.0%; gates\.errorRate is 1\.0%\)"),
        (side(100, latency_ms=300), side(100), {"latency": "0.2s"}, r"green answers in 300 ms \(gates\.latency is 200 ms\)"),
        (
            side(100, 6),
            side(100, 2),
            {"errorRate": "10%", "errorRateOverBlue": "3%"},
            r"green fails 6\.0% of its requests, blue 2\.0%",
        ),
        (
            side(100, latency_ms=31),
            side(100, latency_ms=20),
            {"latencyTimesBlue": 1.5},
            r"in 31 ms, blue in 20 ms \(gates\.latencyTimesBlue",
        ),
    ],
)
def test_a_side_that_is_too_bad_fails(green: SideCounters, blue: SideCounters, gates: dict[str, Any], words: str) -> None:
    """With the numbers, and the gate's name."""
    with pytest.raises(GateFailedError, match=words):
        judge(Window(green, blue), Gates.model_validate(gates))


@pytest.mark.parametrize(
    ("green", "blue"),
    [
        (side(100, 3), side(100, 2)),
        (side(100, 5), side(100, 9)),
        (side(100, 9), side(19)),
        (side(19, 1), side(100)),
        (side(100, latency_ms=30), side(100, latency_ms=20)),
        (side(100, latency_ms=500), side(0)),
    ],
)
def test_a_side_that_is_no_worse_passes(green: SideCounters, blue: SideCounters) -> None:
    """Both have to have enough requests to be compared: at 100 % blue has none."""
    gates = Gates.model_validate({"errorRate": "10%", "errorRateOverBlue": "3%", "latencyTimesBlue": 1.5})
    judge(Window(green, blue), gates)
    assert str(Window(side(3, 1), side(5))) == "green 3 requests, 1 errors, 10 ms; blue 5 requests, 0 errors, 10 ms"


def test_too_few_requests_prove_nothing() -> None:
    """Unless a person accepts silence."""
    with pytest.raises(GateFailedError, match=r"green answered 4 requests at 25 %, and gates\.minRequests is 5: nothing is proven"):
        require_enough(side(4), 25, Gates(min_requests=5))
    require_enough(side(0), 25, Gates(min_requests=0))
