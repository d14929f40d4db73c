"""A program named `ssh` that keeps what it was started with, and does what a test says."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from migrator.ssh.host import newer_options


class SshProgram:
    """Puts the program on PATH."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
        self.folder = folder
        newer_options()  # asked once a process, of the real one
        monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
        self.does(script)

    def does(self, script: str) -> None:
        """Let the program do this."""
        program = self.folder / "ssh"
        kept = f"printf '%s\\n' \"$@\" > {self.folder}/words\necho $$ >> {self.folder}/pids"
        program.write_text(f"#!/bin/sh\n{kept}\n{script}\n")
        program.chmod(0o755)

    def says(self, complaint: str, code: int = 255) -> None:
        """Let the program fail."""
        self.does(f"echo '{complaint}' >&2; exit {code}")

    @property
    def words(self) -> list[str]:
        """What it was last started with."""
        return (self.folder / "words").read_text().splitlines()

    @property
    def processes(self) -> list[int]:
        """Those that were started."""
        return [int(line) for line in (self.folder / "pids").read_text().split()]
