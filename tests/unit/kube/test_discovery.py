"""Types are read from aggregated discovery as the server prefers them."""

from __future__ import annotations

from typing import Any

import pytest

from migrator.kube.discovery import types_in
from migrator.model.ref import ResourceType


def group(name: str, *versions: dict[str, Any]) -> dict[str, Any]:
    """Return a group of an APIGroupDiscoveryList."""
    return {"metadata": {"name": name} if name else {}, "versions": list(versions)}


def resource(plural: str, kind: str, *, scope: str = "Namespaced", **more: Any) -> dict[str, Any]:
    """Return a resource of a version."""
    return {"resource": plural, "responseKind": {"kind": kind}, "scope": scope, "verbs": ["get", "list"], **more}


def test_versions_keep_the_order_of_the_server() -> None:
    """The first is the preferred one; the core group has no name."""
    found = types_in(
        {
            "items": [
                group("", {"version": "v1", "resources": [resource("nodes", "Node", scope="Cluster")]}),
                group(
                    "autoscaling",
                    {"version": "v2", "resources": [resource("horizontalpodautoscalers", "HorizontalPodAutoscaler")]},
                    {"version": "v1", "resources": [resource("horizontalpodautoscalers", "HorizontalPodAutoscaler")]},
                ),
            ]
        }
    )
    assert found[0] == ResourceType("", "v1", "nodes", "Node", False, frozenset({"get", "list"}), has_status=False)
    assert [(item.api_version, item.namespaced) for item in found[1:]] == [("autoscaling/v2", True), ("autoscaling/v1", True)]


def test_a_version_whose_server_is_away_is_left_out() -> None:
    """Its list is the last that was known, and cannot be asked for."""
    stale = {"version": "v1beta1", "freshness": "Stale", "resources": [resource("pods", "PodMetrics")]}
    assert types_in({"items": [group("metrics.k8s.io", stale)]}) == []


def test_what_has_no_kind_of_its_own_is_left_out() -> None:
    """A group without versions, a version without resources, and a resource that only has subresources."""
    bare = {"version": "v1", "resources": [{"resource": "nodes", "scope": "Cluster", "verbs": []}]}
    assert types_in({"items": [group("a"), group("b", {"version": "v1"}), group("c", bare)]}) == []
    assert types_in({}) == []


def test_a_status_is_known_as_a_subresource_or_as_a_field() -> None:
    """A create writes it only where it is a field as any other."""
    parts = [{"subresource": "scale", "verbs": ["get"]}, {"subresource": "status", "verbs": ["get", "update"]}]
    with_status, without = resource("runs", "Run", subresources=parts), resource("workflows", "Workflow", subresources=parts[:1])
    found = types_in({"items": [group("example.com", {"version": "v1", "resources": [with_status, without]})]})
    assert [item.has_status for item in found] == [True, False]


@pytest.mark.parametrize("name", [["nodes"], None, 7, {}])
def test_a_name_that_is_no_text_is_no_type(name: object) -> None:
    """Types are keys of tables everywhere."""
    with pytest.raises(TypeError, match="no text"):
        types_in({"items": [group("", {"version": "v1", "resources": [resource("nodes", "Node") | {"resource": name}]})]})
