"""What the program on the target's host is told about one pass."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Settings:
    """What one pass is to do."""

    root: str
    """Real path of the target's folder."""
    memory: str
    finish: bool = False
    full: bool = False
    """Whether all content is read on both sides, and not only what may have changed."""
    accept_deletions: bool = False
    known_target: bool = False
    """Whether the target may hold objects at the first pass, because it is what an earlier direction has proven."""
    devices: bool = False
    limit: int = 0
    undo: str = ""
    """Folder for what takes all changes back (`UndoLog`); empty: nothing is kept."""
    exclude: str = ""
    """What is left out on both sides (`Exclude.text`)."""
    volume: str = ""
    """Volume whose mount the target's folder is, in words; empty: it is a folder of the host, which may be anything."""
    source_volume: str = ""
    """The same of the source's folder."""
    pod: str = ""
    """UID of the pod of this tool that holds the target mounted."""
    wait_while: str = ""
    """File during whose presence the pass does not begin; empty: it begins at once."""
    wait_seconds: float = 0.0
    """How long it is waited for."""
