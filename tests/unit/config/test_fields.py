"""What fields are made of: units are written out, keys are in camelCase, and an unknown one is refused."""

from __future__ import annotations

from datetime import timedelta

import pytest
from pydantic import ValidationError

from migrator.config.fields import Duration, Frozen, Rate, lasting


class Part(Frozen):
    """A part of a file."""

    wait_time: Duration = lasting("5s", description="How long.")
    share: Rate = 0.5


def test_durations_and_rates_carry_their_units() -> None:
    """A default is read like any other text."""
    assert Part() == Part.model_validate({"waitTime": "5s", "share": "50%"})
    assert Part.model_validate({"waitTime": "1h30m"}).wait_time == timedelta(minutes=90)


@pytest.mark.parametrize("given", [{"waitTime": 5}, {"waitTime": "soon"}, {"share": 2}, {"share": "200%"}, {"wait-time": "5s"}])
def test_what_has_no_unit_or_no_name_is_refused(given: dict[str, object]) -> None:
    """A number of what?"""
    with pytest.raises(ValidationError):
        Part.model_validate(given)
