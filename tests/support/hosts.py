"""A host that answers from a table, and remembers what it was asked."""

from __future__ import annotations

from collections.abc import Callable

from migrator.errors import CommandFailedError

Answer = str | Callable[[str], str] | Exception


class FakeHost:
    """Fills the `Host` port: the first entry whose key is part of a command answers it; files are kept."""

    def __init__(self, name: str = "green-1", **files: str) -> None:
        self.name = name
        self.answers: dict[str, Answer] = {}
        self.files: dict[str, str] = dict(files)
        self.commands: list[str] = []
        self.modes: dict[str, int] = {}

    def run(self, command: str, *, stdin: bytes = b"", timeout: float = 120.0) -> str:
        """Answer from the table; what nothing is known of succeeds silently."""
        del stdin, timeout
        self.commands.append(command)
        for part, answer in self.answers.items():
            if part in command:
                if isinstance(answer, Exception):
                    raise answer
                return answer(command) if callable(answer) else answer
        if "systemctl show -p ActiveState" in command:
            # What was started as a unit has ended well; how a command fails is said where it is started.
            begun = any("systemd-run" in line for line in self.commands)
            return f"ActiveState={'active' if begun else 'inactive'}\nSubState={'exited' if begun else 'dead'}\nExecMainStatus=0\n"
        for path, content in self.files.items():
            if f"cat {path}" in command:
                return content
        return ""

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
        self.files[path] = content.decode()
        self.modes[path] = mode

    def fails(self, part: str, output: str = "no") -> None:
        """Let commands with this part fail."""
        self.answers[part] = CommandFailedError(part, 1, output)
