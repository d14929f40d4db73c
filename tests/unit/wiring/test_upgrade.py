"""What an upgrade is put together from."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from migrator.cli.render import Screen
from migrator.wiring.upgrade import _records
from tests.support.journals import JOURNALS_0_1_0

GOOD = (JOURNALS_0_1_0 / "upgrade-0.1.0.jsonl").read_bytes()
LAST = GOOD.splitlines(keepends=True)[-1]


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: path.write_bytes(b"\xff\xfe nonsense\n"),
        lambda path: path.write_bytes(GOOD + LAST[:20] + LAST),
        lambda path: path.write_bytes(GOOD + b'{"at":1e300,"event":"upgrade-ended"}\n'),
        lambda path: path.write_bytes(GOOD + b'{"at":1,"event":"teleported"}\n'),
        lambda path: path.write_bytes((JOURNALS_0_1_0 / "migration-0.1.0.jsonl").read_bytes()),
        lambda path: path.mkdir(),
    ],
    ids=["binary", "torn", "time", "newer", "migration", "folder"],
)
def test_a_damaged_journal_of_another_cluster_only_costs_its_times(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], damage: Callable[[Path], object]
) -> None:
    """The journals beside this one serve estimates; what is wrong with them is told, and forbids nothing."""
    for name in ("upgrade-bad", "upgrade-good", "upgrade-this"):
        (tmp_path / name).mkdir()
    shutil.copy(JOURNALS_0_1_0 / "upgrade-0.1.0.jsonl", tmp_path / "upgrade-good" / "journal.jsonl")
    damage(tmp_path / "upgrade-bad" / "journal.jsonl")
    times = tuple(_records(tmp_path / "upgrade-this" / "journal.jsonl", Screen()))
    assert times
    assert "upgrade-bad/journal.jsonl" in capsys.readouterr().err.replace("\n", "")
