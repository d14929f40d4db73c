"""The testbed as a whole: blue and green side by side, all of its state in one folder."""

from __future__ import annotations

import dataclasses
import os
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from migrator.errors import ConfigError
from migrator.testbed.binaries import Store
from migrator.testbed.planes.certs import write_private
from migrator.testbed.planes.control_plane import ControlPlane, Recipe, start_control_plane
from migrator.testbed.planes.kwok_nodes import make_nodes
from migrator.testbed.processes import Process, stop
from migrator.testbed.state import StateFolder


@dataclass(slots=True, frozen=True)
class Status:
    """What of a testbed runs."""

    running: bool
    kubeconfig: Path
    processes: tuple[Process, ...]
    versions: dict[str, str]


@dataclass(slots=True)
class Testbed:
    """Two control planes in a folder."""

    folder: Path
    store: Store
    say: Callable[[str], None]

    @property
    def kubeconfig(self) -> Path:
        """One file with the contexts `blue` and `green`."""
        return self.folder / "kubeconfig"

    def up(self, recipes: tuple[Recipe, ...]) -> dict[str, ControlPlane]:
        """Start what does not run yet; a crashed or half-started testbed is cleaned up first.

        Raises ConfigError when another version runs there already.
        """
        with self._state.locked():
            status = self.status()
            wanted = {recipe.name: recipe.version for recipe in recipes}
            if status.running and status.versions != wanted:
                runs = ", ".join(f"{name} {version}" for name, version in status.versions.items())
                raise ConfigError([f"testbed: {self.folder}: already runs {runs}"], hint="`migrator testbed down` first")
            if status.running:
                return {recipe.name: self._known(recipe, status) for recipe in recipes}
            if self._state.read():
                self.say("cleaning up what a crashed testbed left behind")
                self._clean()
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._state.write({"versions": wanted, "processes": [], "complete": False})
            for recipe in recipes:
                self.store.kubernetes(recipe.version)
            self.store.etcd()
            self.store.kwok()
            self.say("starting " + " and ".join(f"{recipe.name} {recipe.version}" for recipe in recipes))
            with ExitStack() as unless_done:
                # The logs stay for a look; the next `up` removes them.
                unless_done.callback(lambda: stop(self.status().processes))
                with ThreadPoolExecutor(len(recipes)) as pool:
                    planes = list(pool.map(self._start, recipes))
                unless_done.pop_all()
            merge_kubeconfigs([plane.kubeconfig for plane in planes], self.kubeconfig)
            self._state.update(complete=True)
            return {plane.recipe.name: plane for plane in planes}

    def down(self) -> bool:
        """End every process that this testbed started and remove its folder; return whether there was one."""
        if not self.folder.exists():
            return False
        with self._state.locked():
            existed = bool(self._state.read())
            self._clean()
        shutil.rmtree(self.folder, ignore_errors=True)
        return existed

    def status(self) -> Status:
        """Return what runs."""
        state = self._state.read()
        processes = tuple(Process(**item) for item in state.get("processes", ()))
        running = bool(state.get("complete")) and all(process.alive for process in processes)
        return Status(running, self.kubeconfig, processes, state.get("versions", {}))

    def _start(self, recipe: Recipe) -> ControlPlane:
        plane = start_control_plane(recipe, self.folder / recipe.name, self.store, self._record)
        if recipe.controllers:
            make_nodes(plane.cluster(patience=30), recipe.nodes)
        return plane

    def _known(self, recipe: Recipe, status: Status) -> ControlPlane:
        own = [process for process in status.processes if process.name.startswith(f"{recipe.name}/")]
        return ControlPlane(recipe, self.folder / recipe.name, self.folder / recipe.name / "kubeconfig", own)

    def _clean(self) -> None:
        stop([Process(**item) for item in self._state.read().get("processes", ())])
        for entry in self.folder.iterdir():
            if entry.is_dir():
                shutil.rmtree(entry)
            elif entry.name != "lock":
                entry.unlink()

    def _record(self, process: Process) -> None:
        with self._state.recording() as state:
            state["processes"].append(dataclasses.asdict(process))

    @property
    def _state(self) -> StateFolder:
        return StateFolder(self.folder)


def merge_kubeconfigs(parts: list[Path], into: Path) -> None:
    """Write one kubeconfig with the clusters, users and contexts of several; users are named after their context."""
    merged: dict[str, Any] = {"apiVersion": "v1", "kind": "Config", "clusters": [], "users": [], "contexts": []}
    for part in parts:
        content = yaml.safe_load(part.read_text())
        context = content["contexts"][0]
        merged["clusters"] += content["clusters"]
        merged["users"].append({**content["users"][0], "name": context["name"]})
        merged["contexts"].append({"name": context["name"], "context": {**context["context"], "user": context["name"]}})
    merged["current-context"] = merged["contexts"][0]["name"]
    write_private(into, yaml.safe_dump(merged).encode())


def default_cache() -> Path:
    """Return where binaries are kept: `$MIGRATOR_CACHE`, or the person's cache folder."""
    named = os.environ.get("MIGRATOR_CACHE")
    return Path(named) if named else Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "migrator"
