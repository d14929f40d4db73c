"""What verbs ask first, before a cluster is read."""

from __future__ import annotations

import contextlib

from migrator.errors import BlockedError, MigratorError
from migrator.migration.session import Session
from migrator.ports import TrafficSwitch


def require_switch(session: Session) -> TrafficSwitch:
    """Return what moves the traffic; raises BlockedError where the file says nothing of it."""
    if session.switch is None:
        raise BlockedError("migration.yaml says nothing about traffic", hint="add `traffic:`, see docs/migration-yaml.md")
    return session.switch


def settle(session: Session) -> None:
    """Find out what an interrupted run has left open, before anything is built on it; raises BlockedError with what to do."""
    state = session.run.state
    if state.going_back:
        raise BlockedError("the last way back has not ended", hint="`migrator rollback` ends it")
    if state.announced_percent is None:
        return
    if session.switch is None:
        raise BlockedError(state.unknown[0], hint="migration.yaml needs `traffic:` to ask the load balancer")
    from migrator.migration.cutover import look  # a copy that nothing has interrupted need not wait for its import

    look(session.switch, session.run)


def require_current(session: Session) -> None:
    """Raise BlockedError where green has all traffic and the journal knows of none: it is an older copy, or another machine's.

    What it announces would overwrite what green has done since, and hold on green what runs there alone.
    """
    if session.switch is None or session.run.state.most_percent:
        return
    percent = 0.0
    with contextlib.suppress(MigratorError):  # a copy needs no load balancer
        percent = session.switch.read().green_percent
    if percent >= 100:
        raise BlockedError(
            "green has all traffic, and this journal knows of none: it is an older copy, or the cutover was made elsewhere",
            hint="restore the newest journal (`migrator status` tells where it lies), or `migrator rollback` first",
        )
