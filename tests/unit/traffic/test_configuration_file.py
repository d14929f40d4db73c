"""haproxy.cfg is changed by a program that proves it first; what goes wrong leaves it as it was."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from migrator.errors import TrafficError
from migrator.model.traffic import FileChange
from migrator.traffic.configuration_file import ConfigurationFile
from migrator.traffic.machine import ThisMachine
from migrator.traffic.start_options import StartOptions

BLUE = "# ours\nbackend shop\n  server blue 10.0.0.1:80\n  server green 10.0.0.2:80 disabled # new\n"
GREEN = "# ours\nbackend shop\n  server blue 10.0.0.1:80 weight 0\n  server green 10.0.0.2:80 weight 100 # new\n"
TO_GREEN, TO_BLUE = {"blue": 0, "green": 100}, {"blue": 100, "green": 0}


class Stand:
    """A folder with haproxy.cfg, a program in place of HAProxy that keeps its arguments, and the file under test."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.config = folder / "it's haproxy.cfg"
        self.config.write_text(BLUE)
        self.config.chmod(0o640)
        self.other = folder / "a.cfg"
        self.other.write_text("global\n")
        self.announced: list[FileChange] = []
        self.says("exit 0")

    def says(self, line: str) -> None:
        """Let the program do this once it has written its arguments down."""
        program = self.folder / "haproxy"
        program.write_text(f"#!/bin/sh\nprintf '%s\\n' \"$@\" > {self.folder}/asked\n{line}\n")
        program.chmod(0o755)

    def under_test(self, *, managed_too: bool = False) -> ConfigurationFile:
        """Return it."""
        arguments = (str(self.folder / "haproxy"), "-Ws", "-L", "lb1", "-dW", "-f", "conf.d", "-sf", "7")
        options = StartOptions(False, "", "", (str(self.other), str(self.config)), arguments)
        return ConfigurationFile(ThisMachine(), os.getpid(), options, "shop", managed_too=managed_too)

    @property
    def names(self) -> list[str]:
        """Files beside the configuration."""
        return sorted(path.name for path in self.folder.iterdir() if path.name not in ("asked", "haproxy", "a.cfg"))


@pytest.fixture
def stand(tmp_path: Path) -> Stand:
    """Return one."""
    return Stand(tmp_path)


def test_the_lines_are_changed_after_a_proof_and_come_back(stand: Stand) -> None:
    """With a copy beside it, its mode kept, announced before; the way back gives the same bytes."""
    stand.under_test().write(TO_GREEN, stand.announced.append)
    assert (stand.config.read_text(), oct(stand.config.stat().st_mode)[-3:]) == (GREEN, "640")
    copy = f"{stand.config}.before-migrator"
    assert (stand.names, Path(copy).read_text()) == ([stand.config.name, Path(copy).name], BLUE)
    lines = ("server blue 10.0.0.1:80 weight 0", "server green 10.0.0.2:80 weight 100 # new")
    assert stand.announced == [FileChange(str(stand.config), copy, lines, TO_GREEN)]
    new = str(stand.folder / ".it's haproxy.cfg.new-migrator")
    assert (stand.folder / "asked").read_text().split("\n")[:-1] == ["-c", "-f", str(stand.other), "-f", new, "-dW", "-L", "lb1"]
    stand.under_test().write(TO_BLUE, stand.announced.append)
    assert (stand.config.read_text(), Path(copy).read_text()) == (BLUE, GREEN)


def refuses(stand: Stand) -> None:
    """HAProxy does not take the new file."""
    stand.says("echo '[ALERT] parsing [x:3] : unknown keyword'; exit 1")


def changes(stand: Stand) -> None:
    """Somebody else writes the file while it is being proven."""
    stand.says(f'echo "# theirs" >> "{stand.config}"')


def managed(stand: Stand) -> None:
    """A program writes the file."""
    stand.config.write_text(f"# Ansible managed: \x1b[2J\n{BLUE}")


def without(stand: Stand) -> None:
    """One of the servers is made by a template."""
    stand.config.write_text("backend shop\n  server blue 10.0.0.1:80\n  server-template green 1 x:80\n")


def elsewhere(stand: Stand) -> None:
    """No file has the backend."""
    stand.config.write_text("")


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        (refuses, r"cannot be changed: haproxy -c: \[ALERT\] parsing \[x:3\] : unknown keyword$"),
        (changes, "somebody has changed it meanwhile$"),
        (managed, r"says `# Ansible managed: \\x1b\[2J`$"),
        (without, "no lines there for `server blue 10.0.0.1:80 weight 0`, `server green ... weight 100`$"),
        (elsewhere, "has lines for the servers of shop$"),
        (lambda stand: stand.config.unlink(), "not there any more$"),
    ],
)
def test_what_goes_wrong_leaves_it_as_it_was(stand: Stand, fault: Callable[[Stand], None], told: str) -> None:
    """Nothing is left beside it; one line says why."""
    fault(stand)
    before = stand.config.read_text() if stand.config.exists() else None
    with pytest.raises(TrafficError, match=told):
        stand.under_test().write(TO_GREEN, stand.announced.append)
    after = stand.config.read_text().removesuffix("# theirs\n") if stand.config.exists() else None
    assert (after, stand.names) == (before, [stand.config.name] if stand.config.exists() else [])


@pytest.mark.parametrize(
    "header",
    [
        "# Automaticaly generated, dont edit manually.",
        "# _version=2\n# Dataplaneapi managed File\n# changing file directly can cause a conflict if dataplaneapi is running",
        "# Automatically generated configuration.",
        "# Generated on: 2026-05-04 20:00",
    ],
)
def test_headers_say_that_a_program_manages_the_file(stand: Stand, header: str) -> None:
    """As pfSense, OPNsense and the Data Plane API write them, letter by letter."""
    stand.config.write_text(f"{header}\n{BLUE}")
    with pytest.raises(TrafficError, match="it says"):
        stand.under_test().write(TO_GREEN, stand.announced.append)
    assert stand.config.read_text() == f"{header}\n{BLUE}"


def test_a_managed_file_is_changed_with_the_persons_word(stand: Stand) -> None:
    """Its program may undo that, which the person knows."""
    stand.config.write_text(f"# DO NOT EDIT\n{BLUE}")
    stand.under_test(managed_too=True).write(TO_GREEN, stand.announced.append)
    assert stand.config.read_text() == f"# DO NOT EDIT\n{GREEN}"


def test_a_journal_that_is_full_keeps_the_file_as_it_was(stand: Stand) -> None:
    """What cannot be announced is not done."""

    def full(_: FileChange) -> None:
        raise TrafficError("no room")

    with pytest.raises(TrafficError, match="no room"):
        stand.under_test().write(TO_GREEN, full)
    assert (stand.config.read_text(), stand.names) == (BLUE, [stand.config.name])
