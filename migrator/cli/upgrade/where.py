"""Which cluster an upgrade is about; light, so that `--help` answers at once."""

from __future__ import annotations

import glob
from dataclasses import dataclass
from pathlib import Path

from migrator.errors import ConfigError


@dataclass(slots=True, frozen=True)
class Where:
    """Which cluster, and where its journal lies."""

    file: Path
    kubeconfig: Path | None
    state_dir: Path | None
    output: str
    yes: bool

    @property
    def name(self) -> str:
        """Name of the stack, or of the file."""
        return self.file.stem.removeprefix("Pulumi.")

    @property
    def journal(self) -> Path:
        """The journal's path."""
        return (self.state_dir or Path(".migrator") / f"upgrade-{self.name}") / "journal.jsonl"


def stack_file(stack: str | None, file: Path | None) -> Path:
    """Return the file that describes the cluster; raises ConfigError unless exactly one is named or there."""
    if file:
        return file
    if stack:
        return Path("stacks") / f"Pulumi.{stack}.yaml"
    found = sorted(Path(name) for name in glob.glob("stacks/Pulumi.*.yaml"))  # noqa: PTH207 - relative names, as typed
    if len(found) == 1:
        return found[0]
    names = ", ".join(path.stem.removeprefix("Pulumi.") for path in found) or "none here"
    raise ConfigError([f"which cluster? There are stacks {names}"], hint="--stack NAME, or --file PATH of such a file")
