"""Clients are made to follow faster before a cutover, where a switch can do that."""

from __future__ import annotations

import pytest

from migrator.errors import BlockedError
from migrator.journal.records.decisive import Retired
from migrator.migration.verbs.prepare import run_prepare
from migrator.model.traffic import Abilities
from tests.support.verb_stand import Stand


def test_the_time_that_clients_stay_behind_is_told(stand: Stand) -> None:
    """No traffic moves."""
    stand.switch.can = Abilities(stale_seconds=60)
    stand.switch.prepares = lambda: 60.0
    done = run_prepare(stand.session)
    assert (done.stale_seconds, done.ready_at) == (60, stand.clock.now() + 60)
    assert stand.switch.shifts == []


def test_there_is_nothing_to_prepare_without_traffic_or_after_the_end(stand: Stand) -> None:
    """Both are said in one line, with what to do."""
    stand.session.run.write(Retired("archive", 0, ""))
    with pytest.raises(BlockedError, match="this migration is retired"):
        run_prepare(stand.session)
    stand.session.switch = None
    with pytest.raises(BlockedError, match="says nothing about traffic"):
        run_prepare(stand.session)
    assert stand.switch.shifts == []
