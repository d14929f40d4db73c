"""Long builds tell how far they are, and how they failed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from migrator.errors import CommandFailedError, MigratorError
from migrator.packages.place import BuildPlace
from migrator.packages.supervise import supervise

OUTPUT = "printf '==> Making\\nk8s.io/api/core/v1\\nk8s.io/api/apps/v1\\na sentence with a/slash\\n'"


def follow(folder: Path, script: str, *, expected: int = 0) -> list[str]:
    """Supervise a script and return what it told."""
    said: list[str] = []
    supervise(
        ["sh", "-c", script],
        folder=folder,
        environment=dict(os.environ),
        log=folder / "log",
        say=said.append,
        expected=expected,
        every=0,
    )
    return [text.partition(",")[0] for text in said]


def test_headings_are_told_and_compiled_packages_are_counted(tmp_path: Path) -> None:
    """A line that is a package's name counts, other lines do not; all of them are in the log."""
    assert follow(tmp_path, OUTPUT)[0] == "Making"
    assert follow(tmp_path, OUTPUT)[-1] == "2 Go packages compiled"
    assert follow(tmp_path, OUTPUT, expected=7)[-1] == "2 of at most 7 Go packages compiled"
    assert (tmp_path / "log").read_text().splitlines()[-1] == "a sentence with a/slash"


def test_a_failure_has_the_end_of_the_log_and_says_where_it_lies(tmp_path: Path) -> None:
    """What went wrong stands at the end."""
    with pytest.raises(CommandFailedError, match="no space left") as failed:
        follow(tmp_path, "echo begin; echo no space left; exit 3")
    assert str(tmp_path / "log") in failed.value.hint


def test_a_program_that_is_not_installed_is_named(tmp_path: Path) -> None:
    """The hint says where it comes from."""
    with pytest.raises(MigratorError, match="no-such-program is not installed") as failed:
        supervise(["no-such-program"], folder=tmp_path, environment={}, log=tmp_path / "log", say=print, hint="apt install it")
    assert failed.value.hint == "apt install it"


def test_a_workshop_has_the_compilers_caches_below_its_work_folder(tmp_path: Path) -> None:
    """They are made where they are missing; a build without a user of its own runs as it is."""
    shop = BuildPlace(tmp_path / "work", "", jobs=1)
    assert {Path(folder).parent for folder in shop.environment.values()} == {tmp_path / "work"}
    assert all(Path(folder).is_dir() for folder in shop.environment.values())
    assert shop.command(["go", "version"], tmp_path) == ["go", "version"]
