"""Reverse the last hop from what was saved before it, and say what a rollback cannot restore."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from migrator.errors import BlockedError, JournalError, MigratorError
from migrator.journal.records.upgrade import HopRollbackEnded, HopRollbackStarted
from migrator.model.events import Note
from migrator.model.upgrade import Hop, RollbackResult, StepId
from migrator.nodes.hop import rollback
from migrator.nodes.hop.actions import HopAction
from migrator.nodes.hop.etcd import SettingsSaved, Snapshot
from migrator.nodes.hop.etcd_restore import EtcdRestored, require_restorable, require_tool, saved_member
from migrator.nodes.hop.kubeadm import KubeletRestarted
from migrator.nodes.packages import Packages, installed_version
from migrator.nodes.spec import NodeSpec
from migrator.upgrade.cleaning import clean_hosts
from migrator.upgrade.put_back import put_back
from migrator.upgrade.running import alone, await_running
from migrator.upgrade.session import UpgradeSession
from migrator.upgrade.settling import settle
from migrator.upgrade.state import Status

_STATUS = "`migrator upgrade status` shows where things stand"


def note_cannot_be_undone(session: UpgradeSession, hops: Iterable[Hop]) -> None:
    """Say what a rollback cannot bring back, before a hop begins."""
    for text in cannot_be_undone(tuple(hops), len(session.control_planes)):
        session.reporter.emit(Note(text, warning=True))


def cannot_be_undone(hops: tuple[Hop, ...], control_planes: int) -> list[str]:
    """Return what a rollback cannot bring back; a hop that is not planned yet emulates nothing, as far as is known."""
    lost = "what was written to the cluster since the hop's snapshot is gone; volumes are not touched"
    two_steps = bool(hops) and all(hop.emulated for hop in hops)
    until = "until a hop is finished a rollback loses nothing; after that, " if two_steps else "after a rollback, "
    found = [f"{until}{lost}"]
    found += [
        f"{hop.start} → {hop.target} emulates {hop.emulated} first: until it is finished a rollback loses nothing"
        for hop in hops
        if hop.emulated and not two_steps
    ]
    if len(hops) > 1:
        found.append(f"a rollback takes back the last hop only ({hops[-1].start} → {hops[-1].target}), not the ones before it")
    if control_planes > 1:
        found.append("a rollback stops all control planes at once while etcd is restored")
    # An older Kubernetes runs on a newer CRI-O, but settings and images of now may not suit an older one.
    if len({hop.packages.get("cri-o") for hop in hops}) > 1:
        found.append("CRI-O stays at its new version")
    return found


def rollback_hop(session: UpgradeSession, *, from_snapshot: bool = False) -> Hop:
    """Return the hop that a rollback takes back; raises BlockedError when none has changed the control plane.

    Its snapshot must be there, unless the old control plane can go on with the etcd that runs.
    """
    hop = session.state.last_applied
    if session.state.status is Status.ROLLED_BACK:
        raise BlockedError("the last hop has been taken back, and there is nothing to take back beyond it", hint=_STATUS)
    if session.state.status is Status.NONE or hop is None:
        ends = "`migrator upgrade abort` ends the upgrade where it is"
        raise BlockedError(
            "no hop has changed the control plane: there is nothing to take back",
            hint=ends if session.state.open else _STATUS,
        )
    if session.state.in_window(hop) and not from_snapshot:
        return hop
    snapshot = Snapshot(session.state.saved_as(hop), begun=True)
    if not snapshot.done(session.control_plane_host) or not snapshot.intact(session.control_plane_host):
        raise BlockedError(
            f"the snapshot taken before this hop, {snapshot.folder} on {session.first.name}, is missing or damaged",
            hint="nothing was stopped; kubeadm's own copy of etcd may lie in /etc/kubernetes/tmp there",
        )
    return hop


def roll_back(session: UpgradeSession, *, end_running: bool = False, from_snapshot: bool = False) -> RollbackResult:
    """Take the last hop back: etcd, control plane and kubelets as they were before it; run again, it goes on.

    While the control plane emulates the old minor nothing is lost, unless the snapshot is asked for. Else what was written to
    the cluster since the snapshot is lost: the caller has said so. Raises BlockedError while another run holds the cluster's
    lock. What still runs on hosts is waited for, or ended. Workers that cannot be taken back do not keep the others from it;
    the rollback ends once they are.
    """
    hop = rollback_hop(session, from_snapshot=from_snapshot)
    if session.state.in_window(hop) and not from_snapshot:
        return put_back(session, hop, end_running=end_running)
    snapshot = Snapshot(session.state.saved_as(hop), begun=True)
    before = _packages_before(session, hop)
    with alone(session) as lock:
        await_running(session, end=end_running, required=session.control_planes)
        _require_restorable(session, snapshot)
        if session.state.status is not Status.ROLLING_BACK or session.state.in_window(hop):
            session.write(HopRollbackStarted(hop.key, from_snapshot=from_snapshot))
        session.say(f"taking hop {hop.start} → {hop.target} back")
        _spread_snapshot(session, snapshot)
        # Last check before the point of no return: the Lease is in the etcd that is stopped now.
        if lock:
            lock.check()
        _stop_control_planes(session, hop, snapshot)
    _restore_control_planes(session, hop, snapshot, before)
    left = _restore_workers(session, hop, snapshot.hop, before)
    for node in session.control_planes:
        _restart_kubelet(session, hop, node)
    left |= _restart_workers(session, hop, left)
    # After the kubelets: a node takes pods once its old kubelet serves it.
    for name in sorted(session.state.cordoned - left.keys()):
        session.uncordon(name)
    for node in session.nodes:
        if node.name not in left:
            settle(session, node, frozenset())
    if not left:
        session.write(HopRollbackEnded())
        clean_hosts(session)
    return RollbackResult(session.summary(), tuple(left.values()))


def _packages_before(session: UpgradeSession, hop: Hop) -> Packages:
    """Return Kubernetes' package of before; CRI-O and its kin stay: an older Kubernetes runs on a newer CRI-O."""
    spec = session.spec
    return Packages({"kubernetes": str(hop.start)}, spec.package_source, allow_downgrade=True, trust=spec.package_trust)


def _stop_control_planes(session: UpgradeSession, hop: Hop, snapshot: Snapshot) -> None:
    for node in session.control_planes:
        session.converge(node, [HopAction(StepId.CONTROL_PLANE_STOPPED, rollback.ControlPlaneStopped(snapshot))], hop=hop)


def _restore_control_planes(session: UpgradeSession, hop: Hop, snapshot: Snapshot, before: Packages) -> None:
    """Restore etcd and settings on each control plane, and start them; all of them are stopped."""
    peers = [saved_member(session.hosts[node.name], snapshot, node.address) for node in session.control_planes]
    for node, member in zip(session.control_planes, peers, strict=True):
        etcd = EtcdRestored(snapshot, member, peers)
        restored = [*_node_restored(before, snapshot.hop), HopAction(StepId.ETCD_RESTORED, etcd)]
        session.converge(node, restored, hop=hop)
    # With several members etcd answers once most of them run: all kubelets first, then the wait.
    for node in session.control_planes[1:]:
        rollback.restart_kubelet(session.hosts[node.name])
    for node in session.control_planes:
        started = rollback.ControlPlaneStarted(str(hop.start))
        session.converge(node, [HopAction(StepId.CONTROL_PLANE_STARTED, started)], hop=hop)


def _restore_workers(session: UpgradeSession, hop: Hop, saved: str, before: Packages) -> dict[str, str]:
    """Take workers back as far as the hop has changed them; return the names of those that are left, and why."""

    def restore(node: NodeSpec) -> None:
        if SettingsSaved(saved).done(session.hosts[node.name]):  # only then was it changed in this hop
            kubelet = HopAction(StepId.KUBELET_RESTORED, rollback.KubeletBack(str(hop.start), saved))
            session.converge(node, [*_node_restored(before, saved), kubelet], hop=hop)

    return _left_of(session.workers, restore)


def _restart_workers(session: UpgradeSession, hop: Hop, left: Mapping[str, str]) -> dict[str, str]:
    workers = [node for node in session.workers if node.name not in left]
    return _left_of(workers, lambda node: _restart_kubelet(session, hop, node))


def _left_of(nodes: Iterable[NodeSpec], work: Callable[[NodeSpec], None]) -> dict[str, str]:
    """Do something to each node; return the names of those that it failed on, and why."""
    left: dict[str, str] = {}
    for node in nodes:
        try:
            work(node)
        # Without a record the next run would not know what was done.
        except JournalError:
            raise
        except MigratorError as error:
            reason = error.message.removeprefix(f"{node.name}: ")
            hint = error.hint or "once it is back, run this again"
            left[node.name] = f"{node.name}: not taken back: {reason}; {hint}; if it is gone for good, take it out of the file"
    return left


def _restart_kubelet(session: UpgradeSession, hop: Hop, node: NodeSpec) -> None:
    version = installed_version(session.hosts[node.name], "kubernetes") or str(hop.start)
    restarted = KubeletRestarted(node, version, session.control_plane_host)
    session.converge(node, [HopAction(StepId.KUBELET_RESTARTED, restarted)], hop=hop)


def _require_restorable(session: UpgradeSession, snapshot: Snapshot) -> None:
    """Raise BlockedError while everything still runs, where a control plane could not be restored to its end."""
    size = session.control_plane_host.run(f"du -m {snapshot.folder}/etcd.db | cut -f1").strip()
    for node in session.control_planes:
        session.require_machine(node)
        require_restorable(session.hosts[node.name], snapshot, int(size or 0))


def _node_restored(before: Packages, saved: str) -> list[HopAction]:
    return [
        HopAction(StepId.PACKAGES, before),
        HopAction(StepId.SETTINGS_RESTORED, rollback.SettingsRestored(saved)),
    ]


def _spread_snapshot(session: UpgradeSession, snapshot: Snapshot) -> None:
    """Bring the one snapshot, and the program that restores it, to all members while everything still runs.

    Each restores its own data folder from it (etcd.io: disaster recovery). Raises BlockedError where the program does not run.
    """
    first = session.control_plane_host
    files = {f"{snapshot.folder}/etcd.db": 0o600, f"{snapshot.folder}/status.json": 0o600, snapshot.tool(first): 0o755}
    for node in session.control_planes:
        host = session.hosts[node.name]
        for path, mode in files.items() if host is not first else ():
            if not host.ok(f"test -s {path}"):
                host.write(path, first.read(path), mode=mode)
        require_tool(host, snapshot)
