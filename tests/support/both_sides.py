"""Both sides of a migration whose pods run as processes, with traffic through a balancer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import yaml

from migrator.errors import ConflictError
from migrator.testbed.balancer import balanced
from migrator.testbed.planes.deploy import deploy
from tests.support.pod_network import pod_network
from tests.support.pod_processes import PodProcesses, pods_run
from tests.support.sandbox import Pair, Sandbox
from tests.support.traffic_section import through


@contextmanager
def both_sides(
    sandbox: Sandbox, folder: Path, programs: Mapping[str, Path], **config: Any
) -> Iterator[tuple[PodProcesses, PodProcesses]]:
    """Run the pods of blue and green; `programs`: by the last word of an image's path, `config`: more of migration.yaml."""
    pair = sandbox.pair
    with ExitStack() as stack:
        balancer, _, _ = stack.enter_context(balanced(folder / "haproxy"))
        traffic = {"haproxy": through(balancer), "steps": [100], "soak": "0s"}
        sandbox.configure(traffic=traffic, gates={"minRequests": 0, "readyTimeout": "60s"}, **config)
        blue, green = (
            PodProcesses(
                cluster,
                sandbox.namespace,
                pair.kubeconfig,
                programs,
                folder / cluster.name,
                stack.enter_context(pod_network(pair.testbed.folder / cluster.name)),
            )
            for cluster in (pair.blue, pair.green)
        )
        stack.enter_context(pods_run(blue, green))
        yield blue, green


def define(pair: Pair, *files: Path) -> None:
    """Create the CRDs in these files on both sides, where they are not there yet."""
    for file in files:
        for manifest in yaml.safe_load_all(file.read_text()):
            for cluster in (pair.blue, pair.green):
                try:
                    deploy(cluster, [manifest])
                except ConflictError:
                    continue
