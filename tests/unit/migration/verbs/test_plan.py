"""A plan and a diff only read."""

from __future__ import annotations

from migrator.migration.verbs.diff import run_diff
from migrator.migration.verbs.plan import run_plan
from migrator.model.manifest import Manifest
from tests.support.fake_cluster import FakeCluster
from tests.support.verb_stand import Stand


def contents(cluster: FakeCluster) -> list[Manifest]:
    """Return all objects of a cluster."""
    return [manifest for resource in cluster.resources() for manifest in cluster.list(resource)]


def test_plan_and_diff_write_nothing(stand: Stand) -> None:
    """Neither to a cluster nor into the journal."""
    before = [contents(cluster) for cluster in (stand.blue, stand.green)]
    run_plan(stand.session)
    run_diff(stand.session)
    assert stand.journal.records == []
    assert [contents(cluster) for cluster in (stand.blue, stand.green)] == before
