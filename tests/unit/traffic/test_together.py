"""Several are asked at once; one that fails or is silent keeps nobody from the others."""

from __future__ import annotations

import threading

from migrator.errors import TrafficError
from migrator.traffic.together import ask_all, named


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
