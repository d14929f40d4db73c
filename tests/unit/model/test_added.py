"""What green's servers have added is told from what somebody sent there, and from what blue's servers had written, too."""

from __future__ import annotations

from typing import Any

import pytest

from migrator.model.added import added, changed, content
from tests.support.objects import made

MAIN, MESH = {"name": "main", "image": "a"}, {"name": "mesh", "image": "m"}
OWNED: dict[str, Any] = {"f:a": {}, "f:b": {"f:c": {}}, "f:list": {'k:{"name":"main"}': {".": {}, "f:name": {}, "f:image": {}}}}


def paths(known: object, live: object, fields: dict[str, Any] | None = None) -> list[str]:
    """Return the paths of what was added."""
    return list(added(known, live, fields))


def test_content_is_what_a_person_may_say() -> None:
    """Neither identity nor status, nor what a server keeps."""
    manifest = made("v1", "Pod", "a", labels={"a": "1"}, spec={"x": 1}, status={"phase": "Running"})
    manifest["metadata"]["uid"] = "u"
    assert content(manifest) == {"metadata": {"labels": {"a": "1"}, "annotations": {}}, "spec": {"x": 1}}


@pytest.mark.parametrize(
    ("known", "live", "found"),
    [
        ({}, {"a": 1, "b": {"c": 1}}, []),
        ({}, {"a": 1, "d": 1}, ["d"]),
        ({"d": 2}, {"d": 1}, []),
        ({}, {"d": {}, "e": [], "f": ""}, []),
        ({"b": {"c": 1}}, {"b": {"c": 1, "e": {"f": 1}}}, ["b.e"]),
        ({"list": [MAIN]}, {"list": [MAIN, MESH]}, ["list[mesh]"]),
        ({"list": [MAIN, MESH]}, {"list": [MESH, MAIN]}, []),
        ({"list": [MAIN]}, {"list": [{**MAIN, "env": [{"name": "A", "value": "1"}]}]}, ["list[main].env"]),
        ({"other": ["x"]}, {"other": ["x", "y"]}, ["other[1]"]),
        ({"addresses": ["10.0.0.1"]}, {"addresses": ["10.96.0.1"]}, []),
    ],
)
def test_what_nobody_owns_and_blue_does_not_have_was_added(known: object, live: object, found: list[str]) -> None:
    """Another value, an empty one, and what somebody has sent are not additions."""
    assert paths(known, live, OWNED) == found


def test_an_item_of_another_generated_name_is_the_same_one() -> None:
    """A token volume has one on each cluster; its mount has the same path. A second one was added."""
    blue: dict[str, Any] = {
        "volumes": [{"name": "token-a", "projected": {"x": 1}}],
        "mounts": [{"name": "token-a", "mountPath": "/run"}],
    }
    green: dict[str, Any] = {
        "volumes": [{"name": "token-b", "projected": {"x": 2}}],
        "mounts": [{"name": "token-b", "mountPath": "/run"}],
    }
    assert paths(blue, green) == []
    green["volumes"].append({"name": "cloud", "projected": {}})
    assert paths(blue, green) == ["volumes[cloud]"]


def test_the_name_of_a_container_and_of_a_variable_is_chosen() -> None:
    """Another one is another container, whatever it looks like."""
    assert paths({"list": [MAIN]}, {"list": [MESH]}) == ["list[mesh]"]
    one, other = ({"env": [{"name": name, "value": "1"}]} for name in ("A", "B"))
    assert paths(one, other) == ["env[B]"]


def test_a_struct_that_was_sent_empty_is_filled_by_admission() -> None:
    """Owning it is owning nothing of what is inside; a list that was sent is owned whole."""
    fields: dict[str, Any] = {"f:resources": {}, "f:args": {}}
    live = {"resources": {"limits": {"memory": "1Gi"}}, "args": ["x"]}
    assert paths({"resources": {}}, live, fields) == ["resources"]


@pytest.mark.parametrize(
    ("sent", "live", "known", "paths"),
    [
        ({"a": 1}, {"a": 2}, {"a": 1}, ["a"]),
        ({"a": 1}, {"a": 2}, {"a": 2}, []),
        ({"a": 1}, {"a": 1, "b": 2}, {}, []),
        ({"a": 1}, {}, {"a": 1}, ["a"]),
        ({"a": ""}, {}, {"a": "x"}, []),
        ({"a": ["x", "y"]}, {"a": ["x"]}, {"a": ["x", "y"]}, ["a"]),
        ({"a": [{"name": "n", "image": "i"}]}, {"a": [{"name": "n", "image": "j"}]}, None, ["a[n].image"]),
        ({"a": [{"name": "n", "image": "i"}]}, {"a": [{"name": "m"}, {"name": "n", "image": "i"}]}, None, []),
    ],
)
def test_another_value_than_was_sent_is_a_change(sent: object, live: object, known: object, paths: list[str]) -> None:
    """Unless blue's servers have made the same of it; what was not sent is an addition, and no change."""
    assert list(changed(sent, live, known)) == paths
