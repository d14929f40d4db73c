"""Drop requests that a person or a program has made to a controller of blue: blue's controller has carried them out."""

from __future__ import annotations

from collections.abc import Callable

from migrator.model.manifest import Manifest, drop, get, put, ref_type, without
from migrator.model.plan import EndMark
from migrator.rules.context import Rule, RuleContext

# Fields that ask for one action (argo-cd.readthedocs.io: Application; argo-rollouts: spec.restartAt; cass-operator).
_FIELDS = {
    "Application.argoproj.io": (("operation",),),
    "CassandraDatacenter.cassandra.datastax.com": (("spec", "rollingRestartRequested"),),
    "Rollout.argoproj.io": (("spec", "restartAt"),),
}
# Fields that name what a database is filled from, and what its status says once it is. Without that status the operator fills it
# again, over the data in it (mariadb-operator#1677; in the source of Crunchy's and Percona's operators and of MOCO likewise).
_FILLED_FROM: dict[str, tuple[tuple[str, ...], Callable[[Manifest], bool]]] = {
    "MariaDB.k8s.mariadb.com": (("spec", "bootstrapFrom"), EndMark(("conditions", "BackupRestored"), "True").is_in),
    "MySQLCluster.moco.cybozu.com": (("spec", "restore"), lambda cluster: bool(get(cluster, "status", "restoredTime"))),
    "PerconaPGCluster.pgv2.percona.com": (("spec", "dataSource"), EndMark(("state",), "ready").is_in),
    "PostgresCluster.postgres-operator.crunchydata.com": (
        ("spec", "dataSource"),
        EndMark(("conditions", "PostgresDataInitialized"), "True").is_in,
    ),
}
ANNOTATIONS = frozenset(
    {
        "argocd.argoproj.io/hydrate",
        "argocd.argoproj.io/refresh",
        "gardener.cloud/operation",
        "kubeblocks.io/restore-from-backup",
        "percona.com/resync-pbm",
        "postgres-operator.crunchydata.com/pgbackrest-backup",
        "postgres-operator.crunchydata.com/pgbackrest-restore",
        "postgres-operator.crunchydata.com/trigger-switchover",
        "reconcile.fluxcd.io/forceAt",
        "reconcile.fluxcd.io/requestedAt",
        "reconcile.fluxcd.io/resetAt",
        "strimzi.io/delete-pod-and-pvc",
        "strimzi.io/force-renew",
        "strimzi.io/force-replace",
        "strimzi.io/manual-rolling-update",
        "strimzi.io/rebalance",
        "strimzi.io/restart",
        "strimzi.io/restart-task",
    }
)
"""Annotations that ask a controller for one action, from the documentation of each controller."""


def drop_requested_fields(manifest: Manifest, _: RuleContext) -> Manifest:
    """Return the object without the fields that ask for one action."""
    group, _, _ = manifest["apiVersion"].rpartition("/")
    for path in _FIELDS[f"{manifest['kind']}.{group}"]:
        manifest = drop(manifest, *path)
    return manifest


def drop_requesting_annotations(manifest: Manifest, _: RuleContext) -> Manifest:
    """Return the object without the annotations that ask for one action."""
    annotations = manifest["metadata"].get("annotations")
    if not annotations or ANNOTATIONS.isdisjoint(annotations):
        return manifest
    kept = without(annotations, *ANNOTATIONS)
    metadata = {**manifest["metadata"], "annotations": kept} if kept else without(manifest["metadata"], "annotations")
    return {**manifest, "metadata": metadata}


def mark_filled_volume(manifest: Manifest, _: RuleContext) -> Manifest:
    """Return a DataVolume that was filled marked as that: green's controller would fill its claim anew, over the data in it.

    Source: kubevirt.io/user-guide, backup and restore integration.
    """
    if get(manifest, "status", "phase") != "Succeeded":
        return manifest
    return put(manifest, ("metadata", "annotations", "cdi.kubevirt.io/storage.prePopulated"), manifest["metadata"]["name"])


def mark_filled_claim(manifest: Manifest, _: RuleContext) -> Manifest:
    """Return the claim of a DataVolume marked as filled, so that green's controller takes it as it is."""
    owners = manifest["metadata"].get("ownerReferences") or []
    name = next((owner["name"] for owner in owners if owner["kind"] == "DataVolume"), "")
    return put(manifest, ("metadata", "annotations", "cdi.kubevirt.io/storage.populatedFor"), name) if name else manifest


def drop_filled_from(manifest: Manifest, _: RuleContext) -> Manifest:
    """Return a database without the backup that it was filled from: green's operator would fill it again, over the data in it."""
    path = _filled_from(manifest)
    return drop(manifest, *path) if path else manifest


def filled_again(manifest: Manifest) -> str:
    """Return who could fill a database on green again, as the rest of a sentence that begins with its name; empty for most."""
    path = _filled_from(manifest)
    if not path:
        return ""
    field = ".".join(path)
    return (
        f"was filled from a backup: green gets it without {field}, since its operator would fill it again, over the data in it; "
        "take that field out of Git, too, before anybody applies it to green"
    )


def _filled_from(manifest: Manifest) -> tuple[str, ...]:
    path, is_filled = _FILLED_FROM.get(ref_type(manifest), ((), None))
    return path if is_filled and get(manifest, *path) and is_filled(manifest) else ()


def pause_synced(manifest: Manifest, _: RuleContext) -> Manifest:
    """Return a replication of VolSync whose manual trigger was obeyed paused: green's controller would obey it again.

    Without a trigger it would replicate without end. Source: volsync.readthedocs.io, triggers.
    """
    asked = get(manifest, "spec", "trigger", "manual")
    done = asked and get(manifest, "status", "lastManualSync") == asked
    return put(manifest, ("spec", "paused"), True) if done else manifest


def name_installed_version(manifest: Manifest, _: RuleContext) -> Manifest:
    """Return the Subscription with the version that it has installed: green's would begin with the newest one."""
    installed = get(manifest, "status", "installedCSV")
    return put(manifest, ("spec", "startingCSV"), installed) if isinstance(installed, str) and installed else manifest


def pause_chaos(manifest: Manifest, _: RuleContext) -> Manifest:
    """Return an experiment of Chaos Mesh paused: green's controller would break again what blue's has broken.

    How long it goes on is counted from the object's creation. Source: chaos-mesh.org/docs/run-a-chaos-experiment.
    """
    return put(manifest, ("metadata", "annotations", "experiment.chaos-mesh.org/pause"), "true")


def stop_chaos(manifest: Manifest, _: RuleContext) -> Manifest:
    """Return an experiment of Litmus stopped: green's controller would begin it again.

    Source: docs.litmuschaos.io, ChaosEngine (spec.engineState).
    """
    return put(manifest, ("spec", "engineState"), "stop")


_CHAOS = (
    "AWS",
    "Azure",
    "Block",
    "DNS",
    "GCP",
    "HTTP",
    "IO",
    "JVM",
    "Kernel",
    "Network",
    "PhysicalMachine",
    "Pod",
    "Stress",
    "Time",
)
CARRIED_OUT = (
    Rule("carried-out", mark_filled_volume, frozenset({"DataVolume.cdi.kubevirt.io"})),
    Rule("carried-out", mark_filled_claim, frozenset({"PersistentVolumeClaim"})),
    Rule("carried-out", drop_filled_from, frozenset(_FILLED_FROM)),
    Rule("installed-version", name_installed_version, frozenset({"Subscription.operators.coreos.com"})),
    Rule("carried-out", pause_chaos, frozenset(f"{kind}Chaos.chaos-mesh.org" for kind in _CHAOS)),
    Rule("carried-out", stop_chaos, frozenset({"ChaosEngine.litmuschaos.io"})),
    Rule("carried-out", pause_synced, frozenset({"ReplicationSource.volsync.backube", "ReplicationDestination.volsync.backube"})),
)
"""Rules that read in the status, or in owners, that a request was carried out."""
RULES = (
    Rule("requests", drop_requested_fields, frozenset(_FIELDS)),
    Rule("requests", drop_requesting_annotations),
)
