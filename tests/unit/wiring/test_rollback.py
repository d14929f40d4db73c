"""A rollback in its order: the traffic moves although the rest of the file is wrong, and what is left is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from migrator.errors import BlockedError, ConfigError
from migrator.journal.file import FileJournal
from migrator.journal.records.migration import MIGRATION
from migrator.migration.rollback import RollbackResult
from migrator.wiring.inputs import MigrationInputs
from migrator.wiring.rollback import roll_back
from tests.support.clock import FakeClock
from tests.support.recorder import Recorder

CLUSTERS = "name: shop\nblue: {kubeconfig: none}\ngreen: {kubeconfig: none}\n"
TRAFFIC = "traffic: {command: {name: edge, set: [cp, 'to-{percent}.json', now.json], read: [cat, now.json]}}\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder in which two programs play a switch, with all traffic on green."""
    (tmp_path / "now.json").write_text('{"greenPercent": 100}')
    (tmp_path / "to-0.json").write_text('{"greenPercent": 0}')
    journal_of("shop", tmp_path)
    return tmp_path


def journal_of(name: str, folder: Path) -> None:
    """Write the journal of a migration in which nothing has happened yet."""
    with FileJournal(folder / "journal.jsonl", MIGRATION, tool="0.2.0", migration=name, clock=FakeClock()):
        pass


def rolled_back(folder: Path, text: str) -> tuple[RollbackResult, list[tuple[RollbackResult, bool]], Recorder]:
    """Roll the migration `shop` back; return the result, what was shown of it, and the events."""
    (folder / "migration.yaml").write_text(text)
    file = folder / "migration.yaml"
    inputs = MigrationInputs(file=file, state_dir=folder, max_requests=8, allow_older=False, confirm=lambda _: True)
    shown: list[tuple[RollbackResult, bool]] = []
    events = Recorder()
    found = roll_back(inputs, events, lambda result, traffic: shown.append((result, traffic)), graceful=None, data_from="")
    return found, shown, events


def test_the_traffic_moves_and_the_result_is_shown_once(folder: Path) -> None:
    """No cluster is asked where nothing ran on one side only."""
    found, shown, _ = rolled_back(folder, CLUSTERS + TRAFFIC)
    assert (folder / "now.json").read_text() == '{"greenPercent": 0}'
    assert (found.undone, found.traffic_seconds > 0, shown) == ((), True, [(found, True)])


def test_a_mistake_elsewhere_in_the_file_comes_after_the_traffic(folder: Path) -> None:
    """What runs on green only stays there, and that is told."""
    found, shown, _ = rolled_back(folder, f"{CLUSTERS}{TRAFFIC}hooks: much\n")
    assert (folder / "now.json").read_text() == '{"greenPercent": 0}'
    assert len(found.undone) == 1
    assert found.undone[0].startswith("what runs on green only: ")
    assert shown == [(found, True)]


def test_the_journal_of_another_migration_is_no_reason_to_move_traffic(folder: Path) -> None:
    """It is refused before anything is done."""
    (folder / "journal.jsonl").unlink()
    journal_of("other", folder)
    with pytest.raises(BlockedError, match="belongs to migration other"):
        rolled_back(folder, CLUSTERS + TRAFFIC)
    assert (folder / "now.json").read_text() == '{"greenPercent": 100}'


def test_a_file_that_tells_nothing_of_traffic_must_be_right(folder: Path) -> None:
    """Nothing was done, so the mistake is an error."""
    with pytest.raises(ConfigError, match="hooks"):
        rolled_back(folder, f"{CLUSTERS}hooks: much\n")
    assert (folder / "now.json").read_text() == '{"greenPercent": 100}'
