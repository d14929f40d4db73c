"""What a definition got stricter about is told, and nothing that the API server would take."""

from __future__ import annotations

from typing import Any

import pytest

from migrator.rules.schemas import faults
from tests.support.objects import crd, made


def told(spec: Any, schema: dict[str, Any], *, status: bool = False, **fields: Any) -> list[str]:
    """Return the faults of a custom resource with a spec, under a schema of its spec."""
    definition = crd("probes", "Probe", "example.com", status=status)
    definition["spec"]["versions"][0]["schema"] = {"openAPIV3Schema": {"type": "object", "properties": {"spec": schema}}}
    return list(faults(made("example.com/v1", "Probe", "a", namespace="shop", spec=spec, **fields), definition, "v1"))


@pytest.mark.parametrize(
    ("value", "schema", "fault"),
    [
        ("red", {"enum": ["blue", "green"]}, "spec is none of blue, green"),
        ("3", {"type": "integer"}, "spec is not of type integer"),
        (True, {"type": "integer"}, "spec is not of type integer"),
        (0.5, {"type": "integer"}, "spec is not of type integer"),
        ("abc", {"maxLength": 2}, "spec is longer than 2"),
        ("", {"minLength": 1}, "spec is shorter than 1"),
        ([], {"minItems": 1}, "spec has less than 1 items"),
        ({"a": 1, "b": 2}, {"maxProperties": 1}, "spec has more than 1 fields"),
        (0, {"minimum": 1}, "spec is less than 1"),
        ("a b", {"pattern": "^[a-z]+$"}, "spec does not match ^[a-z]+$"),
        ({}, {"required": ["owner"]}, "spec.owner is required"),
        ({"list": [{"a": "x"}]}, {"properties": {"list": {"items": {"required": ["b"]}}}}, "spec.list[].b is required"),
        ({"any name": 1}, {"additionalProperties": {"type": "string"}}, "spec.* is not of type string"),
        (
            [{"k": "a"}, {"k": "a"}],
            {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["k"]},
            "spec has two items with the same key",
        ),
        (["a", "a"], {"x-kubernetes-list-type": "set"}, "spec has two items with the same key"),
        ({}, {"allOf": [{"required": ["a"]}]}, "spec.a is required"),
        ({}, {"anyOf": [{"required": ["a"]}, {"required": ["b"]}]}, "spec fits none of the forms that it may have"),
    ],
)
def test_what_a_schema_refuses_is_told_without_the_value(value: Any, schema: dict[str, Any], fault: str) -> None:
    """One sentence for each."""
    assert told(value, schema) == [fault]


@pytest.mark.parametrize(
    ("value", "schema"),
    [
        ({}, {"required": ["size"], "properties": {"size": {"default": 3}}}),
        ({"a": None}, {"properties": {"a": {"type": "string"}}}),
        (3.0, {"type": "integer"}),
        ("80%", {"x-kubernetes-int-or-string": True}),
        ({"unknown": {"deep": 1}}, {"type": "object", "properties": {}, "x-kubernetes-preserve-unknown-fields": True}),
        ("é", {"pattern": r"^[[:alpha:]]\z"}),
        ("a.b", {"pattern": "^(x+)+$"}),
        ("a", {"pattern": "("}),
        ({"b": 1}, {"oneOf": [{"required": ["a"]}, {"required": ["b"]}]}),
        ([{}, {}], {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["k"]}),
    ],
)
def test_what_only_the_server_can_judge_is_left_to_it(value: Any, schema: dict[str, Any]) -> None:
    """Defaults, nulls, and patterns of another dialect, or such that need for ever."""
    assert told(value, schema) == []


def test_a_status_counts_where_it_is_a_field_as_any_other() -> None:
    """As a subresource it is not part of a create."""
    schema = {"type": "object"}
    definition = crd("probes", "Probe", "example.com", status=True)
    whole = {"type": "object", "required": ["status"], "properties": {"status": {"type": "string"}}}
    definition["spec"]["versions"][0]["schema"] = {"openAPIV3Schema": whole | {"required": []}}
    custom = made("example.com/v1", "Probe", "a", spec={}, status={"phase": "Ended"})
    assert list(faults(custom, definition, "v1")) == []
    del definition["spec"]["versions"][0]["subresources"]
    assert list(faults(custom, definition, "v1")) == ["status is not of type string"]
    assert told({}, schema) == []


def test_a_version_that_is_not_there_tells_nothing() -> None:
    """And a definition without a schema."""
    assert list(faults(made("example.com/v2", "Probe", "a", spec={}), crd("probes", "Probe", "example.com"), "v2")) == []
