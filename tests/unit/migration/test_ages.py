"""How old something is, is asked of two clocks."""

from __future__ import annotations

import pytest

from migrator.migration.ages import Moment


@pytest.mark.parametrize(
    ("then", "now", "ages"),
    [
        (Moment(100.0), Moment(160.0, 5.0), (60.0,)),
        (Moment(100.0, 5.0), Moment(160.0), (60.0,)),
        (Moment(100.0, 5.0), Moment(160.0, 8.0), (60.0, 3.0)),
        (Moment(100.0, 5.0), Moment(99.0, 4.0), (0.0, 0.0)),
        (Moment(100.0, 5.0), Moment(90.0, 8.0), (-10.0, 3.0)),
    ],
)
def test_each_clock_that_is_known_says_its_own(then: Moment, now: Moment, ages: tuple[float, ...]) -> None:
    """Rounded times may meet in the wrong order; more than that is a clock that went back."""
    assert then.ages(now) == ages
