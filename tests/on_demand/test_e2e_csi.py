"""Volumes of a CSI driver move between two clusters by the kubelet's own mounts: real kubelets, CRI-O, and a driver of our own.

The driver is registered and called by the kubelet as any other; it keeps folders of the node. Nothing provisions: both sides have
their PersistentVolumes from the start.
"""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from functools import partial
from typing import Any

import yaml

from migrator.testbed.balancer import balancing
from migrator.testbed.machines.registry import DATABASE_IMAGE
from migrator.testbed.planes.deploy import deploy
from tests.support.boards import Boards, migration
from tests.support.journey import PORT as WEB_PORT
from tests.support.journey import cluster, shop
from tests.support.project import Project
from tests.support.sandbox import until

DRIVER = "disk.example.com"
_WRITES = "n=$(cat /data/last 2>/dev/null || echo 0); while :; do n=$((n + 1)); echo $n > /data/last; sync; sleep 0.2; done"


def storage(side: str) -> list[dict[str, Any]]:
    """Return the driver's class and the volume of one side."""
    spec = {
        "capacity": {"storage": "1Gi"},
        "accessModes": ["ReadWriteOnce"],
        "storageClassName": "disk",
        "persistentVolumeReclaimPolicy": "Retain",
        "claimRef": {"namespace": "shop", "name": "data-writer-0"},
        "csi": {"driver": DRIVER, "volumeHandle": f"disk/{side}"},
    }
    provisioned = {"name": f"pv-{side}", "annotations": {"pv.kubernetes.io/provisioned-by": DRIVER}}
    return [
        {
            "apiVersion": "storage.k8s.io/v1",
            "kind": "CSIDriver",
            "metadata": {"name": DRIVER},
            "spec": {"attachRequired": False, "podInfoOnMount": False},
        },
        {"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {"name": "disk"}, "provisioner": DRIVER},
        {"apiVersion": "v1", "kind": "PersistentVolume", "metadata": provisioned, "spec": spec},
    ]


def writer() -> dict[str, Any]:
    """Return a StatefulSet of one pod that counts in a file of its volume."""
    container = {
        "name": "writer",
        "image": DATABASE_IMAGE,
        "command": ["sh", "-c", _WRITES],
        "volumeMounts": [{"name": "data", "mountPath": "/data"}],
    }
    claim = {"accessModes": ["ReadWriteOnce"], "storageClassName": "disk", "resources": {"requests": {"storage": "1Gi"}}}
    spec = {
        "serviceName": "writer",
        "replicas": 1,
        "selector": {"matchLabels": {"app": "writer"}},
        "template": {
            "metadata": {"labels": {"app": "writer"}},
            "spec": {"containers": [container], "terminationGracePeriodSeconds": 1},
        },
        "volumeClaimTemplates": [{"metadata": {"name": "data"}, "spec": claim}],
    }
    return {"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": "writer", "namespace": "shop"}, "spec": spec}


class Disks(Boards):
    """Two nodes, each a cluster, with the driver."""

    def raise_both(self) -> None:
        """Raise the clusters, and let their kubelets find the driver."""
        super().raise_both()
        program = self.project.store.programs("csi-driver")["csi-driver"]
        for side in ("blue", "green"):
            shutil.copy(program, self.lab.folder / "nodes" / self.nodes[side] / "root/usr/local/bin/csi-driver")
            self.on(side, f"systemd-run --quiet --unit=csi-driver /usr/local/bin/csi-driver {self.nodes[side]}")
            deploy(cluster(self.project, side), storage(side))
            until(partial(self.has_driver, side))

    def has_driver(self, side: str) -> bool:
        """Return whether a side's kubelet has registered the driver."""
        return DRIVER in str(self.kubectl(side, "get csinodes"))

    def last(self, side: str) -> int:
        """Return what was counted last on a side; 0 where nothing was."""
        return int(self.on(side, f"cat /var/lib/csi-disks/{side}/last 2>/dev/null || echo 0"))

    def pods(self, side: str) -> list[str]:
        """Return the pods in the namespace of the shop."""
        return [item["metadata"]["name"] for item in self.kubectl(side, "-n shop get pods")["items"]]

    def mounts(self, side: str) -> list[str]:
        """Return where the driver's volumes are mounted on a node for pods."""
        listed = self.on(side, "grep -o [^[:blank:]]*kubernetes.io~csi[^[:blank:]]* /proc/self/mountinfo; true")
        return listed.split()


def killed_while_held(boards: Disks, side: str, *words: str) -> None:
    """Kill a verb once a pod of the tool holds a volume of a side."""
    child = subprocess.Popen(
        [sys.executable, "-m", "migrator", *words],
        cwd=boards.project.folder,
        env=dict(boards.project.engine.environment),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    until(lambda: child.poll() is not None or any(name.startswith("migrator-holder-") for name in boards.pods(side)))
    child.kill()
    assert child.wait() == -signal.SIGKILL, f"{words} has ended before a pod was seen"


def test_a_disk_of_a_csi_driver_moves_and_comes_back(project: Project) -> None:
    """What was written last before each stop is there after each start, and no pod of the tool and no mount is left."""
    boards = Disks(project)
    boards.raise_both()
    deploy(cluster(project, "blue"), [*shop(), writer()])
    until(lambda: boards.last("blue") > 0)
    sides = {side: f"{boards.addresses[side]}:{WEB_PORT}" for side in ("blue", "green")}
    with balancing(project.folder / "haproxy", blue=sides["blue"], green=sides["green"]) as balancer:
        (project.folder / "migration.yaml").write_text(yaml.safe_dump(migration(balancer)))

        def run(*words: str) -> None:
            with boards.journey.step(" ".join(words)):
                printed = boards.journey.migrator(*words)
            print(f"$ migrator {' '.join(words)}\n{boards.journey.said}{printed}", file=sys.__stderr__, flush=True)
            assert not [name for side in sides for name in boards.pods(side) if name.startswith("migrator-")]

        # Killed with a pod of the tool open, each verb is run again, which takes the pod over or removes it.
        killed: tuple[tuple[tuple[str, ...], str], ...] = (
            (("copy",), ""),
            (("data", "plan"), ""),
            (("data", "copy"), "green"),
            (("validate",), ""),
            (("cutover", "--yes"), "blue"),
        )
        for words, side in killed:
            if side:
                killed_while_held(boards, side, *words)
            run(*words)
        assert boards.replicas_of("writer") == (0, 1)
        stopped = boards.last("blue")
        until(lambda: boards.last("green") > stopped)
        killed_while_held(boards, "green", "rollback")
        run("rollback")
        assert boards.replicas_of("writer") == (1, 0)
        stopped = boards.last("green")
        until(lambda: boards.last("blue") > stopped)
        until(lambda: boards.mounts("green") == [])
    assert boards.left_on_hosts() == []
