"""Custom resources that are carried out once: what has ended, what is running, and what is neither."""

from __future__ import annotations

from typing import Any

import pytest

from migrator.model.manifest import Manifest, ref_type
from migrator.model.plan import Ended, EndMark
from migrator.rules import runs
from migrator.rules.context import RuleContext
from tests.support.contexts import PLAIN, configured
from tests.support.objects import made

IMPORTS = RuleContext(
    configured("runs: [{kind: 'Import*.data.example.com', phases: [all-in], conditions: [Loaded], hold: {spec: {wait: true}}}]")
)


def run(api: str, kind: str, status: Any, **spec: Any) -> Manifest:
    """Return a custom resource."""
    return made(f"{api}/v1", kind, "a", spec=spec, status=status)


def ended(manifest: Manifest, context: RuleContext = PLAIN) -> Ended | None:
    """Return how it has ended."""
    return runs.ended(manifest, ref_type(manifest), context)


def condition(kind: str, status: str) -> dict[str, Any]:
    """Return a status with one condition."""
    return {"conditions": [{"type": kind, "status": status}]}


@pytest.mark.parametrize(
    ("manifest", "how"),
    [
        (run("argoproj.io", "Workflow", {"phase": "Succeeded", "finishedAt": "2026-01-05T03:04:00Z"}), "Succeeded"),
        (run("argoproj.io", "Workflow", {"phase": "Error"}), "Error"),
        (run("argoproj.io", "AnalysisRun", {"phase": "Inconclusive"}), "Inconclusive"),
        (run("ray.io", "RayJob", {"jobStatus": "SUCCEEDED", "jobDeploymentStatus": "Complete"}), "Complete"),
        (run("tekton.dev", "PipelineRun", condition("Succeeded", "True")), "Succeeded"),
        (run("tekton.dev", "TaskRun", {**condition("Succeeded", "False"), "completionTime": "x"}), "not Succeeded"),
        (run("sparkoperator.k8s.io", "SparkApplication", {"applicationState": {"state": "COMPLETED"}}), "COMPLETED"),
        (run("batch.volcano.sh", "Job", {"state": {"phase": "Aborted"}}), "Aborted"),
        (run("kubeflow.org", "PyTorchJob", condition("Failed", "True")), "Failed"),
        (run("velero.io", "Backup", {"phase": "PartiallyFailed", "completionTimestamp": "x"}), "PartiallyFailed"),
        (run("postgresql.cnpg.io", "Backup", {"phase": "completed"}), "completed"),
        (run("velero.io", "DeleteBackupRequest", {"phase": "Processed"}), "Processed"),
        (run("tinkerbell.org", "Workflow", {"state": "STATE_SUCCESS"}), "STATE_SUCCESS"),
        (run("k8up.io", "Restore", {"finished": True, "started": True}), "finished"),
        (run("k8s.mariadb.com", "Backup", condition("Complete", "True")), "Complete"),
        (run("psmdb.percona.com", "PerconaServerMongoDBRestore", {"state": "ready"}), "ready"),
        (
            run("spark.apache.org", "SparkApplication", {"currentState": {"currentStateSummary": "ResourceReleased"}}),
            "ResourceReleased",
        ),
        (run("snapshot.kubevirt.io", "VirtualMachineRestore", {"complete": True, **condition("Ready", "True")}), "complete"),
        (run("resources.cattle.io", "Restore", {"restoreCompletionTs": "x", **condition("Ready", "True")}), "restoreCompletionTs"),
        (run("kpack.io", "Build", condition("Succeeded", "True")), "Succeeded"),
        (run("kpack.io", "Build", condition("Succeeded", "False")), "not Succeeded"),
        (run("stork.libopenstorage.org", "ApplicationBackup", {"status": "Successful", "stage": "Final"}), "Successful"),
        (run("stork.libopenstorage.org", "Migration", {"status": "PartialSuccess", "stage": "Final"}), "PartialSuccess"),
        (run("flyte.lyft.com", "FlyteWorkflow", {"phase": 3, "stoppedAt": "2026-01-05T03:04:00Z"}), "stoppedAt"),
        (run("k8s.keycloak.org", "KeycloakRealmImport", condition("Done", "True")), "Done"),
        (run("stackgres.io", "SGBackup", {"process": {"status": "Completed"}}), "Completed"),
        (run("etcd.database.coreos.com", "EtcdBackup", {"succeeded": True}), "succeeded"),
        (run("cluster.open-cluster-management.io", "Restore", {"phase": "FinishedWithErrors"}), "FinishedWithErrors"),
        (run("stash.appscode.com", "RestoreSession", {"phase": "Succeeded", "sessionDuration": "9s"}), "Succeeded"),
        (run("core.kubestash.com", "RestoreSession", {"phase": "Failed"}), "Failed"),
        (run("awx.ansible.com", "AWXRestore", {"restoreComplete": True, **condition("Running", "True")}), "restoreComplete"),
        (run("awx.ansible.com", "AWXRestore", {"towerRestoreComplete": True}), "towerRestoreComplete"),
        (run("stackgres.io", "SGDbOps", {"opRetries": 0, **condition("Completed", "True")}), "Completed"),
        (run("k8up.io", "Prune", {"finished": True, "started": True}), "finished"),
        (run("release.example.com", "Rollout", {"phase": "Done", "endTime": "x"}), "Done"),
    ],
    ids=lambda item: f"{item['kind']}.{item['apiVersion']}" if isinstance(item, dict) else "",
)
def test_what_has_ended_is_told_by_its_status(manifest: Manifest, how: str) -> None:
    """Kinds that are known, kinds that are called like a run, and all that tell when they ended."""
    found = ended(manifest)
    assert found is not None
    assert found.how == how
    assert found.mark.is_in(manifest)
    assert not found.mark.is_in({**manifest, "status": {}})
    assert not runs.is_running(manifest, ref_type(manifest), PLAIN)


@pytest.mark.parametrize(
    "manifest",
    [
        run("argoproj.io", "Workflow", {"phase": "Running", "startedAt": "x"}),
        run("ray.io", "RayJob", {"jobStatus": "SUCCEEDED", "jobDeploymentStatus": "Running"}),
        run("tekton.dev", "PipelineRun", {**condition("Succeeded", "Unknown"), "startTime": "x"}),
        run("migration.openshift.io", "MigMigration", {"phase": "StageBackup", "startTimestamp": "x"}),
        run("protect.trident.netapp.io", "SnapshotInplaceRestore", {"state": "Running"}),
        run("kubevirt.io", "VirtualMachineInstance", {"phase": "Running"}),
        run("jobset.x-k8s.io", "JobSet", {"replicatedJobsStatus": [{"name": "workers", "active": 2}], "restarts": 0}),
        run("trainer.kubeflow.org", "TrainJob", {"jobsStatus": [{"name": "node", "active": 1}]}),
        run("k8s.mariadb.com", "Restore", condition("Complete", "False")),
        run("flyte.lyft.com", "FlyteWorkflow", {"phase": 1, "startedAt": "x"}),
        run("k8s.keycloak.org", "KeycloakRealmImport", condition("Started", "True")),
        run("kpack.io", "Build", condition("Succeeded", "Unknown")),
        run("stork.libopenstorage.org", "ApplicationBackup", {"status": "InProgress", "stage": "Volumes"}),
        run("stash.appscode.com", "RestoreSession", {"phase": "Running"}),
        run("core.kubestash.com", "RestoreSession", {"phase": "Pending"}),
        run("job.min.io", "MinIOJob", {"phase": "Running", "commands": []}),
        run("couchbase.com", "CouchbaseBackupRestore", {"running": True}),
        run("control.k8ssandra.io", "K8ssandraTask", {"startTime": "2026-01-05T03:04:00Z"}),
        run("execution.furiko.io", "Job", {"phase": "Running"}),
    ],
    ids=lambda item: item["kind"],
)
def test_what_is_running_would_run_twice(manifest: Manifest) -> None:
    """It is running until each of its words says that it has ended; what was suspended does not run."""
    assert ended(manifest) is None
    assert runs.is_running(manifest, ref_type(manifest), PLAIN)
    assert not runs.is_running({**manifest, "spec": {"suspend": True}}, ref_type(manifest), PLAIN)


def test_what_waits_in_a_queue_would_run_twice() -> None:
    """Kueue suspends what waits and lets it go, on each side; what has ended, or a person has suspended, begins on neither."""
    queued = made("ray.io/v1", "RayJob", "a", labels={"kueue.x-k8s.io/queue-name": "team"}, spec={"suspend": True})
    assert runs.is_running(queued, "RayJob.ray.io", PLAIN)
    assert not runs.is_running({**queued, "status": {"jobDeploymentStatus": "Complete"}}, "RayJob.ray.io", PLAIN)
    loose = made("ray.io/v1", "RayJob", "a", spec={"suspend": True})
    assert not runs.is_running(loose, "RayJob.ray.io", PLAIN)
    assert not runs.is_running({**queued, "kind": "Site", "apiVersion": "example.com/v1"}, "Site.example.com", PLAIN)


@pytest.mark.parametrize(
    "manifest",
    [
        run("operators.coreos.com", "ClusterServiceVersion", {"phase": "Succeeded"}),
        run("argoproj.io", "CronWorkflow", condition("Completed", "True")),
        run("cert-manager.io", "Certificate", condition("Ready", "True")),
        run("example.com", "Backup", {"phase": "Scheduled"}),
        run("example.com", "Backup", {}),
        run("example.com", "Backup", {"state": "ready"}),
        run("example.com", "Site", {"completedAt": "x"}),
        run("example.com", "Backup", "odd"),
        run("example.com", "Backup", {"conditions": ["Complete", {"type": 1}]}),
        made("v1", "Pod", "a", status={"phase": "Succeeded"}),
    ],
    ids=lambda item: f"{item['kind']}-{item['status']}",
)
def test_other_words_tell_no_end(manifest: Manifest) -> None:
    """An operator that is installed, a schedule, a status of another form: its status is written by its controller."""
    assert ended(manifest) is None
    assert not runs.is_running(manifest, ref_type(manifest), PLAIN)


def test_a_person_adds_kinds_words_and_a_hold() -> None:
    """What is not known here is named in migration.yaml."""
    done = run("data.example.com", "Import", {"phase": "ALL_IN"})
    assert ended(done) is None
    assert ended(done, IMPORTS) == Ended("ALL_IN", EndMark(("phase",), "ALL_IN"))
    loaded = ended(run("data.example.com", "ImportSet", condition("Loaded", "True")), IMPORTS)
    assert loaded == Ended("Loaded", EndMark(("conditions", "Loaded"), "True"))
    assert runs.is_running(run("data.example.com", "Import", {"phase": "loading"}), "Import.data.example.com", IMPORTS)
    assert not runs.is_running(run("data.example.com", "Import", {"phase": "loading"}), "Import.data.example.com", PLAIN)
    assert runs.hold("Import.data.example.com", IMPORTS) == {"spec": {"wait": True}}
    assert runs.hold("Import.data.example.com", PLAIN) == {}


def test_holds_are_known_where_a_kind_can_be_suspended() -> None:
    """A RayJob that keeps its cluster may not be suspended (KubeRay)."""
    assert runs.hold("RayJob.ray.io", PLAIN)["spec"] == {"suspend": True, "shutdownAfterJobFinishes": True}
    assert runs.hold("PyTorchJob.kubeflow.org", PLAIN) == {"spec": {"runPolicy": {"suspend": True}}}
    assert runs.hold("PipelineRun.tekton.dev", PLAIN) == {}
