"""The table of what may run on one side only; a row per kind of thing, by what it is and never by its name.

Workloads are recognised by image or by flags, since names and labels are a person's; other objects by their API group and kind.
"""

from __future__ import annotations

from typing import NamedTuple

from migrator.model.one_side import Scalar

Path = tuple[str, ...]
_SUSPEND: Path = ("spec", "suspend")
_PAUSED: Path = ("spec", "paused")
KEDA_PAUSED: Path = ("metadata", "annotations", "autoscaling.keda.sh/paused")
REPLICAS: tuple[Path, Scalar] = (("spec", "replicas"), 0)
NODES: tuple[Path, Scalar] = (("spec", "template", "spec", "nodeSelector", "migrator/held"), "one-side")
"""No node has this label: the DaemonSet's controller then deletes its pods."""
WORKLOADS: dict[str, tuple[Path, Scalar]] = {
    "Deployment.apps": REPLICAS,
    "StatefulSet.apps": REPLICAS,
    "ReplicaSet.apps": REPLICAS,
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
    """Sets of flags, each of which only this program has together."""
    words: frozenset[str] = frozenset()
    """One of these must stand among command and arguments, where an image can do several things."""
    first: bool = False
    """Whether it could start others: it is stopped before them, and started after them."""
    held: bool = True
    """Whether it is held; else a person is told."""
    addresses: bool = False
    """Whether it tells the world the addresses of others, and takes one that has none for gone."""


def _kind(name: str, *types: str, path: Path = _SUSPEND, held: Scalar = True, why: str, meanwhile: str, first: bool = False) -> Row:
    return Row(name, why, meanwhile, ((path, held),), frozenset(types), first=first)


_GITOPS = "applies Git's state: it would start on one side what is stopped there, and both would write what they watch back"
_NO_GITOPS = "commits are not applied there"
_BACKUP = "both would write to one place, and delete what the other one keeps"
_NO_BACKUP = "no backup is made there"
KINDS = (
    _kind(
        "CronJob",
        "CronJob.batch",
        why="starts Jobs at set times",
        meanwhile="no run starts there: all start on the other side",
    ),
    _kind("CronWorkflow", "CronWorkflow.argoproj.io", why="starts workflows at set times", meanwhile="no run starts there"),
    _kind("Velero Schedule", "Schedule.velero.io", path=_PAUSED, why=_BACKUP, meanwhile=_NO_BACKUP),
    _kind("ScheduledBackup", "ScheduledBackup.postgresql.cnpg.io", why=_BACKUP, meanwhile=_NO_BACKUP),
    _kind("VolSync", "ReplicationSource.volsync.backube", path=_PAUSED, why=_BACKUP, meanwhile=_NO_BACKUP),
    _kind(
        "Stash",
        "BackupConfiguration.stash.appscode.com",
        "BackupConfiguration.core.kubestash.com",
        path=_PAUSED,
        why=_BACKUP,
        meanwhile=_NO_BACKUP,
    ),
    _kind(
        "Flux",
        "Kustomization.kustomize.toolkit.fluxcd.io",
        "HelmRelease.helm.toolkit.fluxcd.io",
        why=_GITOPS,
        meanwhile=_NO_GITOPS,
        first=True,
    ),
    _kind(
        "Flux image automation",
        "ImageUpdateAutomation.image.toolkit.fluxcd.io",
        why="commits to Git",
        meanwhile="new images are not committed from there",
        first=True,
    ),
    _kind(
        "KEDA ScaledJob",
        "ScaledJob.keda.sh",
        path=KEDA_PAUSED,
        held="true",
        why="starts Jobs for what waits outside",
        meanwhile="no Job starts there",
    ),
    _kind(
        "Chaos Mesh",
        "Schedule.chaos-mesh.org",
        path=("metadata", "annotations", "experiment.chaos-mesh.org/pause"),
        held="true",
        why="starts experiments that break things at set times",
        meanwhile="no experiment starts there",
    ),
    _kind(
        "Cluster API",
        "Cluster.cluster.x-k8s.io",
        path=_PAUSED,
        why="makes and deletes machines: both sides would make those of one cluster",
        meanwhile="no machine is made, changed or deleted from there",
    ),
    Row(
        "CloudNativePG",
        why="two clusters would archive into one place, and each would take writes",
        meanwhile="there is no database there",
        # Hibernation waits until a cluster was healthy once, so it holds no new one; one that is not reconciled keeps its pods.
        fields=(
            (("metadata", "annotations", "cnpg.io/reconciliationLoop"), "disabled"),
            (("metadata", "annotations", "cnpg.io/hibernation"), "on"),
        ),
        types=frozenset({"Cluster.postgresql.cnpg.io"}),
    ),
)
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
PROGRAMS = (
    Row(
        "external-dns",
        why="writes DNS records: each side would take or delete the other's",
        meanwhile="names of new or changed Services and Ingresses there do not get into DNS",
        images=("external-dns",),
        flags=(frozenset({"--source", "--provider", "--registry"}), frozenset({"--source", "--provider", "--txt-owner-id"})),
        addresses=True,
    ),
    Row(
        "cert-manager",
        why="orders certificates: Let's Encrypt gives five a week for one set of names",
        meanwhile="certificates there are neither issued nor renewed; those that were copied are used",
        images=("cert-manager-controller",),
        flags=(frozenset({"--acme-http01-solver-image"}),),
    ),
    Row(
        "MetalLB speaker",
        why="announces addresses to the network: both sides would answer for one address",
        meanwhile="no address is announced from there; its controller runs: it answers a webhook and announces nothing",
        images=("metallb/speaker", "metallb-speaker"),
    ),
    Row(
        "FRR-K8s",
        why="announces routes by BGP: both sides would announce one address, and the objects that say which are copied",
        meanwhile="no route is announced from there",
        images=("metallb/frr-k8s",),
        words=frozenset({"frr-k8s"}),
    ),
    Row(
        "kube-vip",
        why="announces addresses to the network: both sides would answer for one address",
        meanwhile="no address is announced from there",
        images=("kube-vip",),
    ),
    Row(
        "PureLB",
        why="announces addresses to the network: both sides would answer for one address",
        meanwhile="no address is announced from there",
        images=("purelb/lbnodeagent",),
    ),
    Row(
        "cloud controller",
        why="makes and deletes load balancers and routes in the cloud account",
        meanwhile="load balancers there are neither made nor changed; new nodes stay tainted until it runs",
        images=(
            "*cloud-controller-manager",
            "kube-vip-cloud-provider",
            "aws-load-balancer-controller",
            "aws-alb-ingress-controller",
        ),
    ),
    Row(
        "tunnel",
        why="takes traffic from its network as soon as it runs",
        meanwhile="no traffic arrives there through the tunnel",
        images=("cloudflare/cloudflared",),
    ),
    Row(
        "node autoscaler",
        why="makes and deletes machines in the cloud account; both sides may count the same node group",
        meanwhile="no node is added or removed there",
        images=("cluster-autoscaler", "cluster-autoscaler-*", "karpenter/controller"),
    ),
    Row(
        "outside resources",
        why="makes and deletes databases, buckets and the like outside: both sides would, by the same objects",
        meanwhile="what is asked for there is neither made nor deleted outside",
        images=(
            "crossplane/crossplane",
            "upbound/crossplane",
            "crossplane-contrib/provider-*",
            "upbound/provider-*",
            "aws-controllers-k8s/*-controller",
            "azureserviceoperator",
            "cnrm/controller",
            "hcp-terraform-operator",
            "terraform-cloud-operator",
            "pulumi-kubernetes-operator",
            "tf-controller",
            "tofu-controller",
        ),
    ),
    Row(
        "Velero",
        why=_BACKUP,
        meanwhile="backups and restores that are asked for there wait",
        images=("velero/velero", "bitnami/velero", "bitnamilegacy/velero"),
        words=frozenset({"server"}),
    ),
    Row(
        "Argo CD",
        why=_GITOPS,
        meanwhile=_NO_GITOPS,
        words=frozenset({"argocd-application-controller", "argocd-applicationset-controller"}),
        images=("argocd", "argo-cd"),
        first=True,
    ),
    Row(
        "Argo CD notifications",
        why="sends messages: both sides would tell of the same application",
        meanwhile="no message is sent from there",
        words=frozenset({"argocd-notifications-controller", "argocd-notifications"}),
        images=("argocd", "argo-cd"),
    ),
    Row(
        "Argo CD Image Updater",
        why="commits to Git",
        meanwhile="new images are not committed from there",
        images=("argocd-image-updater",),
        first=True,
    ),
    Row(
        "descheduler",
        why="evicts pods of its own cluster; during the migration it may move pods while they are checked",
        meanwhile="",
        images=("descheduler",),
        held=False,
    ),
)
