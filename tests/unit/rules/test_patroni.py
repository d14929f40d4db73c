"""Elections of blue stay, and the ID of its database is told."""

from __future__ import annotations

import pytest

from migrator.model.ref import ObjectRef
from migrator.rules import patroni
from tests.support.objects import config_map, made
from tests.support.pairs import contents, pair


@pytest.mark.parametrize("kind", ["ConfigMap", "Endpoints"])
def test_the_id_of_blues_database_is_told(kind: str) -> None:
    """A leader of blue, with the address of its pod, stays there; settings move."""
    both = pair()
    leader, settings = (made("v1", kind, name, namespace="shop") for name in ("db", "db-config"))
    leader["metadata"]["annotations"] = {"leader": "db-0", "acquireTime": "t", "renewTime": "t", "ttl": "30"}
    settings["metadata"]["annotations"] = {"config": '{"ttl":30}', "initialize": "7412345678901234567"}
    both.blue.hold(leader, settings)
    plan, _ = both.read()
    assert ["db-config names the ID of blue's database" in warning for warning in plan.warnings] == [True]
    assert not both.copy().problems
    assert {ref.name for ref in contents(both.green) if ref.kind == kind} == {"db-config"}


@pytest.mark.parametrize(
    "annotations",
    [
        {},
        {"initialize": "7412345678901234567"},
        {"config": "{}"},
        {"config": "{}", "initialize": ""},
        {"leader": "Ann", "config": "x"},
    ],
)
def test_what_only_looks_like_patronis_is_not(annotations: dict[str, str]) -> None:
    """A person's own annotations; an empty ID is that of a database that is just made."""
    manifest = config_map("a", annotations=annotations)
    assert not patroni.is_election(manifest)
    assert not patroni.waits_for_data(manifest, "ConfigMap")


def test_the_synchronous_standby_of_blue_stays() -> None:
    """No member of green might become the leader but the one that it names."""
    manifest = config_map("db-sync", annotations={"leader": "db-0", "sync_standby": "db-1"})
    assert patroni.is_election(manifest)
    assert not patroni.waits_for_data(manifest, ObjectRef("", "Secret", "", "").type_name)
