"""Drain a node of 200 pods with this tool and with `kubectl drain`, in turn, on one real API server; the result is a ratio."""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from migrator.adapters.clock import SystemClock
from migrator.cluster.drain import cordon, drain
from migrator.kube.cluster import KubeCluster
from migrator.model.upgrade import DrainRules
from migrator.testbed.binaries import Store
from migrator.testbed.planes.control_plane import Recipe
from migrator.testbed.planes.deploy import deploy
from migrator.testbed.planes.pair import Testbed, default_cache
from migrator.testbed.versions import GREEN
from tests.support.drains import await_pods, make_node, workload
from tests.support.recorder import Recorder

RESULT = Path(__file__).parent / "results/drain.json"
NODES = ("drain-a", "drain-b")


def main() -> None:
    """Measure, print, and write the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pods", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--no-write", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        store = Store(default_cache(), lambda text: print(f"→ {text}", file=sys.stderr))
        testbed = Testbed(Path(folder) / "testbed", store, lambda _: None)
        try:
            cluster = testbed.up((Recipe("green", GREEN),))["green"].cluster(patience=30)
            result = measure(cluster, testbed.kubeconfig, str(store.kubernetes(GREEN, ("kubectl",))["kubectl"]), options)
        finally:
            testbed.down()
    print(json.dumps(result, indent=2))
    if not options.no_write:
        RESULT.write_text(json.dumps(result, indent=2) + "\n")


def measure(cluster: KubeCluster, kubeconfig: Path, kubectl: str, options: argparse.Namespace) -> dict[str, object]:
    """Return seconds of both, each round draining the node that the other round has filled."""
    for name in NODES:
        make_node(cluster, name, group="drain")
    deploy(cluster, [{**item, "metadata": {"name": "web", "namespace": "default"}} for item in (pods(options.pods),)])
    cordon(cluster, NODES[1])
    ways: dict[str, Callable[[str], object]] = {
        "migrator": lambda node: drain(cluster, node, DrainRules(), clock=SystemClock(), reporter=Recorder()),
        "kubectl": lambda node: subprocess.run(
            [kubectl, f"--kubeconfig={kubeconfig}", "--context=green", "drain", node, "--ignore-daemonsets"],
            check=True,
            capture_output=True,
        ),
    }
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    full, empty = NODES
    for number in range(2 * options.rounds):
        # Each goes first in every other pair.
        name = list(ways)[(number + number // 2) % 2]
        settle(cluster, full, empty, options.pods)
        begun = time.monotonic()
        ways[name](full)
        seconds[name].append(round(time.monotonic() - begun, 2))
        print(f"  {name}: {seconds[name][-1]} s", file=sys.stderr)
        full, empty = empty, full
    medians = {name: statistics.median(values) for name, values in seconds.items()}
    return {
        "pods": options.pods,
        "seconds": seconds,
        "kubectl_over_migrator": round(medians["kubectl"] / medians["migrator"], 2),
        "machine": {"cpus": os.cpu_count(), "kubernetes": GREEN},
    }


def pods(count: int) -> dict[str, object]:
    """Return the workload that is moved to and fro."""
    return workload("Deployment", "web", "drain", replicas=count)


def settle(cluster: KubeCluster, full: str, empty: str, count: int) -> None:
    """Let all pods be on the one node and the other one be free to take them."""
    await_pods(cluster, full, count)
    cordon(cluster, empty, on=False)


if __name__ == "__main__":
    main()
