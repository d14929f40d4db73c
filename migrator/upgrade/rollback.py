"""Reverse the last hop from what was saved before it, and say what a rollback cannot restore."""

from __future__ import annotations

from collections.abc import Iterable

from migrator.errors import BlockedError
from migrator.journal.records.upgrade import HopRollbackEnded, HopRollbackStarted
from migrator.model.events import Note
from migrator.model.upgrade import Hop, NodeSummary, StepId
from migrator.nodes.hop import rollback
from migrator.nodes.hop.actions import HopAction
from migrator.nodes.hop.etcd import ETCDUTL, EtcdRestored, SettingsSaved, Snapshot
from migrator.nodes.hop.kubeadm import KubeletRestarted
from migrator.nodes.packages import Packages, installed_version
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
    if not snapshot.done(session.control_plane_host) or not snapshot.intact(session.control_plane_host):
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
    session.say(f"taking hop {hop.start} → {hop.target} back")
    _spread_snapshot(session, snapshot)
    _restore_control_planes(session, hop, snapshot, before)
    for node in session.workers:
        if SettingsSaved(saved).done(session.hosts[node.name]):  # only then was it changed in this hop
            kubelet = HopAction(StepId.KUBELET_RESTORED, rollback.KubeletBack(str(hop.start), saved))
            session.converge(node, [*_node_restored(before, saved), kubelet], hop=hop)
    for node in session.nodes:
        version = installed_version(session.hosts[node.name], "kubernetes") or str(hop.start)
        restarted = KubeletRestarted(node, version, session.control_plane_host)
        session.converge(node, [HopAction(StepId.KUBELET_RESTARTED, restarted)], hop=hop)
    for name in sorted(session.state.cordoned):
        session.uncordon(name)
    for node in session.nodes:
        settle(session, node, frozenset())
    session.write(HopRollbackEnded())
    return session.summary()


def _packages_before(session: UpgradeSession, hop: Hop) -> Packages:
    """Return Kubernetes' package of before; CRI-O and its kin stay: an older Kubernetes runs on a newer CRI-O."""
    return Packages({"kubernetes": str(hop.start)}, session.spec.package_source, allow_downgrade=True)


def _restore_control_planes(session: UpgradeSession, hop: Hop, snapshot: Snapshot, before: Packages) -> None:
    """Stop all control planes, restore etcd and settings on each, and start them."""
    peers = [(node.name, node.address) for node in session.control_planes]
    for node in session.control_planes:
        session.converge(node, [HopAction(StepId.CONTROL_PLANE_STOPPED, rollback.ControlPlaneStopped(snapshot))], hop=hop)
    for node in session.control_planes:
        etcd = EtcdRestored(snapshot, node.name, node.address, peers)
        restored = [*_node_restored(before, snapshot.hop), HopAction(StepId.ETCD_RESTORED, etcd)]
        session.converge(node, restored, hop=hop)
    # With several members etcd answers once most of them run: all kubelets first, then the wait.
    for node in session.control_planes[1:]:
        rollback.restart_kubelet(session.hosts[node.name])
    for node in session.control_planes:
        started = rollback.ControlPlaneStarted(str(hop.start))
        session.converge(node, [HopAction(StepId.CONTROL_PLANE_STARTED, started)], hop=hop)


def _node_restored(before: Packages, saved: str) -> list[HopAction]:
    return [
        HopAction(StepId.PACKAGES, before),
        HopAction(StepId.SETTINGS_RESTORED, rollback.SettingsRestored(saved)),
    ]


def _spread_snapshot(session: UpgradeSession, snapshot: Snapshot) -> None:
    """Bring the one snapshot, and the program that restores it, to all members while everything still runs.

    Each restores its own data folder from it (etcd.io: disaster recovery).
    """
    files = {f"{snapshot.folder}/etcd.db": 0o600, f"{snapshot.folder}/status.json": 0o600, ETCDUTL: 0o755}
    for node in session.control_planes[1:]:
        host = session.hosts[node.name]
        for path, mode in files.items():
            if not host.ok(f"test -s {path}"):
                host.write(path, session.control_plane_host.read(path), mode=mode)
