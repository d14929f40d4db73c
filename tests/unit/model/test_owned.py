"""What nobody owns was written by the API server: these functions tell it from what a person sent."""

from __future__ import annotations

from typing import Any

import pytest

from migrator.model.owned import fields_of, owned_part, with_unowned, without_unowned_items

MAIN, MESH = {"name": "main", "image": "a"}, {"name": "mesh", "image": "m"}
OWNED: dict[str, Any] = {
    "f:containers": {'k:{"name":"main"}': {".": {}, "f:image": {}, "f:name": {}, "f:resources": {}}},
    "f:tolerations": {},
    "f:securityContext": {},
}


def entry(fields: object, **more: str) -> dict[str, Any]:
    """Return an entry of managedFields."""
    return {"manager": "kubectl", "operation": "Update", "fieldsV1": fields, **more}


def test_all_managers_together_own_an_object() -> None:
    """But not agents that write through the status, nor what a debugger added; a scale is a person's."""
    entries = [
        entry({"f:spec": {"f:a": {}}}),
        entry({"f:spec": {"f:b": {"f:c": {}}}}, subresource="scale"),
        entry({"f:metadata": {"f:annotations": {"f:ip": {}}}}, subresource="status"),
        entry({"f:spec": {"f:ephemeralContainers": {}}}, subresource="ephemeralcontainers"),
    ]
    assert fields_of(entries) == {"f:spec": {"f:a": {}, "f:b": {"f:c": {}}}}


@pytest.mark.parametrize("entries", [None, "x", [None], [entry("x")], [{}]])
def test_entries_of_another_form_tell_nothing(entries: object) -> None:
    """Whatever a cluster holds there."""
    assert fields_of(entries) == {}


def test_the_owned_part_of_a_pod() -> None:
    """Items by their keys, lists and selectors as a whole, and no limits that admission wrote into an empty struct."""
    spec = {
        "containers": [{**MAIN, "resources": {"limits": {"memory": "1Gi"}}, "imagePullPolicy": "Always"}, MESH],
        "tolerations": [{"key": "a"}, {"key": "b"}],
        "securityContext": {"runAsUser": 1},
        "nodeName": "n1",
    }
    assert owned_part(spec, OWNED) == {
        "containers": [{**MAIN, "resources": {}}],
        "tolerations": [{"key": "a"}, {"key": "b"}],
        "securityContext": {},
    }


def test_keys_of_an_item_stay_although_nobody_owns_them() -> None:
    """A default is part of the key of a port."""
    fields: dict[str, Any] = {"f:ports": {'k:{"port":80,"protocol":"TCP"}': {".": {}, "f:port": {}}}}
    ports = [{"port": 80, "protocol": "TCP", "nodePort": 30080}, {"port": 81, "protocol": "TCP"}]
    assert owned_part({"ports": ports}, fields) == {"ports": [{"port": 80, "protocol": "TCP"}]}


def test_items_of_a_set_are_owned_by_value() -> None:
    """As finalizers are."""
    assert owned_part({"finalizers": ["a", "b"]}, {"f:finalizers": {".": {}, 'v:"a"': {}}}) == {"finalizers": ["a"]}


def test_items_that_nobody_owns_or_wants_are_left_out_of_a_comparison() -> None:
    """One that somebody wants stays, although nobody owns it; so does each other field."""
    live = {"containers": [MESH, MAIN], "nodeName": "n1", "tolerations": [{"key": "a"}]}
    assert without_unowned_items(live, OWNED, {"containers": [MAIN]}) == {**live, "containers": [MAIN]}
    assert without_unowned_items(live, OWNED, {"containers": [MAIN, MESH]}) == live
    assert without_unowned_items(live, {}, {"containers": [MAIN]}) == live
    token = {**live, "volumes": [{"name": "token"}]}
    assert without_unowned_items(token, OWNED, {"volumes": []}) == {**live, "volumes": []}


def test_an_update_keeps_what_nobody_owns() -> None:
    """In green's order; what somebody owned and blue has no more goes, and what blue has besides comes."""
    fields = {**OWNED, "f:labels": {"f:old": {}, "f:app": {}}, "f:gone": {}}
    live = {
        "containers": [MESH, {**MAIN, "imagePullPolicy": "Always"}],
        "labels": {"zone": "1", "old": "x", "app": "a"},
        "gone": 1,
        "nodeName": "n1",
    }
    wanted = {"containers": [{**MAIN, "image": "b"}, {"name": "new"}], "labels": {"app": "b"}}
    assert with_unowned(wanted, live, fields) == {
        "containers": [MESH, {**MAIN, "image": "b", "imagePullPolicy": "Always"}, {"name": "new"}],
        "labels": {"zone": "1", "app": "b"},
        "nodeName": "n1",
    }
