"""A host that answers from a table, remembers what it was asked, and refuses every other command."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from migrator.errors import CommandFailedError
from tests.support.clock import FakeClock

Answer = str | Callable[[str], str] | Exception


_UNLESS_TOLD = ("systemctl is-active -q migrator-second-", "grep -q -e ' --permit-port-sharing=true$'")
"""No second API server is left, and none shares its port, which a person has said."""


class FakeHost:
    """Fill the `Host` port; time passes on it only when somebody waits.

    The first key of `answers` that is part of a command answers it. Then come the files, which `cat`, `test -e` and
    `test -s` see; then what `accepts` was told. A command that is in none of them is an AssertionError, so a key that
    no longer matches the code cannot go unseen.
    """

    def __init__(self, name: str = "green-1", *, accepts: Iterable[str] = ()) -> None:
        self.name = name
        self.clock = FakeClock()
        self.accepted: list[str] = list(accepts)
        self.answers: dict[str, Answer] = {}
        self.files: dict[str, str] = {}
        self.commands: list[str] = []
        self.modes: dict[str, int] = {}
        self.given: list[str] = []
        """What commands were given to read, where they were given something."""

    def run(self, command: str, *, stdin: bytes = b"", timeout: float = 120.0) -> str:
        """Answer from the table; refuse what nothing is known of."""
        del timeout
        self.commands.append(command)
        if stdin:
            self.given.append(stdin.decode())
        for part, answer in self.answers.items():
            if part in command:
                if isinstance(answer, Exception):
                    raise answer
                return answer(command) if callable(answer) else answer
        if "systemctl show -p ActiveState" in command:
            # What was started as a unit has ended well; how a command fails is said where it is started.
            begun = any("systemd-run" in line for line in self.commands)
            return f"ActiveState={'active' if begun else 'inactive'}\nSubState={'exited' if begun else 'dead'}\nExecMainStatus=0\n"
        read = self._of_file(command)
        if read is not None:
            return read
        if command.startswith(_UNLESS_TOLD):
            raise CommandFailedError(command, 1, "")
        if command.startswith("grep -q -e '--permit-port-sharing'"):
            return ""
        if any(part in command for part in self.accepted):
            return ""
        raise AssertionError(self._unknown(command))

    def _of_file(self, command: str) -> str | None:
        for path, content in self.files.items():
            if f"cat {path}" in command:
                return content
            if re.search(f"test -[efs] {re.escape(path)}$", command):
                return ""
        return None

    def ok(self, command: str, *, timeout: float = 60.0) -> bool:
        """Whether `run` raises nothing."""
        try:
            self.run(command, timeout=timeout)
        except CommandFailedError:
            return False
        return True

    def read(self, path: str) -> bytes:
        """Return a file that was written, or given."""
        if path not in self.files:
            raise CommandFailedError(f"cat {path}", 1, "No such file")
        return self.files[path].encode()

    def write(self, path: str, content: bytes, *, mode: int = 0o644) -> None:
        """Keep a file."""
        self.files[path] = content.decode(errors="replace")
        self.modes[path] = mode

    def fails(self, part: str, output: str = "no") -> None:
        """Let commands with this part fail."""
        self.answers[part] = CommandFailedError(part, 1, output)

    def accepts(self, *parts: str) -> None:
        """Let commands with one of these parts succeed without output."""
        self.accepted.extend(parts)

    def _unknown(self, command: str) -> str:
        known = "\n".join(f"  {part!r}" for part in (*self.answers, *self.files, *self.accepted)) or "  nothing"
        return f"{self.name} was not told what to answer to:\n  {command}\nit knows:\n{known}"
