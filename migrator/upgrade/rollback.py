"""The way back: what a rollback cannot bring back, and the last hop taken back from what was saved before it."""

from __future__ import annotations

from collections.abc import Iterable

from migrator.errors import BlockedError
from migrator.journal.records.upgrade import HopRollbackEnded, HopRollbackStarted
from migrator.model.events import Note
from migrator.model.upgrade import Hop, NodeSummary
from migrator.model.version import parse_version
from migrator.nodes.action import Action
from migrator.nodes.hop import rollback
from migrator.nodes.hop.etcd import ETCDUTL, EtcdRestored, Snapshot
from migrator.nodes.hop.kubeadm import KubeletRestarted
from migrator.nodes.packages import Packages
from migrator.nodes.spec import NodeSpec
from migrator.upgrade.session import UpgradeSession
from migrator.upgrade.settling import settle
from migrator.upgrade.state import Status


def note_cannot_be_undone(session: UpgradeSession, hops: Iterable[Hop]) -> None:
    """Say what a rollback cannot bring back, before a hop begins."""
    for text in cannot_be_undone(tuple(hops), len(session.control_planes)):
        session.reporter.emit(Note(text, warning=True))


def cannot_be_undone(hops: tuple[Hop, ...], control_planes: int) -> list[str]:
    """Return what a rollback cannot bring back."""
    found = ["after a rollback, what was written to the cluster since the hop's snapshot is gone; volumes are not touched"]
    if len(hops) > 1:
        found.append(f"a rollback takes back the last hop only ({hops[-1].start} → {hops[-1].target}), not the ones before it")
    if control_planes > 1:
        found.append("a rollback stops all control planes at once while etcd is restored")
    if len({hop.packages.get("cri-o") for hop in hops}) > 1:
        found.append("CRI-O stays at its new version")
    return found


def rollback_hop(session: UpgradeSession) -> Hop:
    """Return the hop that a rollback takes back; raises BlockedError when none has changed the control plane."""
    hop = session.state.last_applied
    if session.state.status in (Status.ROLLED_BACK, Status.NONE) or hop is None:
        raise BlockedError("no hop has changed the control plane: there is nothing to take back", hint="`migrator upgrade abort`")
    snapshot = Snapshot(session.state.saved_as(hop), begun=True)
    if not snapshot.done(session.through) or not snapshot.intact(session.through):
        raise BlockedError(
            f"the snapshot of before this hop, {snapshot.folder} on {session.first.name}, is not there or not whole",
            hint="nothing was stopped; kubeadm's own copy of etcd may lie in /etc/kubernetes/tmp there",
        )
    return hop


def roll_back(session: UpgradeSession) -> tuple[NodeSummary, ...]:
    """Take the last hop back: etcd, control plane and kubelets as they were before it; run again, it goes on.

    What was written to the cluster since the snapshot is lost: the caller has said so.
    """
    hop = rollback_hop(session)
    if session.state.status is not Status.ROLLING_BACK:
        session.write(HopRollbackStarted(hop.key))
    saved = session.state.saved_as(hop)
    snapshot = Snapshot(saved, begun=True)
    before = _packages_before(session, hop)
    peers = [(node.name, node.address) for node in session.control_planes]
    session.say(f"taking hop {hop.start} → {hop.target} back")
    _spread_snapshot(session, snapshot)
    stopped: list[tuple[NodeSpec, list[Action]]] = [
        (node, [rollback.ControlPlaneStopped(snapshot)]) for node in session.control_planes
    ]
    restored: list[tuple[NodeSpec, list[Action]]] = [
        (node, [before, rollback.SettingsRestored(saved), EtcdRestored(snapshot, node.name, node.address, peers)])
        for node in session.control_planes
    ]
    for node, actions in [*stopped, *restored]:
        session.converge(node, actions, hop=hop)
    started = rollback.ControlPlaneStarted(str(hop.start))
    # With several members etcd answers once most of them run: all kubelets first, then the waiting.
    for node in session.control_planes[1:]:
        session.hosts[node.name].run("systemctl restart kubelet")
    for node in session.control_planes:
        session.converge(node, [started], hop=hop)
    for node in session.workers:
        if _went_along(session, node, saved):
            session.converge(node, [before, rollback.SettingsRestored(saved), rollback.KubeletBack(str(hop.start), saved)], hop=hop)
    for node in session.nodes:
        version = _version_before(session, node, hop)
        session.converge(node, [KubeletRestarted(node, version, session.through)], hop=hop)
    for name in sorted(session.state.cordoned):
        session.uncordon(name)
    for node in session.nodes:
        settle(session, node, frozenset())
    session.write(HopRollbackEnded())
    return session.summary()


def _packages_before(session: UpgradeSession, hop: Hop) -> Packages:
    """Return Kubernetes' package of before; CRI-O and its kin stay: an older Kubernetes runs on a newer CRI-O."""
    return Packages({"kubernetes": str(hop.start)}, session.spec.package_source, older=True)


def _went_along(session: UpgradeSession, node: NodeSpec, saved: str) -> bool:
    """Return whether a worker's settings were saved in this hop: only then has it been touched."""
    return session.hosts[node.name].ok(f"test -s /var/lib/migrator/snapshots/{saved}/settings.tar.gz")


def _version_before(session: UpgradeSession, node: NodeSpec, hop: Hop) -> str:
    installed = session.hosts[node.name].run("pacman -Q kubernetes | cut -d' ' -f2 | cut -d- -f1").strip()
    return str(parse_version(installed)) if installed else str(hop.start)


def _spread_snapshot(session: UpgradeSession, snapshot: Snapshot) -> None:
    """Bring the one snapshot, and the program that restores it, to all members while everything still runs.

    Each restores its own data folder from it (etcd.io: disaster recovery).
    """
    files = {f"{snapshot.folder}/etcd.db": 0o600, f"{snapshot.folder}/status.json": 0o600, ETCDUTL: 0o755}
    for node in session.control_planes[1:]:
        host = session.hosts[node.name]
        for path, mode in files.items():
            if not host.ok(f"test -s {path}"):
                host.write(path, session.through.read(path), mode=mode)
