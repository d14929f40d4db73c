"""Real nodes: containers with systemd, our packages, the real Pulumi engine."""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from migrator.errors import CommandFailedError
from migrator.testbed.binaries import Store
from migrator.testbed.machines.lab import Lab
from migrator.testbed.machines.supplies import packages, stack_settings
from migrator.testbed.planes.pair import default_cache
from migrator.testbed.pulumi.engine import Engine, make_engine
from migrator.testbed.versions import BLUE, GREEN

ROOT = Path(__file__).parents[2]
NEEDED = ("systemd-nspawn", "debootstrap", "makepkg", "pacman", "docker-registry", "skopeo", "umoci", "go", "ssh")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave these out where they cannot run, on a laptop; under CI they must run."""
    _keep_stories_in_order(items)
    # The longest first, so that no worker waits for another one at the end; a module says how many seconds it takes.
    items.sort(key=lambda item: -getattr(getattr(item, "module", None), "SECONDS", 0))
    missing = [name for name in NEEDED if not shutil.which(name)] + ([] if os.geteuid() == 0 else ["root"])
    if missing and not os.environ.get("CI"):
        for item in items:
            if "tests/e2e" in str(item.path):
                item.add_marker(pytest.mark.skip(reason=f"real nodes need {', '.join(missing)}"))


def _keep_stories_in_order(items: list[pytest.Item]) -> None:
    """Put the tests of a module that says `IN_ORDER` back into the order of its file: each goes on where the last one ended."""
    for module in {item.module for item in items if isinstance(item, pytest.Function) and getattr(item.module, "IN_ORDER", False)}:
        places = [number for number, item in enumerate(items) if isinstance(item, pytest.Function) and item.module is module]
        told = sorted((items[number] for number in places), key=lambda item: item.location[1] or 0)
        for number, item in zip(places, told, strict=True):
            items[number] = item


def say(text: str) -> None:
    """Show progress of what takes minutes."""
    print(f"testbed: {text}", file=sys.__stderr__, flush=True)


@pytest.fixture(scope="session")
def store() -> Store:
    """Return the cache of real binaries."""
    return Store(default_cache(), say)


@pytest.fixture(scope="session")
def supplies(store: Store) -> Path:
    """Return the folder of our packages, for both versions."""
    return packages(store, (BLUE, GREEN))


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
        from migrator.adapters.commands import run

        line = " ".join(("sudo kubectl --kubeconfig=/etc/kubernetes/admin.conf", *words))
        return run(self.labs[name].command(f"{name}-1", line))

    def close(self) -> None:
        """End all nodes."""
        for lab in self.labs.values():
            lab.down()


@pytest.fixture(scope="module")
def project(store: Store, supplies: Path) -> Iterator[Project]:
    """Return a project of its own for a module."""
    folder = Path(tempfile.mkdtemp(prefix="migrator-e2e-", dir="/var/tmp"))
    made = Project(folder / "project", store, supplies)
    try:
        yield made
    finally:
        made.close()
        shutil.rmtree(folder, ignore_errors=True)


Until = Callable[[Callable[[], bool]], None]
