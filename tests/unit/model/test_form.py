"""Objects of one form are treated alike by validation."""

from __future__ import annotations

import pytest

from migrator.model.form import form_of


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("web-1", "db-22"),
        ("5 4 * * *", "30 12 * * *"),
        ("10.0.3.4", "192.168.7.20"),
        ({"name": "a", "port": 80}, {"name": "b", "port": 443}),
        ([{"name": "a"}], [{"name": "b"}, {"name": "c"}]),
        (8080, 30001),
    ],
)
def test_names_and_counts_make_no_form(one: object, other: object) -> None:
    """They differ from object to object, and validation does not care which they are."""
    assert form_of(one) == form_of(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("web", "Web"),
        ("web", "1web"),
        ("web_1", "web-1"),
        ("10.0.3.4", "10.0.3.04"),
        ("10.1.0.0/16", "10.1.2.3/16"),
        ("ClusterIP", "ExternalName"),
        ("a" * 52, "a" * 53),
        ("", "a"),
        (0, 1),
        (80, 0),
        (65535, 65536),
        (-1, 0),
        (True, 1),
        (None, False),
        ({"a": "x"}, {"a": "x", "b": "x"}),
        (["x"], [{"a": "x"}]),
        ([], ["x"]),
        ("x\n", "x"),
    ],
)
def test_what_validation_looks_at_makes_another_form(one: object, other: object) -> None:
    """Characters, lengths, borders of numbers, enumerations, networks, fields."""
    assert form_of(one) != form_of(other)


def test_a_form_of_a_deep_value_is_no_crash() -> None:
    """Hostile depth is judged elsewhere; here it is an error of the interpreter's that callers know."""
    value: object = "x"
    for _ in range(100_000):
        value = [value]
    with pytest.raises(RecursionError):
        form_of(value)
