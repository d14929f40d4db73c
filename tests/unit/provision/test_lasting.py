"""What a change of the file must not do to the first control plane."""

from __future__ import annotations

from typing import Any

import pytest

from migrator.provision.lasting import is_other_cluster, refuse_other_first


def node(name: str, address: str, role: str = "control-plane", *, first: bool = False) -> dict[str, Any]:
    """Return the inputs of a node, as far as they are looked at."""
    return {"name": name, "address": address, "role": role, "first": first}


FIRST = node("a", "10.0.0.1", first=True)
OTHER = node("b", "10.0.0.2")


@pytest.mark.parametrize(
    ("after", "words"),
    [
        ([{**FIRST, "address": "10.0.0.9"}], "address 10.0.0.9"),
        ([{**FIRST, "role": "worker"}, {**OTHER, "first": True}], "role worker"),
        ([{**FIRST, "name": "c"}, OTHER], "no node of that name"),
        ([{**OTHER, "first": True}], "no node of that name"),
        ([{**OTHER, "address": "10.0.0.1", "first": True}], "no node of that name"),
    ],
)
def test_a_first_control_plane_that_would_go_is_named_with_what_to_do(after: list[dict[str, Any]], words: str) -> None:
    """Another address, role or name, or none at all, whatever the others are."""
    (failure,) = refuse_other_first([FIRST, OTHER], after)
    assert "a at 10.0.0.1 is the first control plane" in failure.reason
    assert f"the file has {words} now" in failure.reason
    assert "write it back as it was" in failure.reason


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ([], [FIRST]),
        ([FIRST], [FIRST, OTHER]),
        ([FIRST, OTHER], [FIRST]),
        ([FIRST, OTHER], [{**OTHER, "first": True}, {**FIRST, "first": False}]),
        ([{**FIRST, "first": False}, {**OTHER, "first": True}], [{**OTHER, "first": True}]),
    ],
)
def test_others_may_come_and_go_and_another_may_become_the_first(before: list[dict[str, Any]], after: list[dict[str, Any]]) -> None:
    """The way to take the first one out: another one is named first, then it goes as any other."""
    assert refuse_other_first(before, after) == []


def test_a_cluster_is_another_one_by_its_id_unless_its_uid_is_the_same() -> None:
    """State of 0.1.0 has no UID."""
    assert not is_other_cluster({"id": "p/a"}, {"id": "p/a", "uid": "u"})
    assert is_other_cluster({"id": "p/a"}, {"id": "p/b", "uid": "u"})
    assert not is_other_cluster({"id": "p/a", "uid": "u"}, {"id": "p/b", "uid": "u"})
