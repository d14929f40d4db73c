"""Clusters of operators: stopped by the field that stops them, or a person is told that none does."""

from __future__ import annotations

from typing import Any

import pytest

from migrator.config.load import parse_migration
from migrator.model.manifest import Manifest, get
from migrator.rules.context import RuleContext
from migrator.rules.one_side.databases import CLUSTERS, MADE_PODS, TOLD_CLUSTERS
from migrator.rules.one_side.recognise import for_green, one_sided
from tests.support.objects import made, resource

CONTEXT = RuleContext(parse_migration("name: t\nblue: {}\ngreen: {}\n", "migration.yaml"))


def on_green(manifest: Manifest) -> Manifest:
    """Return what green gets of an object of blue."""
    group, version = manifest["apiVersion"].split("/")
    found = one_sided(manifest, resource(group, version, manifest["kind"]), CONTEXT)
    assert found is not None
    return for_green(found, manifest, manifest, CONTEXT)[1]


@pytest.mark.parametrize(
    ("api", "kind", "spec", "path", "held"),
    [
        ("cassandra.datastax.com/v1beta1", "CassandraDatacenter", {"size": 3}, ("stopped",), True),
        ("clickhouse.altinity.com/v1", "ClickHouseInstallation", {}, ("stop",), "yes"),
        ("rabbitmq.com/v1beta1", "RabbitmqCluster", {"replicas": 3}, ("replicas",), 0),
        ("pingcap.com/v1alpha1", "TidbCluster", {}, ("paused",), True),
        ("core.pingcap.com/v1alpha1", "Cluster", {}, ("suspendAction", "suspendCompute"), True),
        ("kubedb.com/v1", "Postgres", {"replicas": 3}, ("halted",), True),
        ("postgresql.k8s.enterprisedb.io/v1", "ScheduledBackup", {}, ("suspend",), True),
        ("medusa.k8ssandra.io/v1alpha1", "MedusaBackupSchedule", {}, ("disabled",), True),
        ("pingcap.com/v1alpha1", "BackupSchedule", {}, ("pause",), True),
        ("solr.apache.org/v1beta1", "SolrBackup", {"recurrence": {"schedule": "@daily"}}, ("recurrence", "disabled"), True),
    ],
)
def test_the_field_that_stops_it_holds_it(api: str, kind: str, spec: dict[str, Any], path: tuple[str, ...], held: object) -> None:
    """On green; all else is as on blue."""
    green = on_green(made(api, kind, "x", namespace="shop", spec=spec))
    assert get(green, "spec", *path) == held


def test_a_new_tidb_is_held_otherwise_than_a_running_one_is_stopped() -> None:
    """Its operator suspends only what was up once."""
    green = on_green(made("pingcap.com/v1alpha1", "TidbCluster", "x", namespace="shop", spec={}))
    assert get(green, "spec", "suspendAction") is None


def test_a_backup_without_recurrence_starts_nothing_at_set_times() -> None:
    """It is no schedule."""
    manifest = made("solr.apache.org/v1beta1", "SolrBackup", "once", namespace="shop", spec={})
    assert one_sided(manifest, resource("solr.apache.org", "v1beta1", "SolrBackup"), CONTEXT) is None


def test_each_cluster_is_waited_for_until_its_pods_are_gone() -> None:
    """Its field is written in no time; its pods take minutes."""
    assert {name for row in CLUSTERS for name in row.types} <= MADE_PODS.keys()


@pytest.mark.parametrize("name", sorted(name for row in TOLD_CLUSTERS for name in row.types))
def test_what_nobody_can_stop_is_told(name: str) -> None:
    """With what to do by hand; nothing is written."""
    kind, _, group = name.partition(".")
    manifest = made(f"{group}/v1", kind, "x", namespace="shop", spec={"replicas": 3})
    found = one_sided(manifest, resource(group, "v1", kind), CONTEXT)
    assert found is not None
    assert found.part is None
    assert "hooks.beforeCutover" in found.why
