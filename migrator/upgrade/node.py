"""One node's part of a hop: drained, brought to the hop's version, let back in, and all well before the next."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

from migrator.cluster.drain import drain, drained
from migrator.errors import BlockedError, GateFailedError, MigratorError
from migrator.journal.records.upgrade import StepEnded, StepStarted
from migrator.model.upgrade import Hop, Pause, RunOptions
from migrator.nodes.action import Action
from migrator.nodes.hop import actions as hop_table
from migrator.nodes.spec import NodeSpec
from migrator.upgrade.session import UpgradeSession
from migrator.upgrade.settling import settle, well_workloads


class Paused(Exception):  # noqa: N818 - it is no error
    """A stop point was reached."""


def upgrade_workers(session: UpgradeSession, hop: Hop, nodes: list[NodeSpec], options: RunOptions) -> None:
    """Upgrade workers, some at a time; once one fails no other is begun, and those under way end."""
    failures: list[MigratorError] = []

    def one(node: NodeSpec) -> None:
        if not failures:
            try:
                upgrade_node(session, hop, node, options)
            except MigratorError as error:
                failures.append(error)

    if options.parallel == 1:
        for node in nodes:
            upgrade_node(session, hop, node, options)
        return
    with ThreadPoolExecutor(options.parallel) as pool:
        list(pool.map(one, nodes))
    if failures:
        raise failures[0]


def upgrade_node(session: UpgradeSession, hop: Hop, node: NodeSpec, options: RunOptions) -> None:
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
        raise Paused(f"{node.name} is at {hop.target}: `migrator upgrade resume` goes on with the next node")


def _done(session: UpgradeSession, node: NodeSpec, actions: Iterable[Action]) -> bool:
    return all(action.done(session.hosts[node.name]) for action in actions)


def _drain(session: UpgradeSession, hop: Hop, node: NodeSpec, options: RunOptions) -> None:
    """Drain a node; one that cannot be drained in time is let back in, so that the run stops in a clean state."""
    session.cordon(node.name)
    if drained(session.cluster, node.name, options.drain):
        return
    session.say(f"{node.name}: drain")
    session.write(StepStarted(hop=hop.key, node=node.name, role=node.role, action="drain"))
    begun = session.clock.monotonic()
    try:
        count = drain(session.cluster, node.name, options.drain, clock=session.clock, reporter=session.reporter)
    except (GateFailedError, BlockedError) as error:
        session.uncordon(node.name)
        raise GateFailedError(
            f"{error.message}; {node.name} takes pods again, nothing of it was changed", hint=error.hint
        ) from error
    seconds = round(session.clock.monotonic() - begun, 2)
    session.write(StepEnded(hop=hop.key, node=node.name, role=node.role, action="drain", seconds=seconds))
    session.detail(f"{count} pods went from {node.name}")
