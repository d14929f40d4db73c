"""Fields that differ."""

from __future__ import annotations

from typing import Any

import pytest

from migrator.model.difference import MISSING, FieldDifference, all_differences, masked, missing_from


@pytest.mark.parametrize(
    ("wanted", "live", "found"),
    [
        ({"a": 1}, {"a": 1, "default": 2}, []),
        ({"a": 1}, {"a": 2}, [("a", 2, 1)]),
        ({"a": {"b": 1}}, {}, [("a", MISSING, {"b": 1})]),
        ({"a": {"b": 1}}, {"a": {"b": 2}}, [("a.b", 2, 1)]),
        ({"a": [{"b": 1}, {"b": 2}]}, {"a": [{"b": 1}, {"b": 3, "c": 4}]}, [("a[1].b", 3, 2)]),
        ({"a": [1]}, {"a": [1, 2]}, [("a", [1, 2], [1])]),
        ({"a": []}, {}, []),
        ({"a": ""}, {"a": None}, []),
        ({"a": False}, {}, [("a", MISSING, False)]),
        ({"a": 0}, {}, [("a", MISSING, 0)]),
    ],
)
def test_what_is_wanted_must_be_there(wanted: Any, live: Any, found: list[tuple[str, Any, Any]]) -> None:
    """Defaults of the server are no difference, lists have their length, empty is absent and false is not."""
    assert missing_from(wanted, live) == [FieldDifference(*item) for item in found]


def test_all_differences_are_told_in_both_directions() -> None:
    """An object on one side only is told by its leaves."""
    assert all_differences({"a": 1, "b": {"c": 2}}, {"a": 1, "d": {"e": [3]}}) == [
        FieldDifference("b.c", 2, MISSING),
        FieldDifference("d.e", MISSING, [3]),
    ]
    assert all_differences({"a": [1, 2]}, {"a": [1, 3]}) == [FieldDifference("a[1]", 2, 3)]


def test_values_of_secrets_are_hidden_and_their_paths_are_not() -> None:
    """Labels and type are shown."""
    found = [FieldDifference("data.k", "a", "b"), FieldDifference("type", "x", "y")]
    assert masked(found, "Secret") == [FieldDifference("data.k", "(hidden)", "(hidden)"), FieldDifference("type", "x", "y")]
    assert masked(found, "ConfigMap") == found
