"""A copy of the Pulumi project with real nodes of its own."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import yaml

from migrator.adapters.commands import run
from migrator.errors import CommandFailedError
from migrator.testbed.binaries import Store
from migrator.testbed.machines.lab import Lab
from migrator.testbed.machines.supplies import stack_settings
from migrator.testbed.pulumi.engine import Engine, make_engine

ROOT = Path(__file__).parents[2]


def say(text: str) -> None:
    """Show progress of what takes minutes."""
    print(f"testbed: {text}", file=sys.__stderr__, flush=True)


class Project:
    """A copy of the Pulumi project, with labs and stacks of its own."""

    def __init__(self, folder: Path, store: Store, supplies: Path) -> None:
        self.folder = folder
        self.store = store
        self.supplies = supplies
        self.labs: dict[str, Lab] = {}
        (folder / "stacks").mkdir(parents=True)
        for name in ("Pulumi.yaml", "__main__.py", "deploy", ".venv"):
            (folder / name).symlink_to(ROOT / name)
        self.engine: Engine = make_engine(store, folder, folder / "pulumi")

    def lab(self, name: str, count: int, version: str) -> Lab:
        """Boot nodes."""
        lab = Lab(self.folder / "nodes" / name, name, self.store, say)
        self.labs[name] = lab
        lab.up(count, (version,))
        return lab

    def stack(self, name: str, settings: dict[str, Any]) -> None:
        """Write a stack's settings; Pulumi's own keys in the file stay."""
        file = self.folder / "stacks" / f"Pulumi.{name}.yaml"
        before = yaml.safe_load(file.read_text()) if file.exists() else {}
        file.write_text(yaml.safe_dump({**before, **settings}, sort_keys=False))
        if not before:
            self.engine.run("stack", "init", name)

    def settings(self, name: str, version: str, **more: Any) -> dict[str, Any]:
        """Return the settings of a stack on all nodes of a lab."""
        return stack_settings(self.labs[name], version, self.supplies, **more)

    def up(self, name: str, *words: str) -> str:
        """Run `pulumi up`; when it fails, the report has all that it said."""
        try:
            return self.engine.run("up", "--yes", "--skip-preview", "--stack", name, *words)
        except CommandFailedError as error:
            say(error.output)
            raise

    def changes(self, name: str) -> dict[str, int]:
        """Return how many resources the last update of a stack left the same, created, and so on."""
        history = json.loads(self.engine.run("stack", "history", "--json", "--page-size", "1", "--stack", name))
        return dict(history[0]["resourceChanges"])

    def kubectl(self, name: str, *words: str) -> str:
        """Run kubectl on a lab's first node."""
        line = " ".join(("sudo kubectl --kubeconfig=/etc/kubernetes/admin.conf", *words))
        return run(self.labs[name].command(f"{name}-1", line))

    def root(self, node: str, command: str) -> str:
        """Run a command on a node as root."""
        return run(self.labs[node.rpartition("-")[0]].command(node, f"sudo sh -c '{command}'"))

    def close(self) -> None:
        """End all nodes."""
        for lab in self.labs.values():
            lab.down()
