"""The order of `migrator retire`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from migrator.migration import retire
from migrator.migration.account import remove_account
from migrator.migration.archive import Archived, archive
from migrator.migration.one_side import guards
from migrator.migration.session import Session
from migrator.migration.state import Stage
from migrator.migration.verbs.first import settle
from migrator.model.one_side import Where
from migrator.ports import Blue, Sealer


@dataclass(slots=True, frozen=True)
class Retirement:
    """The result of a retirement."""

    path: Path
    archived: Archived
    left_out: Mapping[str, str]
    """Kinds that are not in the archive, with the reason."""


def run_retire(session: Session, path: Path, sealer: Sealer | None = None) -> Retirement:
    """Check that blue is idle, archive its objects beside `path`, and close the migration."""
    sides: dict[Where, Blue] = {"blue": session.blue, "green": session.green}
    if session.run.state.stage is Stage.RETIRED:
        guards.remove_all(sides, session.guarding, session.run)
        remove_account(session.green, session.run)  # a retirement may have been cut off before this, its last step
    settle(session)
    # Nobody on another machine moves traffic back to blue meanwhile. It is let go before the account that holds it is removed.
    with session.green.lock(session.holder, session.run.reporter) as lock:
        soak = session.config.retire.soak.total_seconds()
        retire.require_retirable(session.run, session.switch, soak=soak, green_time=session.green.server_time())
        session.preflight()
        plan, _ = session.read_and_plan()
        retire.require_whole(plan)
        if sealer:
            path = path.with_name(path.name + sealer.suffix)
        archived = archive(session.blue, plan.kinds_read.values(), path, session.run.reporter, sealer)
        lock.require()
        retire.record_retirement(session.run, path, archived)
        guards.remove_all(sides, session.guarding, session.run)
    remove_account(session.green, session.run)
    return Retirement(path, archived, plan.kinds_skipped)
