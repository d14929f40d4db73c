"""Several are asked at once; one that fails or is silent keeps nobody from the others."""

from __future__ import annotations

import threading

import pytest

from migrator.errors import MigratorError, TrafficError
from migrator.traffic.together import ask_all, first_hint, named, told


def test_answers_and_errors_come_by_name_and_in_order() -> None:
    """Whoever answers first."""
    first = threading.Event()

    def ask(number: int) -> int:
        if number == 1:
            first.wait(10)
        first.set()
        if number == 3:
            raise ValueError("three")
        return number * 10

    answers, errors = ask_all({"a": 1, "b": 2, "c": 3}, ask)
    assert (list(answers.items()), {name: str(error) for name, error in errors.items()}) == ([("a", 10), ("b", 20)], {"c": "three"})


def test_who_is_silent_long_after_another_has_answered_is_not_waited_for() -> None:
    """While nobody has answered well, all are waited for."""
    never = threading.Event()
    answers, errors = ask_all({"a": True, "b": False}, lambda living: living or never.wait(60), patience=0.05)
    never.set()
    assert answers == {"a": True}
    assert isinstance(errors["b"], TrafficError)
    assert errors["b"].message == "no answer within 0.05 s after another's"


def test_numbers_carry_the_name_of_what_they_belong_to() -> None:
    """Two servers of one name stay two."""
    assert named({"a": {"x": 1}, "b": {"x": 2}}) == {"a/x": 1, "b/x": 2}


class FamilyError(MigratorError):
    """An error of this program."""


@pytest.mark.parametrize(
    ("errors", "words", "hint"),
    [
        ({}, "", ""),
        ({"a": ValueError("odd\x1b[31m\nline")}, "a: ValueError: odd\\x1b[31m\\nline", ""),
        ({"a": ValueError("x"), "b": FamilyError("is away", hint="look there")}, "a: ValueError: x; b: is away", "look there"),
        ({"a": FamilyError("one", hint="first"), "b": FamilyError("two", hint="second")}, "a: one; b: two", "first"),
    ],
)
def test_what_failed_is_one_line_with_the_first_cure(errors: dict[str, Exception], words: str, hint: str) -> None:
    """A bug is told by its class, and nothing of it is a control character."""
    assert (told(errors), first_hint(errors)) == (words, hint)


def test_nobody_asked_is_nobody_silent() -> None:
    """Also with a limit of time."""
    assert ask_all({}, lambda _: 1 / 0, patience=0.0) == ({}, {})


def test_all_that_fail_are_waited_for_whatever_the_patience() -> None:
    """The limit begins with the first good answer; there may be none."""
    later = threading.Event()

    def fails(name: str) -> None:
        if name == "b":
            later.wait(0.05)
        raise ValueError(name)

    _, errors = ask_all({"a": "a", "b": "b"}, fails, patience=0.0)
    assert {name: str(error) for name, error in errors.items()} == {"a": "a", "b": "b"}
