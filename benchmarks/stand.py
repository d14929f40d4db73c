"""Blue and a fresh green for each contender, and what all benchmarks of a copy ask of them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import orjson
import yaml

from migrator.kube.cluster import KubeCluster
from migrator.model.ref import ResourceType
from migrator.testbed.binaries import Store
from migrator.testbed.planes.control_plane import Recipe
from migrator.testbed.planes.pair import Testbed, default_cache
from migrator.testbed.versions import BLUE, GREEN

NAMESPACES = 20
THREADS = 32
Manifest = dict[str, Any]


class Bench:
    """Blue filled once, and a fresh green for each contender."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.store = Store(default_cache(), say)
        self.blue_bed = Testbed(folder / "blue", self.store, say)
        self.green_bed = Testbed(folder / "green", self.store, say)

    def blue(self, objects: list[tuple[ResourceType, Manifest]]) -> float:
        """Start blue and fill it; return the seconds that took."""
        self.blue_bed.down()
        plane = self.blue_bed.up((Recipe("blue", BLUE, controllers=False),))["blue"]
        cluster = plane.cluster(patience=30)
        if objects:
            make_namespaces(cluster)
        return write_all(cluster, objects)

    def blue_cluster(self) -> KubeCluster:
        """Return blue, which runs."""
        return self.blue_bed.up((Recipe("blue", BLUE, controllers=False),))["blue"].cluster(patience=30)

    def green(self) -> KubeCluster:
        """Start an empty green, the one before ended."""
        self.green_bed.down()
        return self.green_bed.up((Recipe("green", GREEN, controllers=False),))["green"].cluster(patience=30)

    def close(self) -> None:
        """End both."""
        self.blue_bed.down()
        self.green_bed.down()


def make_namespaces(cluster: KubeCluster) -> None:
    """Make the namespaces that the objects lie in."""
    resource_type = ResourceType("", "v1", "namespaces", "Namespace", False, frozenset())
    for number in range(NAMESPACES):
        body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": f"bench-{number:02}"}}
        cluster.create(resource_type, "", orjson.dumps(body), manager="bench")


def write_all(cluster: KubeCluster, objects: list[tuple[ResourceType, Manifest]]) -> float:
    """Create all objects as fast as the server takes them and do nothing else: the limit. Return seconds."""
    bodies = [(resource_type, manifest["metadata"]["namespace"], orjson.dumps(manifest)) for resource_type, manifest in objects]
    began = time.monotonic()
    with ThreadPoolExecutor(THREADS) as pool:
        for _ in pool.map(lambda item: cluster.create(item[0], item[1], item[2], manager="bench"), bodies):
            pass
    return time.monotonic() - began


def run_migrator(bench: Bench, verb: str, *arguments: str) -> tuple[float, float]:
    """Run a verb as a person would; return wall seconds and peak resident MiB."""
    config = {
        "name": "bench",
        "blue": {"kubeconfig": str(bench.blue_bed.kubeconfig)},
        "green": {"kubeconfig": str(bench.green_bed.kubeconfig)},
    }
    (bench.folder / "migration.yaml").write_text(yaml.safe_dump(config))
    command = [sys.executable, "-m", "migrator", verb, "-o", "json", *arguments]
    began = time.monotonic()
    with (bench.folder / f"{verb}.out").open("wb") as output:
        child = subprocess.Popen(command, cwd=bench.folder, stdout=output)
        _, status, usage = os.wait4(child.pid, 0)
    seconds = time.monotonic() - began
    if status:
        raise SystemExit(f"{' '.join(command)} ended with {status}: see {bench.folder / f'{verb}.out'}")
    return seconds, usage.ru_maxrss / 1024


def forget(bench: Bench) -> None:
    """Let the next copy be the first one."""
    journal_path(bench).unlink(missing_ok=True)


def journal_path(bench: Bench) -> Path:
    """Return where the journal of a copy is."""
    return bench.folder / ".migrator" / "bench" / "journal.jsonl"


def seconds_of_writing(bench: Bench, *, until: str) -> tuple[float, float]:
    """Return when the first wave was announced (since 1970), and the seconds from there to the first record `until`."""
    records = [json.loads(line) for line in journal_path(bench).read_text().splitlines()]
    began = next(record["at"] for record in records if record["event"] == "wave")
    return began, next(record["at"] for record in records if record["event"] == until) - began


def say(text: str) -> None:
    """Tell what is under way."""
    print(f"→ {text}", file=sys.stderr, flush=True)
