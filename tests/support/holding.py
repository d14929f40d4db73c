"""Kubelets that run the pods of the tool which hold volumes mounted, and nothing else."""

from __future__ import annotations

from migrator.model.kinds import PODS
from migrator.model.manifest import Manifest
from migrator.rules.holders import is_holder
from tests.support.clock import FakeClock
from tests.support.fake_cluster import FakeCluster


def holders(cluster: FakeCluster) -> list[Manifest]:
    """Return the pods of this tool that are there."""
    return [pod for pod in cluster.list(PODS, "shop") if is_holder(pod)]


def run_holders(clock: FakeClock, *clusters: FakeCluster) -> None:
    """Let pods run a moment after they were made, on node `m` where they name none."""

    def work() -> None:
        for cluster in clusters:
            for pod in holders(cluster):
                if pod.get("status", {}).get("phase") != "Running":
                    name = pod["metadata"]["name"]
                    cluster.patch(PODS, "shop", name, {"spec": {"nodeName": pod["spec"].get("nodeName", "m")}}, manager="k")
                    cluster.patch(PODS, "shop", name, {"status": {"phase": "Running"}}, manager="k", subresource="status")
        clock.after(0.1, work)

    work()
