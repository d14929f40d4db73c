"""What fields are made of: units are written out, keys are in camelCase, and an unknown one is refused."""

from __future__ import annotations

from datetime import timedelta

import pytest
from pydantic import ValidationError

from migrator.config.fields import Duration, Frozen, Rate, SshWord, lasting


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


class Reached(Frozen):
    """A host."""

    user: SshWord = "root"


@pytest.mark.parametrize("user", ["pi", "", "DOM\\\\me", "me@realm", "fd00::1"])
def test_a_user_or_a_host_is_a_word_of_ssh(user: str) -> None:
    """Of any directory."""
    assert Reached(user=user).user == user


@pytest.mark.parametrize("user", ["-oProxyCommand=id", "-l", "a b", "a\nb", "a\x1b", "\u200b"])
def test_what_ssh_takes_for_an_option_is_no_user(user: str) -> None:
    """Such an argument runs a program on this machine (dora-rs/dora#3133, Petyok/SSHub#101)."""
    with pytest.raises(ValidationError, match="is not a user or a host"):
        Reached(user=user)
