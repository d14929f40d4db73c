"""The way in place, verb by verb: read this file to know in which order things happen.

A run asks every step whether it is done before it does it, so that `resume` is the same code.
"""

from __future__ import annotations

from migrator.cluster.pod_networks import await_networks, roll_weave
from migrator.errors import BlockedError
from migrator.journal.records.upgrade import AcceptedFinding, HopEnded, RecordedHop, UpgradeAborted, UpgradeEnded, UpgradeStarted
from migrator.model.upgrade import Hop, NodeSummary, Pause, RunOptions, RunResult, RunState, UpgradePlan, Workers
from migrator.nodes.hop import actions as hop_table
from migrator.nodes.hop.settings import changed_settings, settings_before, settings_now
from migrator.upgrade.node import Paused, upgrade_node, upgrade_workers
from migrator.upgrade.session import UpgradeSession, require_version
from migrator.upgrade.state import Status


def begin(session: UpgradeSession, plan: UpgradePlan, workers: Workers) -> None:
    """Write down what was approved; from here on `resume` needs nothing else. Raises BlockedError while another is under way."""
    if session.state.status is Status.ROLLING_BACK:
        raise BlockedError("a rollback is under way", hint="`migrator upgrade rollback` goes on with it")
    if session.state.open:
        raise BlockedError(
            f"an upgrade to {session.state.target} is under way", hint="`migrator upgrade resume` goes on; `abort` gives it up"
        )
    findings = tuple(map(AcceptedFinding.of, plan.findings))
    hops = tuple(map(RecordedHop.of, plan.hops))
    session.write(UpgradeStarted(target=plan.target, workers=workers, hops=hops, findings=findings))


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
                session.write(HopEnded(hop.key, tuple(changed)))
    except Paused as pause:
        return RunResult(RunState.PAUSED, session.summary(), (str(pause),), tuple(differences))
    session.write(UpgradeEnded())
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
        raise Paused(f"the control plane is at {hop.target}; kubelets are next: `migrator upgrade resume`")
    going = [*session.control_planes, *(session.workers if hop.workers else ())]
    chosen = [node for node in going if not options.limit or node.name in options.limit]
    for node in (item for item in chosen if item.role == "control-plane"):
        upgrade_node(session, hop, node, options)
    upgrade_workers(session, hop, [node for node in chosen if node.role == "worker"], options)
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
    session.write(UpgradeAborted())
    return session.summary()
