"""Execute the list of one hop, and tell which settings of nodes it has changed."""

from __future__ import annotations

from collections.abc import Sequence

from migrator.cluster.pod_networks import await_networks, roll_weave
from migrator.model.upgrade import Hop, Pause, RunOptions
from migrator.nodes.hop.settings import changed_settings, settings_before, settings_now
from migrator.upgrade.node import Paused, upgrade_nodes
from migrator.upgrade.session import UpgradeSession, require_version
from migrator.upgrade.stage import Stage, Step
from migrator.upgrade.window import soak


def run_hop(session: UpgradeSession, hop: Hop, options: RunOptions) -> list[str]:
    """Execute the list of a hop; return which nodes were left out."""
    session.say(f"hop {hop.start} → {hop.target}")
    steps = session.steps_left(hop)
    for step in steps:
        if step.stage is not Stage.NODES:
            _run_step(session, hop, step, options)
    if options.pause is Pause.AFTER_CONTROL_PLANE and not _kubelets_at(session, hop):
        raise Paused(f"the control plane is at {hop.target}; kubelets are next: `migrator upgrade resume`")
    nodes = [step for step in steps if step.stage is Stage.NODES]
    upgrade_nodes(session, hop, nodes, options)
    return _left_out(session, hop, nodes)


def _run_step(session: UpgradeSession, hop: Hop, step: Step, options: RunOptions) -> None:
    if step.node is not None:
        session.converge(step.node, step.actions, hop=hop)
    elif step.stage is Stage.SOAK:
        soak(session, hop, options)
    elif step.stage is Stage.API_VERSION:
        require_version(session, str(hop.target))
        session.show_nodes()
    else:
        if session.weave:
            roll_weave(session.cluster, session.weave, reporter=session.reporter)
        await_networks(session.cluster, clock=session.clock, reporter=session.reporter)


def _left_out(session: UpgradeSession, hop: Hop, nodes: Sequence[Step]) -> list[str]:
    done = _kubelets_at(session, hop)
    names = [step.node.name for step in nodes if step.node]
    return [f"{name}: left out by --limit" for name in names if name not in done]


def _kubelets_at(session: UpgradeSession, hop: Hop) -> set[str]:
    return {item.name for item in session.summary() if item.version == str(hop.target) and item.ready}


def differences(session: UpgradeSession, hop: Hop) -> list[str]:
    """Return which settings of nodes differ from before the hop; kubeadm overwrites some of them."""
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
