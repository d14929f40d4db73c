"""The last steps of a hop, node by node: drain, upgrade, uncordon, and wait until the workloads are ready."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

from migrator.cluster.drain import drain, drained
from migrator.errors import BlockedError, GateFailedError, MigratorError
from migrator.journal.records.upgrade import StepEnded, StepStarted
from migrator.model.upgrade import Hop, Pause, RunOptions, StepId
from migrator.nodes.spec import NodeSpec
from migrator.upgrade.session import UpgradeSession
from migrator.upgrade.settling import ready_workloads, settle
from migrator.upgrade.stage import Step


class Paused(Exception):  # noqa: N818 - it is no error
    """A stop point was reached."""


def upgrade_nodes(session: UpgradeSession, hop: Hop, steps: Sequence[Step], options: RunOptions) -> None:
    """Upgrade control planes one by one, then workers, some at a time.

    Once a worker fails no other is started, and those that are under way end.
    """
    chosen = [step for step in steps if step.node and (not options.limit or step.node.name in options.limit)]
    workers = [step for step in chosen if step.node and step.node.role == "worker"]
    for step in (item for item in chosen if item not in workers):
        _upgrade_node(session, hop, step, options)
    if options.parallel == 1:
        for step in workers:
            _upgrade_node(session, hop, step, options)
        return
    failures: list[MigratorError | Paused] = []

    def one(step: Step) -> None:
        if not failures:
            try:
                _upgrade_node(session, hop, step, options)
            except (MigratorError, Paused) as error:
                failures.append(error)

    with ThreadPoolExecutor(options.parallel) as pool:
        list(pool.map(one, workers))
    if failures:
        raise failures[0]


def _upgrade_node(session: UpgradeSession, hop: Hop, step: Step, options: RunOptions) -> None:
    """Execute a node's step of the hop's list; raises Paused where the person asked for a stop."""
    node = step.node
    if node is None:
        raise ValueError(f"{step.stage}: has no node")
    host = session.hosts[node.name]
    ready: frozenset[str] = frozenset()
    done = all(action.done(host) for action in step.actions)
    if done and node.name not in session.state.cordoned:
        return
    if not done:
        session.converge(node, step.before, hop=hop)
        ready = ready_workloads(session.cluster)
        _drain(session, hop, node, options)
        session.converge(node, step.actions, hop=hop)
    session.uncordon(node.name)
    settle(session, node, ready)
    session.show_nodes()
    if options.pause is Pause.EACH_NODE:
        raise Paused(f"{node.name} is at {hop.target}: `migrator upgrade resume` continues with the next node")


def _drain(session: UpgradeSession, hop: Hop, node: NodeSpec, options: RunOptions) -> None:
    """Drain a node; if it is not drained in time, uncordon it, so that the run stops in a clean state."""
    session.cordon(node.name)
    if drained(session.cluster, node.name, options.drain):
        return
    session.say(f"{node.name}: drain")
    session.write(StepStarted(hop=hop.key, node=node.name, role=node.role, action="drain", id=StepId.DRAIN))
    begun = session.clock.monotonic()
    try:
        count = drain(session.cluster, node.name, options.drain, clock=session.clock, reporter=session.reporter)
    except (GateFailedError, BlockedError) as error:
        session.uncordon(node.name)
        raise GateFailedError(f"{error.message}; {node.name} is uncordoned; nothing on it was changed", hint=error.hint) from error
    except MigratorError:
        # Nothing of the node was changed, whatever it was that went wrong: it is of use again, if the API server hears of it.
        with suppress(MigratorError):
            session.uncordon(node.name)
        raise
    seconds = round(session.clock.monotonic() - begun, 2)
    session.write(StepEnded(hop=hop.key, node=node.name, role=node.role, action="drain", id=StepId.DRAIN, seconds=seconds))
    session.detail(f"{count} pods were evicted from {node.name}")
