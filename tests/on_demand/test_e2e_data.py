"""A shop with its PostgreSQL moves to a newer cluster under load, comes back, and moves again: real nodes, nothing is played.

Two nodes of one network, each a cluster of its own, with local-path-provisioner on both. Clients commit all the while; by their own
log nothing is lost and nothing is there twice.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import yaml

from migrator.testbed.balancer import Balancer, balancing
from migrator.testbed.machines.lab import Lab
from migrator.testbed.machines.registry import DATABASE_IMAGE, PROVISIONER_IMAGE
from migrator.testbed.machines.supplies import stack_settings
from migrator.testbed.planes.deploy import deploy
from migrator.testbed.versions import BLUE, GREEN
from tests.support.database import Clients, database, provisioner
from tests.support.journey import PORT as WEB_PORT
from tests.support.journey import Journey, cluster, shop
from tests.support.project import ROOT, Project, say
from tests.support.sandbox import until

CLAIM = "shop/data-db-0"
RESULT = ROOT / "benchmarks/results/data.json"


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
        return tuple(self.kubectl(side, "-n shop get statefulset db")["spec"]["replicas"] for side in ("blue", "green"))

    def events(self, name: str) -> list[dict[str, Any]]:
        """Return lines of the migration's journal."""
        lines = (self.project.folder / ".migrator/shop/journal.jsonl").read_text().splitlines()
        return [line for line in map(json.loads, lines) if line["event"] == name]


def migration(balancer: Balancer) -> dict[str, Any]:
    """Return the file of this move."""
    haproxy = {
        "socket": str(balancer.socket),
        "backend": "shop",
        "blue": ["blue"],
        "green": ["green"],
        "stateFile": str(balancer.state_file),
    }
    return {
        "apiVersion": "migrator/v1",
        "name": "shop",
        "blue": {"stack": "blue"},
        "green": {"stack": "green"},
        "move": {"namespaces": {"include": ["shop"]}},
        "traffic": {"haproxy": haproxy, "steps": [100], "soak": "0s"},
        "gates": {"readyTimeout": "2m", "minRequests": 0},
        "volumes": {"hosts": {"blue": "stacks/Pulumi.blue.yaml", "green": "stacks/Pulumi.green.yaml"}},
    }


@contextmanager
def served(boards: Boards) -> Iterator[tuple[Clients, Balancer]]:
    """Bring the shop and its database to blue, and let clients work."""
    deploy(cluster(boards.project, "blue"), [*shop(), *database()])
    clients = Clients(tuple(boards.addresses[side] for side in ("blue", "green")), boards.project.folder / "acknowledged")
    until(lambda: boards.kubectl("blue", "-n shop get statefulset db")["status"].get("readyReplicas") == 1)
    clients.prepare()
    sides = {side: f"{boards.addresses[side]}:{WEB_PORT}" for side in ("blue", "green")}
    with balancing(boards.project.folder / "haproxy", blue=sides["blue"], green=sides["green"]) as balancer, clients.running():
        yield clients, balancer


def test_a_database_moves_under_load_comes_back_and_moves_again(project: Project) -> None:
    """0 committed transactions are lost or doubled; the pause is printed; a proof stands for each move."""
    boards = Boards(project)
    boards.raise_both()
    pauses: dict[str, float] = {}
    with served(boards) as (clients, balancer):
        (project.folder / "migration.yaml").write_text(yaml.safe_dump(migration(balancer)))

        def run(*words: str) -> None:
            since, name = time.monotonic(), " ".join(words)
            with boards.journey.step(name):
                print(boards.journey.migrator(*words), file=sys.__stderr__)
            have = clients.count()
            until(lambda: clients.count() > have + 50)
            pauses[f"{len(pauses)} {name}"] = round(clients.longest_gap_ms(since))
            tally = clients.tally()
            print(f"e2e: {name}: {tally}, clients waited {max(pauses.values())} ms at most", file=sys.__stderr__, flush=True)
            assert not any(value for key, value in tally.items() if key != "acknowledged"), tally

        for words in (("plan",), ("copy",), ("data", "copy"), ("data", "copy"), ("validate",), ("cutover", "--yes")):
            run(*words)
        assert boards.replicas() == (0, 1)
        run("rollback")
        assert boards.replicas() == (1, 0)
        for words in (("copy",), ("validate",), ("cutover", "--yes")):
            run(*words)
        assert boards.replicas() == (0, 1)
        tally = clients.tally()
    proofs = sorted((project.folder / ".migrator/shop/proofs").glob("*.proof.gz"))
    print(boards.journey.migrator("proof", "verify", *map(str, proofs)), file=sys.__stderr__)
    print(json.dumps({"paused": boards.events("paused"), "clients": pauses, "tally": tally}), file=sys.__stderr__)
    assert len(proofs) >= 2
