"""`status` says from the journal alone how far a migration is, and what a person can do next."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest

from migrator.journal.file import FileJournal
from migrator.journal.records.migration import MIGRATION, MigrationRecord
from migrator.journal.records.traffic import CutoverStarted, ShiftAnnounced
from tests.support.clock import FakeClock
from tests.support.command_line import run

HAPROXY = "traffic: {haproxy: {socket: none.sock, backend: b, blue: [b1], green: [g1], stateFile: state}}\n"


@pytest.fixture
def options(tmp_path: Path) -> list[str]:
    """Return the options that name a migration without a journal; its clusters cannot be reached."""
    (tmp_path / "migration.yaml").write_text("name: shop\nblue: {kubeconfig: none}\ngreen: {kubeconfig: none}\n")
    return ["-c", str(tmp_path / "migration.yaml"), "--state-dir", str(tmp_path)]


def written(folder: Path, *records: MigrationRecord) -> None:
    """Write a journal with these records."""
    with FileJournal(folder / "journal.jsonl", MIGRATION, tool="0.2.0", migration="shop", clock=FakeClock()) as journal:
        for record in records:
            journal.append(record)


def test_a_migration_that_has_not_begun_is_new(options: list[str], tmp_path: Path) -> None:
    """No cluster is asked for that."""
    written(tmp_path)
    code, out, _ = run("status", *options, "--output", "json")
    found = orjson.loads(out)
    assert (code, found["stage"], found["objects"], found["greenPercent"]) == (0, "new", 0, 0.0)


def test_the_first_line_is_stage_and_traffic(options: list[str], tmp_path: Path) -> None:
    """A person reads the journal's place last."""
    written(tmp_path)
    code, out, _ = run("status", *options)
    lines = out.splitlines()
    assert (code, lines[0]) == (0, "shop: new; 0 % of traffic on green")
    assert lines[-1] == f"journal: {tmp_path}/journal.jsonl"


def test_an_interrupted_cutover_says_that_it_is_not_known_and_how_to_go_on(options: list[str], tmp_path: Path) -> None:
    """Announced is not done; a load balancer that does not answer is said, and ends nothing."""
    (tmp_path / "migration.yaml").write_text((tmp_path / "migration.yaml").read_text() + HAPROXY)
    written(tmp_path, CutoverStarted(), ShiftAnnounced(50.0))
    code, out, _ = run("status", *options)
    assert code == 0
    assert out.startswith("shop: cutting over")
    assert "what the load balancer does" in out
    code, out, _ = run("status", *options, "--output", "json")
    found = orjson.loads(out)
    assert (found["greenPercentNow"], bool(found["unknown"])) == (None, True)
    assert found["next"].startswith("migrator ")


def test_a_damaged_journal_is_one_line_with_its_number(options: list[str], tmp_path: Path) -> None:
    """Nothing is said of a state that is not known."""
    written(tmp_path, CutoverStarted())
    with (tmp_path / "journal.jsonl").open("ab") as file:
        file.write(b'{"at":1,"event":"of-tomorrow"}\n')
    code, out, err = run("status", *options)
    assert (code, out) == (3, "")
    assert "journal.jsonl:3: unknown record `of-tomorrow`" in err
