"""Which cluster an upgrade is about; imports little, so that `--help` answers at once."""

from __future__ import annotations

import glob
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import click

from migrator.cli.options import output_option
from migrator.errors import ConfigError
from migrator.wiring.inputs import UpgradeInputs

_FILE = click.Path(path_type=Path, dir_okay=False)


@dataclass(slots=True, frozen=True, kw_only=True)
class Where:
    """The options that every verb of an upgrade has: which cluster, where its journal is, and how to answer."""

    stack: Annotated[str | None, click.option("-s", "--stack", help="Name of the stack: stacks/Pulumi.NAME.yaml.")] = None
    file: Annotated[Path | None, click.option("-f", "--file", type=_FILE, help="Path of such a file, instead of --stack.")] = None
    kubeconfig: Annotated[
        Path | None, click.option("--kubeconfig", type=_FILE, help="[default: admin.conf of the first control plane]")
    ] = None
    state_dir: Annotated[
        Path | None,
        click.option(
            "--state-dir", type=click.Path(path_type=Path), help="Folder of the journal.  [default: .migrator/upgrade-NAME]"
        ),
    ] = None
    output: Annotated[str, output_option] = "text"
    yes: Annotated[bool, click.option("-y", "--yes", is_flag=True, help="Ask nothing.")] = False

    @property
    def path(self) -> Path:
        """The file that describes the cluster; raises ConfigError unless exactly one is named or found in stacks/."""
        if self.file:
            return self.file
        if self.stack:
            return Path("stacks") / f"Pulumi.{self.stack}.yaml"
        found = sorted(Path(name) for name in glob.glob("stacks/Pulumi.*.yaml"))  # noqa: PTH207 - relative names, as typed
        if len(found) == 1:
            return found[0]
        names = ", ".join(path.stem.removeprefix("Pulumi.") for path in found)
        there = f"there are stacks {names}" if names else "there is no stacks/Pulumi.NAME.yaml below this folder"
        raise ConfigError([f"which cluster? {there}"], hint="--stack NAME, or --file PATH of such a file")

    @property
    def name(self) -> str:
        """Name of the stack, or of the file."""
        return self.path.stem.removeprefix("Pulumi.")

    @property
    def inputs(self) -> UpgradeInputs:
        """What a session of the upgrade is opened with."""
        folder = self.state_dir or Path(".migrator") / f"upgrade-{self.name}"
        return UpgradeInputs(name=self.name, file=self.path, kubeconfig=self.kubeconfig, journal=folder / "journal.jsonl")
