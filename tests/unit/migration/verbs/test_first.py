"""What an interrupted run has left open is looked up before anything is built on it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from migrator.errors import BlockedError
from migrator.journal.records.migration import (
    MigrationRecord,
)
from migrator.journal.records.traffic import (
    CutoverEnded,
    CutoverStarted,
    GateFailed,
    RollbackStarted,
    ShiftAnnounced,
)
from migrator.migration.copy import CopyOptions
from migrator.migration.verbs.copy import run_copy
from migrator.migration.verbs.cutover import run_cutover
from tests.support.verb_stand import Stand


@pytest.mark.parametrize("has", [0, 50])
def test_an_announced_shift_is_looked_up_before_a_copy(stand: Stand, has: float) -> None:
    """The run was killed: what it announced may be so or not."""
    stand.ready()
    for record in (CutoverStarted(), GateFailed("x", 50), ShiftAnnounced(0), CutoverEnded(good=False)):
        stand.session.run.write(record)
    stand.switch.percent = has
    if has:
        with pytest.raises(BlockedError, match="green has 50 % of the traffic"):
            run_copy(stand.session, CopyOptions())
    else:
        assert run_copy(stand.session, CopyOptions())[1].complete


@pytest.mark.parametrize(
    ("records", "command"),
    [((CutoverStarted(),), "migrator cutover"), ((CutoverStarted(), GateFailed("x", 5)), "migrator rollback")],
)
def test_a_copy_after_an_interruption_names_the_command_that_goes_on(
    stand: Stand, records: tuple[MigrationRecord, ...], command: str
) -> None:
    """Nothing is asked of a cluster, and nothing written."""
    stand.ready()
    for record in records:
        stand.session.run.write(record)
    stand.green.requests.clear()
    with pytest.raises(BlockedError) as caught:
        run_copy(stand.session, CopyOptions())
    assert command in caught.value.hint
    assert stand.green.requests == []


@pytest.mark.parametrize("verb", [run_cutover, run_copy])
def test_after_a_way_back_that_did_not_end_only_a_rollback_goes_on(stand: Stand, verb: Callable[..., object]) -> None:
    """The person's last wish was to go back."""
    stand.ready()
    stand.session.run.write(RollbackStarted())
    with pytest.raises(BlockedError, match="way back has not ended") as caught:
        verb(stand.session, CopyOptions())
    assert "migrator rollback" in caught.value.hint


def test_a_journal_that_knows_of_no_cutover_copies_nothing_over_a_green_that_serves(stand: Stand) -> None:
    """It was restored from a backup, or lies on another machine than the one that cut over."""
    stand.ready()
    stand.switch.percent = 100
    stand.green.requests.clear()
    with pytest.raises(BlockedError, match="green has all traffic, and this journal knows of none"):
        run_copy(stand.session, CopyOptions())
    assert stand.green.requests == []
    stand.switch.mute = True
    assert run_copy(stand.session, CopyOptions())[1].complete
