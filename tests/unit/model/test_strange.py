"""What is said of an object that is not of the expected form."""

from __future__ import annotations

import pytest

from migrator.model.strange import STRANGE, StrangeError, hashable, named, reason_of, to_json
from migrator.rules.references import scale_target
from tests.support.hostile import MARK, nested


def test_the_reason_names_the_place_and_no_value() -> None:
    """The words of the error may quote the object: a person who reads the report must not see them."""
    with pytest.raises(STRANGE) as caught:
        scale_target({"spec": {"scaleTargetRef": {"apiVersion": "v1", "kind": MARK}}, "metadata": {}})
    reason = reason_of(caught.value)
    assert reason.startswith("is not of the form that its kind has (KeyError at rules/references.py:")
    assert MARK not in reason


@pytest.mark.parametrize("metadata", [{"name": 3}, {"name": ""}, {"name": "a", "namespace": []}, {"name": None}])
def test_a_name_is_text(metadata: dict[str, object]) -> None:
    """Nothing else can be sorted or written to a journal."""
    with pytest.raises(StrangeError, match="has a name or a namespace that is not text"):
        named({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata})


@pytest.mark.parametrize("value", [nested(260), {"a": "\ud800"}])
def test_what_cannot_be_written_is_said(value: object) -> None:
    """Too deep, or text that is not text."""
    with pytest.raises(StrangeError, match="cannot be written as JSON"):
        to_json(value)


def test_a_list_is_no_member_of_a_set() -> None:
    """It is found where it is read, not where it is sorted."""
    assert hashable(iter("ab")) == ["a", "b"]
    with pytest.raises(TypeError):
        hashable([("staying", ["a"])])
