"""What was read of a cluster and its hosts before an upgrade; checks are made from this alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from migrator.model.host import HostFacts
from migrator.model.kubelet import settings_after
from migrator.model.kubelet_files import KubeletFiles
from migrator.model.manifest import Manifest, merged
from migrator.model.named_files import FileReading
from migrator.model.patches import PatchReading
from migrator.model.short_names import ShortNames
from migrator.model.upgrade import DrainRules, Hop
from migrator.model.version import Version


class Certificate(NamedTuple):
    """A certificate on a host."""

    path: str
    not_after: float
    """Seconds since 1970."""
    authority: bool
    not_before: float = 0.0
    """Seconds since 1970."""
    renewed: bool = True
    """Whether an upgrade renews it: kubeadm has made it, and the key of its authority is there."""
    hint: str = ""
    """How it is renewed, where not by kubeadm."""
    unreadable: bool = False
    """Whether the file that should hold it is not there, empty or broken."""


class Member(NamedTuple):
    """A member of etcd."""

    name: str
    version: str
    learner: bool
    healthy: bool
    problem: str = ""
    """What it says is wrong with it."""
    size: int = 0
    """Bytes of its data."""
    quota: int = 0
    """Bytes at which it takes no more writes; 0 where it does not tell, as before 3.6."""


class WeaveChange(NamedTuple):
    """What a roll-out of Weave Net's images changes."""

    before: str
    """The router's image."""
    after: str
    backend_told: bool
    """Whether the DaemonSet says which back end of iptables to take (IPTABLES_BACKEND)."""


class Refusal(NamedTuple):
    """What kubeadm said no to."""

    asked: str
    """The command that was asked."""
    check: str
    """kubeadm's own name of the check, which `ignorePreflightErrors` takes; empty where it names none."""
    reason: str


@dataclass(slots=True, frozen=True)
class KubeadmReading:
    """What the kubeadm of the versions on the way tells."""

    gates: frozenset[str] = frozenset()
    """Feature gates that the target's kubeadm knows; empty where it could not be asked."""
    refusals: tuple[Refusal, ...] = ()
    etcd: Mapping[str, str] = field(default_factory=dict)
    """Hop to the version of etcd that it brings."""
    plan: str = ""
    """What the first hop's kubeadm says to `upgrade plan`, in its own words."""


@dataclass(slots=True, frozen=True)
class HostReading:
    """What one host tells, or why it cannot be asked."""

    name: str
    role: str
    error: str = ""
    hint: str = ""
    facts: HostFacts = field(default_factory=HostFacts)
    installed: Mapping[str, str] = field(default_factory=dict)
    """Package to version."""
    kubelet_program: str = ""
    """Path of the program that its unit starts, and the package that the path belongs to, if any; empty: not known."""
    kubelet: Mapping[str, Any] = field(default_factory=dict)
    """Its KubeletConfiguration."""
    manifests: Mapping[str, Manifest] = field(default_factory=dict)
    """Static pods by component."""
    other_files: Mapping[str, Manifest] = field(default_factory=dict)
    """What else lies in the folder of the static pods, by file name; the kubelet runs each as a pod, whatever it is called."""
    missing: tuple[str, ...] = ()
    """Files and folders that the cluster's settings give to its static pods, and that are not here."""
    named_files: tuple[FileReading, ...] = ()
    """What flags of its static pods name, now and by the cluster's settings."""
    certificates: tuple[Certificate, ...] = ()
    files: KubeletFiles = field(default_factory=KubeletFiles)
    """What else lies beside its kubelet's settings."""
    short_names: ShortNames = field(default_factory=ShortNames)
    """Where its CRI-O takes images from that name no registry."""
    edited: tuple[str, ...] = ()
    """Lines of the static pods that kubeadm would not have written."""
    compared: bool = True
    """Whether kubeadm could tell."""
    state: Mapping[str, str] = field(default_factory=dict)
    """Setting of a resource manager of the kubelet to the policy that its state file was written under."""
    unreadable_state: tuple[str, ...] = ()
    """State files of the kubelet that are empty or broken."""
    no_plugins: tuple[str, ...] = ()
    """CNI plugins that the pod network's configuration names and that are not on the host."""
    oci_runtime: tuple[str, str] = ("", "")
    """By which program its CRI-O runs containers, and the one that a file says which counts more than that of the package."""
    write_seconds: float = 0.0
    """Within which 99 of 100 writes of etcd are on its disk, as its buckets tell; 0: not told, inf: beyond the last one."""
    cpus: tuple[str, str] = ("", "")
    """CPUs in the state file of a static CPU manager, and those that are online, as cpuset(7) lists them."""
    flags: Mapping[str, str] = field(default_factory=dict)
    """What its kubelet was started with."""
    flags_of_kubeadm: frozenset[str] = frozenset()
    """Those of them that are in kubeadm's own file alone."""
    kept: Mapping[str, Any] = field(default_factory=dict)
    """Settings of its kubelet by drop-in files and flags: they count more than its file, and no upgrade touches them."""
    refused: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Program of Kubernetes to why the target's would not start with the settings and feature gates that it has here."""
    left_out: tuple[str, ...] = ()
    """Settings of the kubelet that the target's does not know."""
    unknown_flags: tuple[str, ...] = ()
    """Flags of this kubelet that the target's does not know."""

    @property
    def in_force(self) -> dict[str, Any]:
        """The settings of its kubelet as it runs."""
        return merged(self.kubelet, self.kept)


@dataclass(slots=True, frozen=True)
class StaleUse:
    """An object that a client still writes at a version that is removed."""

    subject: str
    api_version: str
    manager: str


@dataclass(slots=True, frozen=True)
class ClusterReading:
    """What the API server tells."""

    version: Version
    nodes: tuple[Manifest, ...] = ()
    pods: tuple[Manifest, ...] = ()
    budgets: tuple[Manifest, ...] = ()
    deployments: tuple[Manifest, ...] = ()
    stateful_sets: tuple[Manifest, ...] = ()
    replica_sets: tuple[Manifest, ...] = ()
    daemon_sets: tuple[Manifest, ...] = ()
    definitions: tuple[Manifest, ...] = ()
    webhooks: tuple[Manifest, ...] = ()
    volumes: tuple[Manifest, ...] = ()
    kubelet_config: Mapping[str, Any] = field(default_factory=dict)
    """The KubeletConfiguration of ConfigMap kubelet-config."""
    cluster_config: Mapping[str, Any] = field(default_factory=dict)
    """kubeadm's ClusterConfiguration."""
    served: frozenset[str] = frozenset()
    """`group/version/Kind` that the server serves."""
    counts: Mapping[str, int] = field(default_factory=dict)
    """`group/version/Kind` of what goes away to how many objects there are."""
    requested: Mapping[str, str] = field(default_factory=dict)
    """`group/version resource` that clients asked for since the API server began, to the minor that removes it."""
    stale: tuple[StaleUse, ...] = ()
    backends: Mapping[str, int] = field(default_factory=dict)
    """`namespace/name` of Services behind webhooks to their ready endpoints."""
    proxy_config: Mapping[str, Any] = field(default_factory=dict)
    """The KubeProxyConfiguration of ConfigMap kube-proxy."""
    system_labels: Mapping[str, str] = field(default_factory=dict)
    """Labels of namespace kube-system."""
    missing_addons: frozenset[str] = frozenset()
    """kube-proxy and coredns, where they are not there, or are not those that kubeadm has brought."""
    evictions: Mapping[str, str] = field(default_factory=dict)
    """UID of a pod to what a dry run of its eviction was answered, empty where it is granted; pods that were not asked for miss."""
    unread: tuple[str, ...] = ()
    """What could not be read, each with its reason."""


@dataclass(slots=True, frozen=True)
class UpgradeFacts:
    """All that the checks of an upgrade may look at."""

    cluster: ClusterReading
    hosts: tuple[HostReading, ...]
    members: tuple[Member, ...]
    """Of a stacked etcd; empty where it is elsewhere."""
    local_etcd: bool
    hops: tuple[Hop, ...]
    available: Mapping[str, tuple[str, ...]]
    """Package to versions that the source has, for the hosts' architecture."""
    drain: DrainRules
    now: float
    """Seconds since 1970."""
    patches: frozenset[str] = frozenset()
    """Names of the person's patches."""
    kubelet_patch: Mapping[str, Any] | None = field(default_factory=dict)
    """What the person's patches set of every kubelet; None where they are of a kind that is not worked out here."""
    patched: PatchReading = field(default_factory=PatchReading)
    """What those patches hold."""
    kubeadm: KubeadmReading = field(default_factory=KubeadmReading)
    weave: WeaveChange | None = None
    """What a hop changes of Weave Net; None: nothing, or it is not the pod network."""

    def settings_after(self, host: HostReading) -> dict[str, Any] | None:
        """Return the settings of a host's kubelet after the upgrade, None where nobody can tell."""
        return settings_after(self.cluster.kubelet_config, self.kubelet_patch, host.kubelet, host.kept) if self.hops else None

    @property
    def to_drain(self) -> tuple[str, ...]:
        """Names of the nodes that will be drained, in order: the file's, or where no hosts were read the cluster's."""
        return tuple(host.name for host in self.hosts) or tuple(node["metadata"]["name"] for node in self.cluster.nodes)
