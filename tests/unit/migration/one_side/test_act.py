"""Objects are stopped and started by one field, and only where that is due."""

from __future__ import annotations

import orjson

from migrator.migration.copy import CopyOptions
from migrator.migration.one_side.act import start, stop
from migrator.migration.verbs.cutover import run_cutover
from migrator.model.kinds import DEPLOYMENTS
from migrator.model.manifest import ref_of
from migrator.model.one_side import HeldField, Part
from tests.support.objects import crd, made
from tests.support.one_side import PARTS, Pair, Stand, dns


def test_the_patch_of_a_workload_goes_through_its_scale(stand: Stand) -> None:
    """An account on blue that may do no more is enough; and no person's field changes its owner."""
    stand.ready()
    run_cutover(stand.session, CopyOptions())
    patches = [line for line in stand.blue.requests if line.startswith("patch Deployment")]
    assert {line for line in patches if "status" not in line} == {"patch Deployment shop/dns/scale"}
    assert orjson.dumps(stand.blue.get(DEPLOYMENTS, "shop", "dns")["spec"]["template"]) == orjson.dumps(dns()["spec"]["template"])


def test_stopping_and_starting_twice_is_doing_it_once(pair: Pair) -> None:
    """What is as it should be gets no write."""
    for _ in range(2):
        stop(pair.blue, PARTS[:1], "blue", clock=pair.run.clock, seconds=1.0)
    for _ in range(2):
        start(pair.blue, PARTS[:1], "blue", {}, clock=pair.run.clock, seconds=1.0)
    assert [line for line in pair.blue.requests if line.startswith("patch")] == ["patch CronJob shop/nightly"] * 2


def test_both_fields_of_a_database_are_taken_away(stand: Stand) -> None:
    """A new one is not reconciled, a running one hibernates: after a way back either may hold it."""
    stand.blue.hold(crd("clusters", "Cluster", "postgresql.cnpg.io"))
    held = {"cnpg.io/hibernation": "on", "cnpg.io/reconciliationLoop": "disabled"}
    manifest = made("postgresql.cnpg.io/v1", "Cluster", "db", namespace="shop", annotations=held)
    stand.blue.hold(manifest)
    resource = stand.blue.type_of(manifest)
    fields = tuple(HeldField(("metadata", "annotations", key), value) for key, value in held.items())
    part = Part(ref_of(manifest), ref_of(manifest), "CloudNativePG", resource, fields)
    start(stand.blue, [part], "blue", {}, clock=stand.clock, seconds=1.0)
    assert not stand.blue.get(resource, "shop", "db")["metadata"].get("annotations")
