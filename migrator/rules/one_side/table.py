"""The table of what may run on one side only; a row per kind of thing, by what it is and never by its name.

Here are objects, by their API group and kind; clusters of databases and the like are in `databases`. Workloads are in `programs`:
by image or by words of their commands, since names and labels are a person's.
"""

from __future__ import annotations

from typing import NamedTuple

from migrator.model.one_side import Scalar
from migrator.rules.one_side.proof import Proof

Path = tuple[str, ...]
_SUSPEND: Path = ("spec", "suspend")
_PAUSED: Path = ("spec", "paused")
_NO_NODE: Path = ("spec", "nodeSelector", "matchLabels", "migrator/held")
KEDA_PAUSED: Path = ("metadata", "annotations", "autoscaling.keda.sh/paused")
REPLICAS: tuple[Path, Scalar] = (("spec", "replicas"), 0)
NODES: tuple[Path, Scalar] = (("spec", "template", "spec", "nodeSelector", "migrator/held"), "one-side")
"""No node has this label: the DaemonSet's controller then deletes its pods."""
WORKLOADS: dict[str, tuple[Path, Scalar]] = {
    "Deployment.apps": REPLICAS,
    "StatefulSet.apps": REPLICAS,
    "ReplicaSet.apps": REPLICAS,
    "Rollout.argoproj.io": REPLICAS,
    "DaemonSet.apps": NODES,
}
"""How a workload is held, by its kind."""


class Row(NamedTuple):
    """One kind of thing that may run on one side only."""

    name: str
    why: str
    """What goes wrong when it runs on both sides."""
    meanwhile: str
    """What its absence on one side means until it is handed over."""
    fields: tuple[tuple[Path, Scalar], ...] = ()
    """What holds it: the first a new object, the last stops a running one. Empty for workloads, which are held by their kind."""
    types: frozenset[str] = frozenset()
    """`Kind.group`; empty: workloads."""
    images: tuple[str, ...] = ()
    """Ends of an image's path, without registry and tag; may use *."""
    flags: tuple[frozenset[str], ...] = ()
    """Sets of flags or other words of a command, each of which only this program has together; a flag may use *."""
    words: frozenset[str] = frozenset()
    """One of these must stand among command, arguments and `NAME=value` of variables, where an image can do several things."""
    needs: Path = ()
    """A field without which an object of this kind does nothing at set times."""
    first: bool = False
    """Whether it could start others: it is stopped before them, and started after them."""
    fixed: bool = False
    """Whether it is any workload whose pods have an address of their own in the network of the nodes."""
    held: bool = True
    """Whether it is held; else a person is told."""
    addresses: bool = False
    """Whether it tells the world the addresses of others, and takes one that has none for gone."""
    proof: Proof | None = None
    """What tells of its work, where a ready pod does not."""


def kind(name: str, *types: str, path: Path = _SUSPEND, held: Scalar = True, why: str, meanwhile: str, first: bool = False) -> Row:
    """Return the row of kinds that one field holds."""
    return Row(name, why, meanwhile, ((path, held),), frozenset(types), first=first)


GITOPS = "applies Git's state: it would start on one side what is stopped there, and both would write what they watch back"
NO_GITOPS = "commits are not applied there"
BACKUP = "both would write to one place, and delete what the other one keeps"
NO_BACKUP = "no backup is made there"
ANNOUNCES = "announces addresses to the network: both sides would answer for one address"
CONNECT = "copies records from one system to another: both sides would write them twice, or push each other out of one group"
NO_CONNECT = "no record is copied there"
WORKS_IN = {"KafkaConnector.kafka.strimzi.io": "KafkaConnect.kafka.strimzi.io"}
"""Kinds whose objects work in one of another kind: they are not ready while that is held (Strimzi: it has 0 replicas)."""
KINDS = (
    kind(
        "CronJob",
        "CronJob.batch",
        why="starts Jobs at set times",
        meanwhile="no run starts there: all start on the other side",
    ),
    kind("CronWorkflow", "CronWorkflow.argoproj.io", why="starts workflows at set times", meanwhile="no run starts there"),
    kind(
        "scheduled runs",
        "RayCronJob.ray.io",
        "ScheduledSparkApplication.sparkoperator.k8s.io",
        why="starts runs at set times",
        meanwhile="no run starts there",
    ),
    kind(
        "AdvancedCronJob",
        "AdvancedCronJob.apps.kruise.io",
        path=_PAUSED,
        why="starts Jobs at set times",
        meanwhile="no run starts there",
    ),
    kind(
        "recurring run of Kubeflow",
        "ScheduledWorkflow.kubeflow.org",
        path=("spec", "enabled"),
        held=False,
        why="starts pipelines at set times",
        meanwhile="no run starts there",
    ),
    kind("Velero Schedule", "Schedule.velero.io", path=_PAUSED, why=BACKUP, meanwhile=NO_BACKUP),
    kind(
        "backup of a hub",
        "BackupSchedule.cluster.open-cluster-management.io",
        path=_PAUSED,
        why=f"{BACKUP}, and starts Schedules of Velero",
        meanwhile=NO_BACKUP,
        first=True,
    ),
    kind(
        "ScheduledBackup",
        "ScheduledBackup.postgresql.cnpg.io",
        "ScheduledBackup.postgresql.k8s.enterprisedb.io",
        why=BACKUP,
        meanwhile=NO_BACKUP,
    ),
    kind("VolSync", "ReplicationSource.volsync.backube", path=_PAUSED, why=BACKUP, meanwhile=NO_BACKUP),
    kind(
        "Stash",
        "BackupBatch.core.kubestash.com",
        "BackupBatch.stash.appscode.com",
        "BackupConfiguration.stash.appscode.com",
        "BackupConfiguration.core.kubestash.com",
        path=_PAUSED,
        why=BACKUP,
        meanwhile=NO_BACKUP,
    ),
    Row(
        "MariaDB schedule",
        why=BACKUP,
        meanwhile=NO_BACKUP,
        fields=((("spec", "schedule", "suspend"), True),),
        types=frozenset({"Backup.k8s.mariadb.com", "PhysicalBackup.k8s.mariadb.com", "SqlJob.k8s.mariadb.com"}),
        needs=("spec", "schedule"),
    ),
    kind("Kasten", "Policy.config.kio.kasten.io", path=_PAUSED, why=BACKUP, meanwhile=NO_BACKUP),
    kind(
        "Flux operator",
        "FluxInstance.fluxcd.controlplane.io",
        "ResourceSet.fluxcd.controlplane.io",
        path=("metadata", "annotations", "fluxcd.controlplane.io/reconcile"),
        held="disabled",
        why="applies what makes Flux: it would start on one side what is stopped there",
        meanwhile="Flux there is not changed",
        first=True,
    ),
    kind(
        "GitOps",
        "App.kappctrl.k14s.io",
        "GitRepo.fleet.cattle.io",
        "PackageInstall.packaging.carvel.dev",
        path=_PAUSED,
        why=GITOPS,
        meanwhile=NO_GITOPS,
        first=True,
    ),
    kind(
        "Flux",
        "Kustomization.kustomize.toolkit.fluxcd.io",
        "HelmRelease.helm.toolkit.fluxcd.io",
        why=GITOPS,
        meanwhile=NO_GITOPS,
        first=True,
    ),
    kind(
        "Flux image automation",
        "ImageUpdateAutomation.image.toolkit.fluxcd.io",
        why="commits to Git",
        meanwhile="new images are not committed from there",
        first=True,
    ),
    kind(
        "KEDA ScaledJob",
        "ScaledJob.keda.sh",
        path=KEDA_PAUSED,
        held="true",
        why="starts Jobs for what waits outside",
        meanwhile="no Job starts there",
    ),
    kind(
        "Chaos Mesh",
        "Schedule.chaos-mesh.org",
        path=("metadata", "annotations", "experiment.chaos-mesh.org/pause"),
        held="true",
        why="starts experiments that break things at set times",
        meanwhile="no experiment starts there",
    ),
    kind(
        "Cluster API",
        "Cluster.cluster.x-k8s.io",
        path=_PAUSED,
        why="makes and deletes machines: both sides would make those of one cluster",
        meanwhile="no machine is made, changed or deleted from there",
    ),
    kind(
        "Cilium announcements",
        "CiliumBGPClusterConfig.cilium.io",
        "CiliumBGPPeeringPolicy.cilium.io",
        "CiliumL2AnnouncementPolicy.cilium.io",
        path=_NO_NODE,
        held="one-side",
        why=ANNOUNCES,
        meanwhile="no address is announced from there",
    ),
    kind(
        "MetalLB operator",
        "MetalLB.metallb.io",
        path=("spec", "nodeSelector", "migrator/held"),
        held="one-side",
        why=f"{ANNOUNCES}, and set back what holds its speaker",
        meanwhile="no address is announced from there",
        first=True,
    ),
    kind(
        "Kafka Connect cluster",
        "KafkaConnect.kafka.strimzi.io",
        "KafkaMirrorMaker2.kafka.strimzi.io",
        path=("spec", "replicas"),
        held=0,
        why=CONNECT,
        meanwhile=NO_CONNECT,
    ),
)
TOLD = (
    Row(
        "PingSource",
        why="sends events at set times, and has no field that pauses it: leave it on blue, or delete one of the two at the cutover",
        meanwhile="",
        types=frozenset({"PingSource.sources.knative.dev"}),
        held=False,
    ),
    Row(
        "PushSecret",
        why="writes Secrets into a store outside: green's overwrite it, and what is deleted on blue may be deleted there",
        meanwhile="",
        types=frozenset(
            {
                "ClusterPushSecret.external-secrets.io",
                "InfisicalPushSecret.secrets.infisical.com",
                "PushSecret.external-secrets.io",
            }
        ),
        held=False,
    ),
    Row(
        "samples for a store",
        why="writes samples into a store outside (spec.remoteWrite), where two with the same external labels are one series: give"
        " green's another label",
        meanwhile="",
        types=frozenset(
            {"Prometheus.monitoring.coreos.com", "PrometheusAgent.monitoring.coreos.com", "VMAgent.operator.victoriametrics.com"}
        ),
        needs=("spec", "remoteWrite"),
        held=False,
    ),
    Row(
        "kopiur schedule",
        why=f"{BACKUP}: leave it on blue until the cutover",
        meanwhile="",
        types=frozenset({"RepositoryReplication.kopiur.home-operations.com", "SnapshotSchedule.kopiur.home-operations.com"}),
        held=False,
    ),
    Row(
        "upgrade plan",
        why="names the version that nodes shall have: green's would be brought to blue's. Leave it on blue, or change it first",
        meanwhile="",
        types=frozenset(
            {
                "KubernetesUpgrade.tuppr.home-operations.com",
                "Plan.upgrade.cattle.io",
                "TalosUpgrade.tuppr.home-operations.com",
            }
        ),
        held=False,
    ),
)
"""What nobody can hold, and a person should know of."""
SCALERS = (
    Row(
        "KEDA",
        why="would start the workload from 0 that is held",
        meanwhile="nothing scales that workload there",
        fields=((KEDA_PAUSED, "true"),),
        types=frozenset({"ScaledObject.keda.sh"}),
        first=True,
    ),
    Row(
        "HPA from 0",
        why="with minReplicas 0 it would start the workload from 0 that is held",
        meanwhile="nothing scales that workload there",
        # minReplicas 1 would not do: since 1.36 an HPA that has scaled to 0 itself raises the workload to it.
        fields=((("spec", "behavior", "scaleUp", "selectPolicy"), "Disabled"),),
        types=frozenset({"HorizontalPodAutoscaler.autoscaling"}),
        first=True,
    ),
)
"""What scales a workload is held where that workload is, and only there."""
