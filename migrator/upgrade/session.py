"""The ports of one upgrade in place, and what several of its verbs do with them."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from migrator.cluster.drain import cordon
from migrator.config.stack import WeaveConfig
from migrator.errors import ApiError, BlockedError, HostError, MigratorError
from migrator.journal.ledger import Ledger
from migrator.journal.records.upgrade import Cordoned, StepEnded, StepStarted, Uncordoned, UpgradeRecord
from migrator.model.events import Note, Step
from migrator.model.kinds import CONFIG_MAPS, NODES
from migrator.model.manifest import Manifest, get
from migrator.model.strange import STRANGE
from migrator.model.upgrade import Hop, NodeSummary, StepId, StepTime
from migrator.model.yaml_text import mapping
from migrator.nodes.action import converge
from migrator.nodes.await_ready import is_ready
from migrator.nodes.hop.actions import HopAction, HopSpec
from migrator.nodes.hop.etcd_members import has_local_etcd
from migrator.nodes.machine import is_machine, require_same_machine
from migrator.nodes.runtime import image_sources
from migrator.nodes.spec import ClusterSpec, NodeSpec
from migrator.ports import Clock, HeldLock, Host, Reporter, UpgradeCluster
from migrator.readiness.hosts import machine_of
from migrator.upgrade.stage import Step as HopStep
from migrator.upgrade.state import Status, UpgradeState
from migrator.upgrade.steps import Progress, control_plane_steps, hop_steps, pending


@dataclass(slots=True)
class UpgradeSession:
    """One cluster, reached through its API server and its hosts."""

    cluster: UpgradeCluster
    hosts: Mapping[str, Host]
    nodes: tuple[NodeSpec, ...]
    """Control planes first, the one that kubeadm began with before the others."""
    spec: ClusterSpec
    """The cluster as the person's file has it."""
    ledger: Ledger[UpgradeRecord, UpgradeState]
    reporter: Reporter
    clock: Clock
    holder: str
    """Who holds the lock on the cluster during a run: `user@host/pid`."""
    patches: tuple[tuple[str, bytes], ...] = ()
    weave: WeaveConfig | None = None
    """Registry and version of Weave Net's images, where it is the pod network."""
    records: tuple[StepTime, ...] = ()
    """Times of steps in earlier upgrades."""
    make_steps: Callable[[Hop, HopSpec, Sequence[NodeSpec]], tuple[HopStep, ...]] = hop_steps
    lock: HeldLock | None = None
    """The lock on the cluster during a run."""
    _local_etcd: bool | None = None
    _machines: dict[str, str] | None = None
    _image_sources: Mapping[str, Any] | None = None
    # Nodes whose hosts were seen to be the machines that they were.
    _proven: set[str] = field(default_factory=set)

    @property
    def first(self) -> NodeSpec:
        """The control plane that kubeadm upgrades first."""
        return self.nodes[0]

    @property
    def control_plane_host(self) -> Host:
        """Its host, whose kubectl the node actions use."""
        return self.hosts[self.first.name]

    @property
    def control_planes(self) -> tuple[NodeSpec, ...]:
        """All control planes."""
        return tuple(node for node in self.nodes if node.role == "control-plane")

    @property
    def workers(self) -> tuple[NodeSpec, ...]:
        """All workers."""
        return tuple(node for node in self.nodes if node.role == "worker")

    @property
    def state(self) -> UpgradeState:
        """Where the upgrade stands now."""
        return self.ledger.state

    def write(self, record: UpgradeRecord) -> None:
        """Write a record before or after a change; raises JournalError."""
        self.ledger.write(record)

    def say(self, text: str) -> None:
        """Show a line."""
        self.reporter.emit(Step(text))

    def detail(self, text: str) -> None:
        """Show what goes on within a step."""
        self.reporter.emit(Note(text))

    @property
    def local_etcd(self) -> bool:
        """Whether kubeadm runs etcd on the control planes, its default; the host is asked once."""
        if self._local_etcd is None:
            try:
                self._local_etcd = has_local_etcd(self.control_plane_host)
            except HostError:
                return True
        return self._local_etcd

    def hop_spec(self, hop: Hop) -> HopSpec:
        """Return a hop as the node actions take it."""
        return HopSpec(
            dataclasses.replace(
                self.spec, kubernetes_version=str(hop.target), packages=hop.packages, image_sources=self.image_sources
            ),
            self.state.saved_as(hop),
            applied=hop.key in self.state.applied,
            patches=self.patches,
            local_etcd=self.local_etcd,
            control_plane_host=self.control_plane_host,
            say=self.detail,
            alone=len(self.control_planes) == 1,
            emulated=hop.emulated,
        )

    @property
    def image_sources(self) -> Mapping[str, Any]:
        """What the cluster's own ClusterConfiguration says of images, asked once; nothing while it does not answer."""
        if self._image_sources is None:
            try:
                found = self.cluster.get(CONFIG_MAPS, "kube-system", "kubeadm-config")
                self._image_sources = image_sources(mapping(get(found, "data", "ClusterConfiguration") or ""))
            except (ApiError, *STRANGE):
                # What is strange in it is a finding; kubeadm's own images are asked for then.
                return {}
        return self._image_sources

    def steps(self, hop: Hop) -> tuple[HopStep, ...]:
        """Return the list of a hop: what a plan shows and a run executes."""
        return self.make_steps(hop, self.hop_spec(hop), self.nodes)

    def steps_left(self, hop: Hop) -> tuple[HopStep, ...]:
        """Return the steps of a hop that are left now; raises HostError when a control plane cannot be asked."""
        steps = self.steps(hop)
        control_planes = [(step.node, step.actions) for step in control_plane_steps(steps)]
        done = all(action.done(self.hosts[node.name]) for node, actions in control_planes if node for action in actions)
        applied = self.state.open and hop.key in self.state.applied
        finishing = self.state.open and hop.key in self.state.finishing
        return pending(steps, Progress(applied=applied, finishing=finishing, control_plane_done=bool(control_planes) and done))

    def converge(self, node: NodeSpec, actions: Sequence[HopAction], *, hop: Hop) -> list[str]:
        """Run what a node still needs; each step is recorded before it is made. Raises MigratorError."""
        self.require_machine(node)

        @contextmanager
        def around(_host: Host, action: HopAction) -> Iterator[None]:
            if self.lock:
                self.lock.check()  # a step may be the one for which the API server is down: it is not asked
            begun = self.clock.monotonic()
            key, name, role = hop.key, node.name, node.role
            changes = action.id in (StepId.CONTROL_PLANE_FIRST, StepId.EMULATING_FIRST)
            self.write(StepStarted(hop=key, node=name, role=role, action=action.name, id=action.id, changes_control_plane=changes))
            yield
            seconds = round(self.clock.monotonic() - begun, 2)
            self.write(StepEnded(hop=key, node=name, role=role, action=action.name, id=action.id, seconds=seconds))

        return converge(self.hosts[node.name], actions, self.say, around)

    def require_machine(self, node: NodeSpec) -> None:
        """Raise BlockedError when a node's address leads to another machine; asked once, before anything is done to it.

        While an upgrade is under way, what the journal says of its beginning is proof without the API server, which may be
        away; else the cluster's word counts. Where neither knows the machine, it is not asked for.
        """
        if node.name in self._proven:
            return
        host, begun = self.hosts[node.name], self._begun_with(node)
        if not (begun and is_machine(host, begun)):
            known = self.machines.get(node.name) or begun
            if known:
                require_same_machine(host, known)
        self._proven.add(node.name)

    def _begun_with(self, node: NodeSpec) -> str:
        under_way = self.state.status in (Status.RUNNING, Status.ROLLING_BACK)
        return self.state.machines.get(node.name, "") if under_way else ""

    def is_same_machine(self, node: NodeSpec) -> bool:
        """Return whether nothing speaks against a node's host being the machine that it was; False where it cannot be asked."""
        try:
            self.require_machine(node)
        except (BlockedError, HostError):
            return False
        return True

    @property
    def machines(self) -> Mapping[str, str]:
        """Node to machine-id as the cluster tells them, which is asked once; empty while it does not answer."""
        if self._machines is None:
            try:
                found = {item["metadata"]["name"]: machine_of(item) for item in self.cluster.list(NODES)}
            except ApiError:
                found = {}
            self._machines = {name: machine for name, machine in found.items() if machine}
        return self._machines

    def cordon(self, node: str) -> None:
        """Take a node out of scheduling, remembering whether it was a person who had done so."""
        found = self.cluster.get(NODES, "", node)
        if not get(found, "spec", "unschedulable"):
            self.write(Cordoned(node))
            cordon(self.cluster, node)

    def uncordon(self, node: str) -> None:
        """Let a node back in that this tool has cordoned; a person's own cordon stays."""
        if node in self.state.cordoned:
            cordon(self.cluster, node, on=False)
            self.write(Uncordoned(node))

    def summary(self) -> tuple[NodeSummary, ...]:
        """Return all nodes as the cluster sees them, in the order of the file; empty while it does not answer."""
        try:
            found = {item["metadata"]["name"]: item for item in self.cluster.list(NODES)}
        except ApiError:
            return ()
        return tuple(summarised(node, found[node.name]) for node in self.nodes if node.name in found)

    def show_nodes(self) -> None:
        """Show them, as `kubectl get nodes` does."""
        for item in self.summary():
            self.detail(item.line)


def summarised(node: NodeSpec, found: Manifest) -> NodeSummary:
    """Return a node in short."""
    info = get(found, "status", "nodeInfo") or {}
    return NodeSummary(
        node.name,
        node.role,
        str(info.get("kubeletVersion", "")).removeprefix("v"),
        is_ready(found),
        bool(get(found, "spec", "unschedulable")),
        str(info.get("containerRuntimeVersion", "")),
    )


def require_version(session: UpgradeSession, version: str) -> None:
    """Raise MigratorError unless the API server is of this version."""
    found = session.cluster.version()[2]
    if found != f"v{version}":
        raise MigratorError(
            f"the API server is {found}, not v{version}, although kubeadm succeeded",
            hint="is another control plane behind this address? See `kubectl -n kube-system get pods -l component=kube-apiserver`",
        )
