"""Durations."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from migrator.config.duration import PATTERN, parse_duration


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("10m", 600), ("1h30m", 5400), ("15m0s", 900), ("1.5h", 5400), ("250ms", 0.25), ("0s", 0)]
)
def test_a_duration_is_in_seconds(text: str, seconds: float) -> None:
    """As people write them, and as Kubernetes prints them."""
    assert parse_duration(text) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["", "5", "s", "1d", "5 m", "-5m", "5m ", "m5"])
def test_other_text_is_refused_with_an_example(text: str) -> None:
    """A number without a unit is none."""
    with pytest.raises(ValueError, match="such as 30s"):
        parse_duration(text)


def test_a_duration_longer_than_any_migration_is_refused() -> None:
    """Neither clocks nor timers could count so long."""
    with pytest.raises(ValueError, match="longer than ten years"):
        parse_duration("99999999999999999999h")


@given(st.text(alphabet="0123456789.msh ", max_size=8).filter(lambda text: not re.search(r"\d{5}", text)))
def test_editors_and_the_tool_agree(text: str) -> None:
    """The expression of the JSON Schema accepts what is parsed, and nothing else but what is too long."""
    accepted = bool(re.fullmatch(PATTERN.strip("^$"), text))
    try:
        parse_duration(text)
    except ValueError:
        assert not accepted
    else:
        assert accepted
