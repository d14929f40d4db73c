"""Green's object is as planned when it has all that is wanted, with its own owners; what controllers set is not compared."""

from __future__ import annotations

import dataclasses
from typing import Any

import orjson

from migrator.migration.inventory import Live
from migrator.migration.parity import differences
from migrator.model.kinds import DEPLOYMENTS
from migrator.model.manifest import Manifest
from migrator.model.one_side import HeldField, OneSide, Part
from migrator.model.plan import Decision, PlanItem
from migrator.model.ref import ObjectRef
from tests.support.objects import config_map, deployment

A = ObjectRef("", "ConfigMap", "shop", "a")


def item(manifest: Manifest, **more: object) -> PlanItem:
    """Return an object of the plan."""
    return dataclasses.replace(PlanItem(A, A, Decision.MOVE, body=orjson.dumps(manifest)), **more)  # type: ignore[arg-type]


def live(manifest: Manifest) -> Live:
    """Return an object of green."""
    return Live("green-1", "7", "::7", orjson.dumps(manifest))


def nobody(_owner: Manifest) -> str:
    """Return no UID."""
    return ""


def test_what_the_server_added_is_no_difference() -> None:
    """Defaults are not blue's to say."""
    assert differences(item(config_map("a")), live(config_map("a") | {"immutable": False}), nobody) == []


def test_each_field_that_is_not_as_wanted_is_told() -> None:
    """With both values."""
    found = differences(item(config_map("a", {"key": "blue"})), live(config_map("a", {"key": "green"})), nobody)
    assert [tuple(entry) for entry in found] == [("data.key", "green", "blue")]


def test_what_green_s_admission_added_to_a_list_is_no_difference() -> None:
    """Nobody owns it; what a person has added there is one."""
    wanted, mesh = deployment("a"), {"name": "mesh"}
    have = deployment("a")
    have["spec"]["template"]["spec"]["containers"].append(mesh)

    def found(*names: str) -> list[str]:
        containers: dict[str, Any] = {f'k:{{"name":"{name}"}}': {".": {}, "f:name": {}} for name in names}
        fields = {"f:spec": {"f:template": {"f:spec": {"f:containers": containers}}}}
        owned = orjson.dumps([{"manager": "kubectl", "operation": "Update", "fieldsV1": fields}])
        return [entry.path for entry in differences(item(wanted), dataclasses.replace(live(have), fields=owned), nobody)]

    assert found("main") == []
    assert found("main", "mesh") == ["spec.template.spec.containers"]


def test_owners_are_compared_by_their_uids_on_green() -> None:
    """Blue's UIDs mean nothing there."""
    wanted = config_map("a", owners=[{"kind": "ConfigMap", "name": "p", "uid": "blue-1"}])
    have = live(config_map("a", owners=[{"kind": "ConfigMap", "name": "p", "uid": "green-1"}]))
    assert differences(item(wanted), have, lambda owner: {"blue-1": "green-1"}[owner["uid"]]) == []
    assert [entry.path for entry in differences(item(wanted), have, nobody)] == ["metadata.ownerReferences[0].uid"]


def test_values_of_a_controller_are_not_compared() -> None:
    """Only at the paths that the plan names."""
    wanted, have = deployment("a", 1), live(deployment("a", 5))
    assert [entry.path for entry in differences(item(wanted), have, nobody)] == ["spec.replicas"]
    assert differences(item(wanted, volatile=(("spec", "replicas"),)), have, nobody) == []


def test_what_holds_an_object_is_not_compared_and_a_mere_question_hides_nothing() -> None:
    """The tool itself changes that field at a cutover; of what runs on both sides a person is only told."""
    wanted, have = deployment("a", 1), live(deployment("a", 0))
    part = Part(A, A, "row", DEPLOYMENTS, (HeldField(("spec", "replicas"), 0),))
    held, asked = (OneSide("row", "why", "meanwhile", found) for found in (part, None))
    assert differences(item(wanted, one_side=held), have, nobody) == []
    assert [entry.path for entry in differences(item(wanted, one_side=asked), have, nobody)] == ["spec.replicas"]
