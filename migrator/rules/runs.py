"""Custom resources that are carried out once: how they end, and how they are kept from beginning again.

A status is not data of a person's in general. Of a run that has ended it is: without it the kind's controller on green would carry
the run out a second time. What has ended is told by the words of its status; the person may add kinds and words (`runs`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import NamedTuple

from migrator.config.schema import RunKind
from migrator.model.manifest import Manifest, get
from migrator.model.plan import Ended, EndMark
from migrator.rules.context import RuleContext

_SUSPEND: Manifest = {"spec": {"suspend": True}}
_POLICY: Manifest = {"spec": {"runPolicy": {"suspend": True}}}
_TRAINING = ("JAXJob", "MPIJob", "PaddleJob", "PyTorchJob", "TFJob", "XGBoostJob")
HOLDS: dict[str, Manifest] = {
    # KubeRay refuses to suspend a RayJob that does not shut its cluster down.
    "RayJob.ray.io": {"spec": {"suspend": True, "shutdownAfterJobFinishes": True}},
    "Workflow.argoproj.io": _SUSPEND,
    "AppWrapper.workload.codeflare.dev": _SUSPEND,
    "JobSet.jobset.x-k8s.io": _SUSPEND,
    "SparkApplication.sparkoperator.k8s.io": _SUSPEND,
    "TrainJob.trainer.kubeflow.org": _SUSPEND,
    **{f"{kind}.kubeflow.org": _POLICY for kind in _TRAINING},
}
"""Kinds that are carried out once and can be kept from beginning, each with the merge patch that does it."""
OTHERS = frozenset(
    {
        "ActionSet.cr.kanister.io",
        "AnalysisRun.argoproj.io",
        "AWXRestore.awx.ansible.com",
        "ApplicationBackup.stork.libopenstorage.org",
        "ApplicationRestore.stork.libopenstorage.org",
        "Backup.postgresql.cnpg.io",
        "Backup.postgresql.k8s.enterprisedb.io",
        "Backup.velero.io",
        *(f"{name}.dataprotection.kubeblocks.io" for name in ("Backup", "Restore")),
        *(f"{name}.infinispan.org" for name in ("Backup", "Restore")),
        *(f"{name}.k8up.io" for name in ("Archive", "Backup", "Check", "Prune", "Restore")),
        *(f"{name}.pingcap.com" for name in ("Backup", "Restore")),
        "BroadcastJob.apps.kruise.io",
        "Build.kpack.io",
        "CassandraTask.control.k8ssandra.io",
        "CouchbaseBackupRestore.couchbase.com",
        "CustomRun.tekton.dev",
        "DaskJob.kubernetes.dask.org",
        "DataDownload.velero.io",
        "DataUpload.velero.io",
        "DeleteBackupRequest.velero.io",
        "DirectImageMigration.migration.openshift.io",
        "DirectVolumeMigration.migration.openshift.io",
        "Experiment.argoproj.io",
        "Experiment.kubeflow.org",
        "FlinkStateSnapshot.flink.apache.org",
        "FlyteWorkflow.flyte.lyft.com",
        "ImagePullJob.apps.kruise.io",
        "Job.batch.volcano.sh",
        "Job.execution.furiko.io",
        "K6.k6.io",
        "K8ssandraTask.control.k8ssandra.io",
        "KeycloakRealmImport.k8s.keycloak.org",
        "MedusaBackupJob.medusa.k8ssandra.io",
        "MedusaRestoreJob.medusa.k8ssandra.io",
        "MinIOJob.job.min.io",
        "MigMigration.migration.openshift.io",
        "Migration.stork.libopenstorage.org",
        "OpsRequest.apps.kubeblocks.io",
        "OpsRequest.operations.kubeblocks.io",
        "PipelineRun.tekton.dev",
        "PerconaPGBackup.pgv2.percona.com",
        "PerconaPGRestore.pgv2.percona.com",
        "PerconaServerMongoDBBackup.psmdb.percona.com",
        "PerconaServerMongoDBRestore.psmdb.percona.com",
        "PerconaServerMySQLBackup.ps.percona.com",
        "PerconaServerMySQLRestore.ps.percona.com",
        "PerconaXtraDBClusterBackup.pxc.percona.com",
        "PerconaXtraDBClusterRestore.pxc.percona.com",
        "PodVolumeBackup.velero.io",
        "PodVolumeRestore.velero.io",
        "Promotion.kargo.akuity.io",
        "Restore.cluster.open-cluster-management.io",
        "Restore.k8s.mariadb.com",
        "Restore.resources.cattle.io",
        "Restore.velero.io",
        # Named otherwise than runs are: without its status Stash fills volumes and databases of green from it again.
        "RestoreSession.core.kubestash.com",
        "RestoreSession.stash.appscode.com",
        "SGBackup.stackgres.io",
        "SGDbOps.stackgres.io",
        "SparkApplication.spark.apache.org",
        "TaskRun.tekton.dev",
        "TestRun.k6.io",
        "Trial.kubeflow.org",
        "VirtualMachineClone.clone.kubevirt.io",
        "VirtualMachineInstance.kubevirt.io",  # one that a VirtualMachine has not made
        "VirtualMachineInstanceMigration.kubevirt.io",
        "VirtualMachineRestore.snapshot.kubevirt.io",
        "Workflow.tinkerbell.org",
        "WorkflowRun.core.oam.dev",
        *(
            f"{name}.protect.trident.netapp.io"
            for name in ("Backup", "BackupInplaceRestore", "BackupRestore", "Snapshot", "SnapshotInplaceRestore", "SnapshotRestore")
        ),
    }
)
"""Kinds that are carried out once as soon as they are there."""
# Words with which one kind alone tells its end.
_OWN_WORDS = {
    # Stork says beside how it went that this was the last stage (libopenstorage/stork#1716).
    **{
        f"{kind}.stork.libopenstorage.org": frozenset({"final", "partialsuccess"})
        for kind in ("ApplicationBackup", "ApplicationRestore", "Migration")
    },
    "PerconaServerMongoDBBackup.psmdb.percona.com": frozenset({"ready"}),
    "PerconaServerMongoDBRestore.psmdb.percona.com": frozenset({"ready"}),
    "Restore.cluster.open-cluster-management.io": frozenset({"finishedwitherrors"}),
    "SparkApplication.spark.apache.org": frozenset({"resourcereleased", "terminatedwithoutreleaseresources"}),
}
# Kinds that say `Succeeded: False` at their end alone, and no time beside it (kpack#1255); others say it from the beginning.
_FAILS_BY_CONDITION = frozenset({"Build.kpack.io"})
# Kinds that are called like a run; that alone does not make them one, but an end that their status tells does.
_NAMES = re.compile(r"(?!Cron|Schedule).*(Backup|Execution|Job|Migration|Promotion|Restore|Run|Task|Workflow)")
# Words of a status that tell an end, in small letters and without `-`, `_` and `STATE_`.
_WORDS = frozenset(
    {"aborted", "canceled", "cancelled", "complete", "completed", "done", "error", "errored", "failed", "failure", "finished"}
    | {
        "failedvalidation",
        "inconclusive",
        "partiallyfailed",
        "processed",
        "stopped",
        "success",
        "succeed",
        "succeeded",
        "successful",
    }
    | {"terminated", "timedout", "timeout"}
)
# Where kinds write such a word, below `status`.
_WORD_PATHS = (
    *((name,) for name in ("jobDeploymentStatus", "phase", "state", "jobStatus", "status", "stage", "terminalState")),
    *(("engineStatus",), ("applicationState", "state"), ("state", "phase"), ("jobStatus", "state"), ("process", "status")),
    ("currentState", "currentStateSummary"),
)
_CONDITIONS = frozenset({"complete", "completed", "done", "failed", "finished", "succeeded"})
# The last two are AWX operator's, of its present and its first releases (roles/restore/tasks/update_status.yml).
_FLAGS = ("complete", "completed", "finished", "succeeded", "restoreComplete", "towerRestoreComplete")
# When a run ended: what has such a time is a run, whatever its kind is called.
_END_TIMES = frozenset(
    {"completedAt", "completionTime", "completionTimestamp", "endTime", "endTimestamp", "finishTime", "finishedAt", "stoppedAt"}
    | {"restoreCompletionTs", "terminationTime", "timeCompleted"}
)
# Kueue lets what has this label go when its turn comes, by the field that a person suspends it with (kueue.sigs.k8s.io).
_QUEUE = "kueue.x-k8s.io/queue-name"


class _Known(NamedTuple):
    """What is known of a kind that is carried out once."""

    hold: Manifest
    words: frozenset[str] = frozenset()
    conditions: frozenset[str] = frozenset()


def ended(manifest: Manifest, type_name: str, context: RuleContext) -> Ended | None:
    """Return how a custom resource that is carried out once has ended; None where it has not, or is something else."""
    status = manifest.get("status")
    if not isinstance(status, dict) or "." not in type_name:
        return None
    known = _known(type_name, context)
    is_a_run = known is not None or bool(_NAMES.fullmatch(manifest["kind"]))
    if not is_a_run and not _has_end_time(status):
        return None
    words, conditions = known[1:] if known else (frozenset(), frozenset())
    said = list(_said(status))
    if said:
        # Of several words, the one that tells no end is believed.
        ends = all(_plain(word) in _WORDS | words for _, word in said)
        return Ended(said[0][1], EndMark(*said[0])) if ends else None
    fails = type_name in _FAILS_BY_CONDITION or _has_end_time(status)
    told = _by_condition(status, _CONDITIONS | conditions, fails=fails)
    return told or _by_flag(status) or (_by_time(status) if is_a_run else None)


def is_running(manifest: Manifest, type_name: str, context: RuleContext) -> bool:
    """Return whether a run has begun on blue and has not ended, so that a copy would carry it out twice.

    Any status tells that blue's controller has taken it up: a JobSet says how many of its Jobs are active, and no word of itself.
    """
    if _known(type_name, context) is None or ended(manifest, type_name, context):
        return False
    return waits_in_queue(manifest) or (bool(manifest.get("status")) and not _is_suspended(manifest))


def waits_in_queue(manifest: Manifest) -> bool:
    """Return whether nobody but a queue keeps a run from beginning: each cluster's queue would let it begin."""
    return _is_suspended(manifest) and bool(get(manifest, "metadata", "labels", _QUEUE))


def _is_suspended(manifest: Manifest) -> bool:
    return bool(get(manifest, "spec", "suspend") or get(manifest, "spec", "runPolicy", "suspend"))


def hold(type_name: str, context: RuleContext) -> Manifest:
    """Return the merge patch that keeps a run of this kind from beginning; empty where none is known."""
    known = _known(type_name, context)
    return known.hold if known else {}


def _known(type_name: str, context: RuleContext) -> _Known | None:
    told = [item for item in context.config.runs if _names(item, type_name)]
    own = _OWN_WORDS.get(type_name, frozenset())
    if not told and type_name not in HOLDS.keys() | OTHERS:
        return None
    patch = next((item.hold for item in told if item.hold), HOLDS.get(type_name, {}))
    words = frozenset(_plain(word) for item in told for word in item.phases)
    return _Known(patch, own | words, frozenset(word.casefold() for item in told for word in item.conditions))


def _names(item: RunKind, type_name: str) -> bool:
    return fnmatchcase(type_name, item.kind) or fnmatchcase(type_name.partition(".")[0], item.kind)


def _said(status: Manifest) -> Iterator[tuple[tuple[str, ...], str]]:
    for path in _WORD_PATHS:
        word = get(status, *path)
        if word and isinstance(word, str):
            yield path, word


def _plain(word: str) -> str:
    return re.sub(r"[-_ ]", "", word.casefold().removeprefix("state_"))


def _by_condition(status: Manifest, types: frozenset[str], *, fails: bool) -> Ended | None:
    """Return the end that a condition tells; `fails`: whether `Succeeded: False` is one."""
    listed = status.get("conditions")
    for item in listed if isinstance(listed, list) else []:
        name, value = (item.get("type"), item.get("status")) if isinstance(item, dict) else (None, None)
        if not isinstance(name, str) or name.casefold() not in types:
            continue
        if value == "True" or (value == "False" and name == "Succeeded" and fails):
            return Ended(name if value == "True" else "not Succeeded", EndMark(("conditions", name), value))
    return None


def _by_flag(status: Manifest) -> Ended | None:
    return next((Ended(flag, EndMark((flag,), True)) for flag in _FLAGS if status.get(flag) is True), None)


def _by_time(status: Manifest) -> Ended | None:
    """Return the end of a run that says nothing but when it ended."""
    return next((Ended(key, EndMark((key,), status[key])) for key in sorted(_END_TIMES) if isinstance(status.get(key), str)), None)


def _has_end_time(status: Manifest) -> bool:
    return any(status.get(key) for key in _END_TIMES)
