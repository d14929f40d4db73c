"""Two nodes of one network, each a cluster of its own, between which volumes move."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from migrator.testbed.balancer import Balancer
from migrator.testbed.machines.lab import Lab
from migrator.testbed.machines.registry import DATABASE_IMAGE, PROVISIONER_IMAGE
from migrator.testbed.machines.supplies import stack_settings
from migrator.testbed.planes.deploy import deploy
from migrator.testbed.versions import BLUE, GREEN
from tests.support.database import provisioner
from tests.support.journey import Journey, cluster
from tests.support.project import Project, say
from tests.support.traffic_section import through


class Boards:
    """Two nodes, each a cluster."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self.journey = Journey(project)
        needed = ("python3", "rsync")
        self.lab = Lab(
            project.folder / "nodes/board", "board", project.store, say, packages=needed, images=(DATABASE_IMAGE, PROVISIONER_IMAGE)
        )
        project.labs["board"] = self.lab
        self.nodes = {"blue": "board-1", "green": "board-2"}
        self.addresses: dict[str, str] = {}

    def raise_both(self) -> None:
        """Boot the nodes and make each a cluster with a provisioner of volumes."""
        with self.journey.step("boot nodes"):
            self.lab.up(2, (BLUE, GREEN))
        machines = {machine.name: machine.address for machine in self.lab.status().machines}
        self.addresses = {side: machines[node] for side, node in self.nodes.items()}
        for side, version in (("blue", BLUE), ("green", GREEN)):
            node = {"name": self.nodes[side], "address": self.addresses[side], "role": "control-plane", "taints": []}
            self.project.stack(side, stack_settings(self.lab, version, self.project.supplies, nodes=[node], migratorRole=side))
            with self.journey.step(f"pulumi up {side}"):
                self.project.up(side)
            deploy(cluster(self.project, side), provisioner(self.project.store))

    def kubectl(self, side: str, words: str) -> Any:
        """Return what kubectl on a side's node prints as JSON."""
        return json.loads(self.on(side, f"kubectl --kubeconfig=/etc/kubernetes/admin.conf {words} -o json"))

    def on(self, side: str, command: str) -> str:
        """Run a command on a side's node as root."""
        return self.project.root(self.nodes[side], command)

    def folder(self, side: str) -> str:
        """Return where the claim's data lies on a side's node."""
        claim = self.kubectl(side, "-n shop get pvc data-db-0")
        volume = self.kubectl(side, f"get pv {claim['spec']['volumeName']}")
        terms = volume["spec"]["nodeAffinity"]["required"]["nodeSelectorTerms"]
        assert self.nodes[side] in json.dumps(terms)
        return str(volume["spec"]["hostPath"]["path"])

    def replicas(self) -> tuple[int, int]:
        """Return what both sides want of the database."""
        return self.replicas_of("db")

    def replicas_of(self, name: str) -> tuple[int, int]:
        """Return what both sides want of a StatefulSet."""
        return tuple(self.kubectl(side, f"-n shop get statefulset {name}")["spec"]["replicas"] for side in ("blue", "green"))

    def tree(self, side: str) -> Path:
        """Return where the claim's data lies, as this machine sees a node's files."""
        return self.lab.folder / "nodes" / self.nodes[side] / "root" / self.folder(side).lstrip("/")

    def left_on_hosts(self) -> list[str]:
        """Return what of a temporary server or a key is left on the nodes."""
        found = (
            self.on(side, "find /run/migrator -type f 2>/dev/null; systemctl list-units --plain --no-legend migrator-data*; true")
            for side in self.nodes
        )
        return [line for text in found for line in text.splitlines() if line]

    def events(self, name: str) -> list[dict[str, Any]]:
        """Return lines of the migration's journal."""
        lines = (self.project.folder / ".migrator/shop/journal.jsonl").read_text().splitlines()
        return [line for line in map(json.loads, lines) if line["event"] == name]


def migration(balancer: Balancer) -> dict[str, Any]:
    """Return the file of this move."""
    return {
        "apiVersion": "migrator/v1",
        "name": "shop",
        "blue": {"stack": "blue"},
        "green": {"stack": "green"},
        "move": {"namespaces": {"include": ["shop"]}},
        "traffic": {"haproxy": through(balancer), "steps": [100], "soak": "0s"},
        "gates": {"readyTimeout": "2m", "minRequests": 0},
        "volumes": {"hosts": {"blue": "stacks/Pulumi.blue.yaml", "green": "stacks/Pulumi.green.yaml"}},
    }
