"""Each manager keeps its fields, so that the next `kubectl apply` meets no conflict."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from migrator.rules.field_owners import (
    NOBODY,
    OURS,
    Ownership,
    carried,
    changed_by_person,
    creators,
    lost,
    ownership,
    persons_entries,
)
from tests.support.objects import config_map

DATA: dict[str, Any] = {"f:data": {"f:key": {}}}


def entry(manager: str, fields: dict[str, Any], operation: str = "Update", **more: Any) -> dict[str, Any]:
    """Return an entry of managedFields."""
    return {"manager": manager, "operation": operation, "time": "t", "fieldsV1": fields, **more}


@pytest.mark.parametrize(
    ("item", "kept"),
    [
        (entry("kubectl", DATA), True),
        (entry("kubectl", {"f:metadata": {"f:labels": {}}}), True),
        (entry("kubectl", {"f:metadata": {"f:annotations": {".": {}, "f:mine": {}}}}), True),
        (entry("kubectl", {"f:metadata": {"f:annotations": {".": {}, "f:deployment.kubernetes.io/revision": {}}}}), False),
        (entry("kubectl", {"f:status": {}}), False),
        (entry("kube-controller-manager", DATA), False),
        (entry("kubectl", DATA, subresource="status"), False),
    ],
)
def test_only_entries_with_fields_that_move_are_carried_over(item: dict[str, Any], *, kept: bool) -> None:
    """Controllers, subresources, status and the books of controllers are not a person's."""
    manifest = config_map("a")
    manifest["metadata"]["managedFields"] = [item]
    assert bool(persons_entries(manifest)) is kept


def test_one_manager_that_updates_needs_no_second_request() -> None:
    """Several managers, or a server-side apply, are written back afterwards; without any we write."""
    assert ownership([]) == Ownership(OURS, restore=False)
    assert ownership([entry("helm", DATA)]) == Ownership("helm", restore=False)
    assert ownership([entry("helm", DATA, "Apply")]) == Ownership(OURS, restore=True)
    assert ownership([entry("helm", DATA), entry("kubectl", DATA)]) == Ownership(OURS, restore=True)


def test_a_change_by_a_person_changes_the_lines() -> None:
    """A controller's entry does not; another time or other fields of a person's do."""
    manifest = config_map("a")
    lines = []
    for item in (entry("helm", DATA), entry("helm", DATA, time="later"), entry("kubelet", DATA)):
        manifest["metadata"]["managedFields"] = [item]
        lines.append(changed_by_person(manifest))
    assert lines[0] != lines[1]
    assert lines[2] == []


BORN, SOON, LATER = "2026-01-01T00:00:00Z", "2026-01-01T00:00:01Z", "2026-01-01T00:00:02Z"


@pytest.mark.parametrize(
    ("entries", "found"),
    [
        ([entry("kubectl", DATA, time=BORN)], ("kubectl",)),
        ([entry("kubectl", DATA, time=SOON), entry("other", DATA, time=LATER)], ("kubectl",)),
        ([entry("kubectl", DATA, time=BORN), entry("other", DATA, time=SOON)], ("kubectl", "other")),
        ([entry("flux", DATA, "Apply", time=BORN)], ()),
        ([entry("kubectl", DATA, time="2025-12-31T23:59:50Z")], ("kubectl",)),
        ([entry("kubectl", DATA, time="2025-12-31T23:59:00Z")], ()),
        ([entry("kubectl", DATA, time="soon"), entry("kubectl", DATA, time=[1])], ()),
        ([entry("controller", {"f:status": {}}, time=BORN, subresource="status")], (NOBODY,)),
        ([], (NOBODY,)),
    ],
)
def test_the_creator_is_told_by_the_time_of_its_entry(entries: list[dict[str, Any]], found: tuple[str, ...]) -> None:
    """An entry that was written back, or that was applied, tells nothing of who created the object."""
    manifest = {"metadata": {"creationTimestamp": BORN, "managedFields": entries}}
    assert creators(manifest) == found


def test_ownership_is_read_back_by_manager_and_operation() -> None:
    """An Update of the same name is not an Apply."""
    manifest = {"metadata": {"managedFields": [entry("helm", DATA)]}}
    assert lost([entry("helm", DATA)], manifest) == []
    assert lost([entry("helm", DATA, "Apply"), entry("flux", DATA)], manifest) == ["flux", "helm"]
    assert lost([entry("helm", DATA)], {"metadata": {}}) == ["helm"]


def test_ownership_at_a_version_that_green_does_not_serve_is_named() -> None:
    """An API server would drop it without a word."""
    old, new = (entry("helm", DATA, "Apply", apiVersion=f"autoscaling/{version}") for version in ("v2beta2", "v2"))
    done = carried(orjson.dumps([old, new]), "autoscaling", ("v2", "v1"))
    assert orjson.loads(done.entries) == [new]
    assert done.notes == ("what helm owns at autoscaling/v2beta2 has no owner on green, which does not serve that version",)
    assert carried(orjson.dumps([entry("helm", DATA, apiVersion="v1")]), "", ("v1",)).notes == ()
    assert carried(b"", "", ()) == carried(orjson.dumps([]), "", ()) == (b"", ())
