"""The way in place, verb by verb: read this file to know in which order things happen.

A run asks every step whether it is done before it does it, so that `resume` is the same code.
"""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

from migrator.errors import BlockedError, GateFailedError, MigratorError
from migrator.model.events import Note
from migrator.model.upgrade import Hop, NodeSummary, Pause, RunOptions, RunResult, RunState, UpgradePlan
from migrator.model.version import parse_version
from migrator.nodes import hop_table, rollback
from migrator.nodes.action import Action
from migrator.nodes.etcd import EtcdRestored, Snapshot
from migrator.nodes.packages import Packages
from migrator.nodes.settings import changed_settings, settings_before, settings_now
from migrator.nodes.spec import NodeSpec
from migrator.nodes.upgrade import KubeletRestarted
from migrator.phases.drain import drain, drained
from migrator.phases.pod_networks import await_networks, roll_weave
from migrator.phases.upgrade_state import Status
from migrator.workflow.in_place_session import UpgradeSession, require_version
from migrator.workflow.settling import settle, well_workloads


class _Paused(Exception):  # noqa: N818 - it is no error
    """A stop point was reached."""


def begin(session: UpgradeSession, plan: UpgradePlan, workers: str) -> None:
    """Write down what was approved; from here on `resume` needs nothing else. Raises BlockedError while another is under way."""
    if session.state.status is Status.ROLLING_BACK:
        raise BlockedError("a rollback is under way", hint="`migrator upgrade rollback` goes on with it")
    if session.state.open:
        raise BlockedError(
            f"an upgrade to {session.state.target} is under way", hint="`migrator upgrade resume` goes on; `abort` gives it up"
        )
    findings = [{"check": item.check, "subject": item.subject, "reason": item.reason} for item in plan.findings]
    hops = [hop.document() for hop in plan.hops]
    session.write("upgrade-started", to=str(plan.target), workers=workers, hops=hops, findings=findings)


def run_upgrade(session: UpgradeSession, options: RunOptions) -> RunResult:
    """Go through the hops that are left; raises MigratorError where it stops, with what is not done yet."""
    if not session.state.open:
        raise BlockedError("no upgrade is under way", hint="`migrator upgrade run --to VERSION` begins one")
    differences: list[str] = []
    try:
        for hop in session.state.hops:
            if hop.key not in session.state.ended:
                left = _hop(session, hop, options)
                changed = _differences(session, hop)
                differences += changed
                if left:
                    return RunResult(RunState.LEFT, session.summary(), tuple(left), tuple(differences))
                session.write("hop-ended", hop=hop.key, differences=changed)
    except _Paused as pause:
        return RunResult(RunState.PAUSED, session.summary(), (str(pause),), tuple(differences))
    session.write("upgrade-ended")
    return RunResult(RunState.DONE, session.summary(), (), tuple(differences))


def _hop(session: UpgradeSession, hop: Hop, options: RunOptions) -> list[str]:
    """Go through one hop; returns which nodes were left out."""
    session.say(f"hop {hop.start} → {hop.target}")
    table = session.hop_spec(hop)
    # A hop within one version takes along what was left behind: its control plane is there already.
    if hop.start != hop.target and not _control_plane_done(session, hop):
        # Once kubeadm has begun all of this is done, and the API server may be away: a resumed run joins kubeadm at once.
        if hop.key not in session.state.applied:
            _prepare(session, hop)
        for node in session.control_planes:
            session.converge(node, hop_table.control_plane(table, node), hop=hop)
        require_version(session, str(hop.target))
        session.show_nodes()
    if session.weave:
        roll_weave(session.cluster, *session.weave, reporter=session.reporter)
    await_networks(session.cluster, clock=session.clock, reporter=session.reporter)
    if options.pause is Pause.AFTER_CONTROL_PLANE and not _kubelets_at(session, hop):
        raise _Paused(f"the control plane is at {hop.target}; kubelets are next: `migrator upgrade resume`")
    going = [*session.control_planes, *(session.workers if hop.workers else ())]
    chosen = [node for node in going if not options.limit or node.name in options.limit]
    for node in (item for item in chosen if item.role == "control-plane"):
        _node(session, hop, node, options)
    _in_parallel(session, hop, [node for node in chosen if node.role == "worker"], options)
    done = _kubelets_at(session, hop)
    return [f"{node.name}: left out by --limit" for node in going if node.name not in done]


def _prepare(session: UpgradeSession, hop: Hop) -> None:
    """Bring to all nodes what the hop needs, and save what a rollback needs; the cluster itself is not touched."""
    table = session.hop_spec(hop)
    for node in session.nodes:
        session.converge(node, hop_table.runtime(table, node, session.through), hop=hop)
    for node in session.nodes:
        session.converge(node, hop_table.prepared(table, node), hop=hop)
    for node in session.nodes:
        session.converge(node, hop_table.saved(table, node), hop=hop)


def _control_plane_done(session: UpgradeSession, hop: Hop) -> bool:
    """Return whether every control plane has been brought to the hop's version, and what comes before that with it."""
    table = session.hop_spec(hop)
    return all(
        action.done(session.hosts[node.name]) for node in session.control_planes for action in hop_table.control_plane(table, node)
    )


def _kubelets_at(session: UpgradeSession, hop: Hop) -> set[str]:
    return {item.name for item in session.summary() if item.version == str(hop.target) and item.ready}


def _in_parallel(session: UpgradeSession, hop: Hop, nodes: list[NodeSpec], options: RunOptions) -> None:
    """Upgrade workers, some at a time; once one fails no other is begun, and those under way end."""
    failures: list[MigratorError] = []

    def one(node: NodeSpec) -> None:
        if not failures:
            try:
                _node(session, hop, node, options)
            except MigratorError as error:
                failures.append(error)

    if options.parallel == 1:
        for node in nodes:
            _node(session, hop, node, options)
        return
    with ThreadPoolExecutor(options.parallel) as pool:
        list(pool.map(one, nodes))
    if failures:
        raise failures[0]


def _node(session: UpgradeSession, hop: Hop, node: NodeSpec, options: RunOptions) -> None:
    """Drain a node, bring it to the hop's version, let it back in, and see that all is well before the next."""
    table = session.hop_spec(hop)
    actions = hop_table.kubelet(table, node, session.through)
    well: frozenset[str] = frozenset()
    if node.name not in session.state.cordoned and _done(session, node, actions):
        return
    if not _done(session, node, actions):
        session.converge(node, hop_table.prepared(table, node), hop=hop)
        session.converge(node, hop_table.saved(table, node), hop=hop)
        well = well_workloads(session.cluster)
        _drain(session, hop, node, options)
        session.converge(node, actions, hop=hop)
    session.uncordon(node.name)
    settle(session, node, well)
    session.show_nodes()
    if options.pause is Pause.EACH_NODE:
        raise _Paused(f"{node.name} is at {hop.target}: `migrator upgrade resume` goes on with the next node")


def _done(session: UpgradeSession, node: NodeSpec, actions: Iterable[Action]) -> bool:
    return all(action.done(session.hosts[node.name]) for action in actions)


def _drain(session: UpgradeSession, hop: Hop, node: NodeSpec, options: RunOptions) -> None:
    """Drain a node; one that cannot be drained in time is let back in, so that the run stops in a clean state."""
    session.cordon(node.name)
    if drained(session.cluster, node.name, options.drain):
        return
    session.say(f"{node.name}: drain")
    session.write("step", hop=hop.key, node=node.name, role=node.role, action="drain")
    begun = session.clock.monotonic()
    try:
        count = drain(session.cluster, node.name, options.drain, clock=session.clock, reporter=session.reporter)
    except (GateFailedError, BlockedError) as error:
        session.uncordon(node.name)
        raise GateFailedError(
            f"{error.message}; {node.name} takes pods again, nothing of it was changed", hint=error.hint
        ) from error
    seconds = round(session.clock.monotonic() - begun, 2)
    session.write("step-done", hop=hop.key, node=node.name, role=node.role, action="drain", seconds=seconds)
    session.detail(f"{count} pods went from {node.name}")


def _differences(session: UpgradeSession, hop: Hop) -> list[str]:
    """Return which settings of nodes are others than before the hop; kubeadm writes some of them anew."""
    found = []
    for node in session.nodes:
        host = session.hosts[node.name]
        before = settings_before(host, session.state.saved_as(hop))
        if before:
            found += [
                f"{node.name}: {item.path}: {item.live} → {item.wanted}"
                for item in changed_settings(before, settings_now(host, addons=node.first))
            ]
    return found


def abort(session: UpgradeSession) -> tuple[NodeSummary, ...]:
    """Give up: let back in what this tool has cordoned, and return what version each node has."""
    if session.state.status is Status.ROLLING_BACK:
        raise BlockedError("a rollback is under way and must end", hint="`migrator upgrade rollback` goes on with it")
    if not session.state.open:
        raise BlockedError("no upgrade is under way", hint="`migrator upgrade status` tells how the last one ended")
    for node in sorted(session.state.cordoned):
        session.uncordon(node)
    session.write("upgrade-aborted")
    return session.summary()


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
        session.write("rollback-started", hop=hop.key)
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
    session.write("rollback-ended")
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
    """Bring the one snapshot to all members: each restores its own data folder from it (etcd disaster recovery)."""
    others = [node for node in session.control_planes if not node.first]
    for node in others:
        host = session.hosts[node.name]
        for name in ("etcd.db", "status.json"):
            if not host.ok(f"test -s {snapshot.folder}/{name}"):
                host.write(f"{snapshot.folder}/{name}", session.through.read(f"{snapshot.folder}/{name}"), mode=0o600)


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
