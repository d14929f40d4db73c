"""What a session is opened with."""

from __future__ import annotations

from pathlib import Path

from migrator.wiring.inputs import MigrationInputs


def inputs(file: Path, state_dir: Path | None = None) -> MigrationInputs:
    """Return inputs as something other than the command line makes them."""
    return MigrationInputs(file=file, state_dir=state_dir, max_requests=8, allow_older=False, confirm=lambda _: True)


def test_the_journal_lies_beside_the_file_and_has_its_migrations_name() -> None:
    """Two files of one folder have two journals; a folder that is named has the journal itself."""
    assert inputs(Path("shop/migration.yaml")).journal("spring") == Path("shop/.migrator/spring/journal.jsonl")
    assert inputs(Path("shop/migration.yaml"), Path("/var/lib/shop")).journal("spring") == Path("/var/lib/shop/journal.jsonl")
