"""After a fault: the verb that the tool itself names, until the one that was disturbed has succeeded."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass

_TAIL_LINES = 12
_COMMAND = re.compile(r"`migrator ((?:copy|validate|cutover|rollback|retire)\b[^`]*)`")
_SAME = re.compile(r"run (?:the same command|it) again|try again|then run again|again when it")


@dataclass(slots=True, frozen=True)
class Said:
    """One run of the command line."""

    command: tuple[str, ...]
    code: int
    out: str
    err: str

    @property
    def verb(self) -> str:
        """What was asked."""
        return self.command[0]

    @property
    def text(self) -> str:
        """All that was printed."""
        return self.out + self.err


def named(said: Said) -> tuple[str, ...] | None:
    """Return the command that the output of a run tells to run next, or None when it tells none."""
    tail = "\n".join(said.text.splitlines()[-_TAIL_LINES:])
    found = _COMMAND.findall(tail)
    if found:
        return tuple(shlex.split(found[-1]))
    return said.command if said.verb != "status" and _SAME.search(tail) else None


def is_locked_out(said: Said) -> bool:
    """Return whether a run was refused because an ended one still holds the lock; waiting is then what the tool tells to do."""
    return said.code != 0 and ("is locked by" in said.text or "was locked by" in said.text)
