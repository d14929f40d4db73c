"""The upgrade in place, verb by verb: this file shows the order of things.

A run asks every step whether it is done before it does it, so that `resume` is the same code.
"""

from __future__ import annotations

import dataclasses

from migrator.errors import BlockedError
from migrator.journal.records.upgrade import AcceptedFinding, HopEnded, RecordedHop, UpgradeAborted, UpgradeEnded, UpgradeStarted
from migrator.model.upgrade import NO_SOAK, Hop, NodeSummary, RunOptions, RunResult, RunState, Soak, UpgradePlan, Workers
from migrator.upgrade.cleaning import clean_hosts
from migrator.upgrade.node import Paused
from migrator.upgrade.run_hop import differences, run_hop
from migrator.upgrade.running import await_running
from migrator.upgrade.session import UpgradeSession
from migrator.upgrade.state import Status


def begin(session: UpgradeSession, plan: UpgradePlan, workers: Workers, wanted: Soak = NO_SOAK) -> None:
    """Record what was approved; from here on `resume` needs nothing else. Raises BlockedError while another is under way."""
    if session.state.status is Status.ROLLING_BACK:
        raise BlockedError("a rollback is under way", hint="`migrator upgrade rollback` continues it")
    if session.state.open:
        raise BlockedError(
            f"an upgrade to {session.state.target} is under way", hint="`migrator upgrade resume` continues it; `abort` ends it"
        )
    await_running(session)
    findings = tuple(map(AcceptedFinding.of, plan.findings))
    hops = tuple(map(RecordedHop.of, plan.hops))
    machines = dict(session.machines)
    session.write(
        UpgradeStarted(
            target=plan.target,
            workers=workers,
            hops=hops,
            findings=findings,
            machines=machines,
            soak=wanted.seconds,
            hold=wanted.hold,
        )
    )


def require_open_window(session: UpgradeSession) -> Hop:
    """Return the hop that `finish` raises; raises BlockedError when none is as far, or it was begun to be raised."""
    hop = session.state.window
    if not session.state.open or hop is None or hop.key not in session.state.opened:
        raise BlockedError(
            "no control plane emulates an older minor: there is nothing to finish",
            hint="`migrator upgrade status` shows how far the upgrade is; `resume` goes on with one that was interrupted",
        )
    return hop


def run_upgrade(session: UpgradeSession, options: RunOptions) -> RunResult:
    """Execute the hops that are left; raises MigratorError where it stops, with what is not done yet."""
    if not session.state.open:
        raise BlockedError("no upgrade is under way", hint="`migrator upgrade run --to VERSION` starts one")
    found: list[str] = []
    try:
        for hop in session.state.hops:
            if hop.key not in session.state.ended:
                left = run_hop(session, hop, options)
                options = dataclasses.replace(options, finish=False)  # said of one hop
                changed = differences(session, hop)
                found += changed
                if left:
                    return RunResult(RunState.LEFT, session.summary(), tuple(left), tuple(found))
                session.write(HopEnded(hop.key, tuple(changed)))
                clean_hosts(session)
    except Paused as pause:
        return RunResult(RunState.PAUSED, session.summary(), (str(pause),), tuple(found))
    session.write(UpgradeEnded())
    return RunResult(RunState.DONE, session.summary(), (), tuple(found))


def abort(session: UpgradeSession, *, end_running: bool = False) -> tuple[NodeSummary, ...]:
    """End an upgrade: uncordon the nodes that this tool has cordoned, and return the version of each node.

    What it has started on hosts and what still runs is waited for before, or ended. Raises BlockedError while another run holds the
    cluster's lock.
    """
    if session.state.status is Status.ROLLING_BACK:
        raise BlockedError("a rollback is under way and must end", hint="`migrator upgrade rollback` continues it")
    if not session.state.open:
        raise BlockedError("no upgrade is under way", hint="`migrator upgrade status` shows how the last one ended")
    if hop := session.state.window:
        raise BlockedError(
            f"the control plane is {hop.target} and emulates {hop.emulated}, or was being made so: it cannot stay like that",
            hint="`migrator upgrade rollback` goes back and loses nothing; `resume` and `finish` go on",
        )
    with session.cluster.lock(session.holder, session.reporter) as session.lock:
        await_running(session, end=end_running)
        for node in sorted(session.state.cordoned):
            session.uncordon(node)
        session.write(UpgradeAborted())
        clean_hosts(session)
        return session.summary()
