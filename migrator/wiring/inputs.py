"""What a session is opened with: a verb makes it from its options, a rehearsal or a fleet from what it knows itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass(slots=True, frozen=True, kw_only=True)
class MigrationInputs:
    """A migration's file, and what its settings do not say."""

    file: Path
    state_dir: Path | None
    """Folder of the journal; None: beside the file."""
    max_requests: int
    """In flight to one cluster, at most."""
    allow_older: bool
    """Whether green may be of an older version than blue."""
    confirm: Callable[[str], bool]
    """Ask the person a question."""

    @property
    def folder(self) -> Path:
        """What paths in the file are relative to."""
        return self.file.parent

    def journal(self, name: str) -> Path:
        """Return where the journal of the migration of this name lies."""
        return (self.state_dir or self.folder / ".migrator" / name) / "journal.jsonl"


@dataclass(slots=True, frozen=True, kw_only=True)
class UpgradeInputs:
    """A stack's file, and what it does not say."""

    name: str
    """Of the cluster."""
    file: Path
    kubeconfig: Path | None
    """None: admin.conf of the first control plane."""
    journal: Path
