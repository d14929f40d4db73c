"""What was asked of blue's controllers is not asked again."""

from __future__ import annotations

import pytest

from migrator.model.manifest import Manifest, ref_type
from migrator.rules import requests
from migrator.rules.table import rules_for, transform
from tests.support.contexts import PLAIN
from tests.support.objects import made


@pytest.mark.parametrize(
    ("manifest", "field"),
    [
        (made("argoproj.io/v1alpha1", "Application", "shop", namespace="n", operation={"sync": {}}), ("operation",)),
        (
            made("argoproj.io/v1alpha1", "Rollout", "web", namespace="n", spec={"restartAt": "now", "replicas": 1}),
            ("spec", "restartAt"),
        ),
        (
            made(
                "cassandra.datastax.com/v1beta1", "CassandraDatacenter", "d", spec={"rollingRestartRequested": True, "replicas": 1}
            ),
            ("spec", "rollingRestartRequested"),
        ),
    ],
    ids=["sync", "restart", "rolling restart"],
)
def test_one_action_is_not_asked_for_again(manifest: Manifest, field: tuple[str, ...]) -> None:
    """The field that asks for it goes, all others stay, and the plan names the rule."""
    done = transform(manifest, PLAIN, rules_for(ref_type(manifest)))
    assert done.touched == ("requests",)
    left = {**manifest, "spec": {"replicas": 1}} if field[0] == "spec" else {k: v for k, v in manifest.items() if k not in field}
    assert done.manifest == left


@pytest.mark.parametrize("name", sorted(requests.ANNOTATIONS))
def test_an_annotation_that_asks_for_an_action_goes(name: str) -> None:
    """Others stay."""
    manifest = made("v1", "ConfigMap", "c", namespace="n", annotations={name: "1", "team": "shop"})
    assert requests.drop_requesting_annotations(manifest, PLAIN)["metadata"]["annotations"] == {"team": "shop"}
    alone = made("v1", "ConfigMap", "c", namespace="n", annotations={name: "1"})
    assert "annotations" not in requests.drop_requesting_annotations(alone, PLAIN)["metadata"]


def test_an_application_of_another_group_keeps_its_field() -> None:
    """`Application` is a name that many use."""
    manifest = made("app.k8s.io/v1beta1", "Application", "shop", namespace="n", operation={"sync": {}})
    assert transform(manifest, PLAIN, rules_for("Application.app.k8s.io")).manifest["operation"] == {"sync": {}}


RESTORED = {"conditions": [{"type": "BackupRestored", "status": "True"}]}
INITIALIZED = {"conditions": [{"type": "PostgresDataInitialized", "status": "True"}]}


@pytest.mark.parametrize(
    ("api", "kind", "field", "status"),
    [
        ("k8s.mariadb.com/v1alpha1", "MariaDB", "bootstrapFrom", RESTORED),
        ("moco.cybozu.com/v1beta2", "MySQLCluster", "restore", {"restoredTime": "2026-01-01T00:00:00Z"}),
        ("pgv2.percona.com/v2", "PerconaPGCluster", "dataSource", {"state": "ready"}),
        ("postgres-operator.crunchydata.com/v1beta1", "PostgresCluster", "dataSource", INITIALIZED),
    ],
)
def test_a_database_that_was_filled_is_not_filled_again(api: str, kind: str, field: str, status: Manifest) -> None:
    """Green's operator sees no status (mariadb-operator#1677); one that waits for its backup on blue waits on green."""
    manifest = made(api, kind, "db", namespace="n", spec={field: {"name": "old"}, "replicas": 1}, status=status)
    done = transform(manifest, PLAIN, rules_for(ref_type(manifest)))
    assert (done.touched, done.manifest["spec"]) == (("carried-out",), {"replicas": 1})
    assert f"without spec.{field}" in requests.filled_again(manifest)
    waiting = {**manifest, "status": {}}
    assert transform(waiting, PLAIN, rules_for(ref_type(manifest))).manifest["spec"] == manifest["spec"]
    assert not requests.filled_again(waiting)


def test_a_subscription_begins_with_the_version_that_blue_has() -> None:
    """Not with the newest one; nothing is named where nothing is installed."""
    api, kind = "operators.coreos.com/v1alpha1", "Subscription"
    status = {"installedCSV": "etcd.v1"}
    done = transform(
        made(api, kind, "etcd", spec={"name": "etcd"}, status=status), PLAIN, rules_for(f"{kind}.operators.coreos.com")
    )
    assert done.manifest["spec"] == {"name": "etcd", "startingCSV": "etcd.v1"}
    waiting = transform(made(api, kind, "etcd", spec={"name": "etcd"}), PLAIN, rules_for(f"{kind}.operators.coreos.com"))
    assert waiting.manifest["spec"] == {"name": "etcd"}


def test_an_experiment_of_litmus_comes_stopped() -> None:
    """Green's controller would begin it again."""
    engine = made("litmuschaos.io/v1alpha1", "ChaosEngine", "kill", spec={"engineState": "active"})
    assert transform(engine, PLAIN, rules_for("ChaosEngine.litmuschaos.io")).manifest["spec"] == {"engineState": "stop"}


@pytest.mark.parametrize(("phase", "marked"), [("Succeeded", True), ("ImportInProgress", False)])
def test_a_volume_that_was_filled_is_not_filled_again(phase: str, *, marked: bool) -> None:
    """The controller on green would import over the data; its claim is taken as it is."""
    volume = made("cdi.kubevirt.io/v1beta1", "DataVolume", "disk", namespace="n", spec={}, status={"phase": phase})
    done = transform(volume, PLAIN, rules_for("DataVolume.cdi.kubevirt.io"))
    annotations = done.manifest["metadata"].get("annotations")
    assert annotations == ({"cdi.kubevirt.io/storage.prePopulated": "disk"} if marked else None)
    owner = {"apiVersion": "cdi.kubevirt.io/v1beta1", "kind": "DataVolume", "name": "disk", "uid": "u"}
    claim = made("v1", "PersistentVolumeClaim", "disk", namespace="n", owners=[owner], spec={})
    assert requests.mark_filled_claim(claim, PLAIN)["metadata"]["annotations"] == {"cdi.kubevirt.io/storage.populatedFor": "disk"}
    alone = made("v1", "PersistentVolumeClaim", "disk", namespace="n", spec={})
    assert requests.mark_filled_claim(alone, PLAIN) is alone


@pytest.mark.parametrize(("last", "paused"), [("restore-once", True), ("before", None)])
def test_a_manual_replication_that_was_done_is_paused(last: str, *, paused: bool | None) -> None:
    """Green's controller, which knows no status, would restore over the data."""
    spec = {"trigger": {"manual": "restore-once"}}
    asked = made(
        "volsync.backube/v1alpha1", "ReplicationDestination", "r", namespace="n", spec=spec, status={"lastManualSync": last}
    )
    done = transform(asked, PLAIN, rules_for("ReplicationDestination.volsync.backube"))
    assert done.manifest["spec"].get("paused") is paused


def test_an_experiment_does_not_break_green_too() -> None:
    """Its duration would be counted anew; a person goes on with it."""
    manifest = made("chaos-mesh.org/v1alpha1", "PodChaos", "kill", namespace="n", spec={"mode": "one"})
    done = transform(manifest, PLAIN, rules_for(ref_type(manifest)))
    assert done.touched == ("carried-out",)
    assert done.manifest["metadata"]["annotations"] == {"experiment.chaos-mesh.org/pause": "true"}
