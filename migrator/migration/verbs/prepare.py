"""The order of `migrator prepare`."""

from __future__ import annotations

from migrator.errors import BlockedError
from migrator.migration.prepare import Prepared, prepare
from migrator.migration.session import Session
from migrator.migration.state import Stage
from migrator.migration.verbs.first import require_switch


def run_prepare(session: Session) -> Prepared:
    """Shorten how long clients may stay behind after a cutover; no traffic moves."""
    switch = require_switch(session)
    if session.run.state.stage is Stage.RETIRED:
        raise BlockedError("this migration is retired", hint="start a new one with another name")
    return prepare(switch, session.run)
