"""A shop with its PostgreSQL moves to a newer cluster under load, comes back, and moves again: real nodes, nothing is played.

Two nodes of one network, each a cluster of its own, with local-path-provisioner on both. Clients commit all the while; by their own
log nothing is lost and nothing is there twice.
"""

from __future__ import annotations

import json
import os
import stat
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
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
from tests.support.second_reader import disagreements
from tests.support.traffic_section import through

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


@dataclass
class Move:
    """The way of one database, step by step, with what its clients saw."""

    boards: Boards
    clients: Clients
    waits: dict[str, int] = field(default_factory=dict)
    """Milliseconds in which nobody's commit was acknowledged, by step."""

    def run(self, *words: str) -> None:
        """Run a verb as a person does, and fail when a committed transaction is gone, or there twice."""
        since, name = time.monotonic(), " ".join(word for word in words if word != "--yes")
        with self.boards.journey.step(name):
            printed = self.boards.journey.migrator(*words)
        print(f"$ migrator {name}\n{self.boards.journey.said}{printed}", file=sys.__stderr__)
        have = self.clients.count()
        until(lambda: self.clients.count() > have + 50)
        tally = self.clients.tally()
        self.waits[f"{len(self.waits) + 1} {name}"] = round(self.clients.longest_gap_ms(since))
        print(f"e2e: {name}: {tally}; clients waited {self.waits}", file=sys.__stderr__, flush=True)
        assert not any(value for key, value in tally.items() if key != "acknowledged"), tally

    def require_proof(self, side: str, direction: str) -> None:
        """Fail unless the newest proof is what lies on the side that has stopped, by two programs."""
        proofs = (self.boards.project.folder / ".migrator/shop/proofs").glob(f"*-{direction}-*.proof.gz")
        newest = max(proofs, key=lambda path: path.stat().st_mtime)
        tree = self.boards.tree(side)
        print(self.boards.journey.migrator("proof", "verify", str(newest), "--tree", str(tree)), file=sys.__stderr__)
        assert disagreements(newest, tree) == []
        assert stat.S_IMODE((tree / "pgdata").stat().st_mode) == 0o700


def test_a_database_moves_under_load_comes_back_and_moves_again(project: Project) -> None:
    """0 committed transactions are lost or doubled; the pause is measured by the tool and by the clients; proofs hold."""
    boards = Boards(project)
    boards.raise_both()
    with served(boards) as (clients, balancer):
        (project.folder / "migration.yaml").write_text(yaml.safe_dump(migration(balancer)))
        move = Move(boards, clients)
        for words in (
            ("plan",),
            ("copy",),
            ("data", "plan"),
            ("data", "copy"),
            ("data", "copy"),
            ("validate",),
            ("cutover", "--yes"),
        ):
            move.run(*words)
        assert boards.replicas() == (0, 1)
        move.require_proof("blue", "to-green")
        move.run("rollback")
        assert boards.replicas() == (1, 0)
        move.require_proof("green", "to-blue")
        for words in (("copy",), ("validate",), ("cutover", "--yes")):
            move.run(*words)
        assert boards.replicas() == (0, 1)
        move.require_proof("blue", "to-green")
    assert boards.left_on_hosts() == []
    tally, paused = clients.tally(), boards.events("paused")
    result = {
        "transactions": tally["acknowledged"],
        "transactions_lost": tally["lost"],
        "transactions_doubled": tally["doubled"],
        "answers_lost": clients.found_later,
        "pause_ms": [item["milliseconds"] for item in paused],
        "pause_parts_ms": [{key: item[key] for key in ("stop", "data", "start")} for item in paused],
        "clients_waited_ms": move.waits,
        "load": round(os.getloadavg()[0], 1),
    }
    print(json.dumps(result, indent=2), file=sys.__stderr__)
    assert clients.log.read_text().splitlines() == [str(number) for number, _ in clients.acknowledged]
    if os.environ.get("MIGRATOR_WRITE_RESULTS"):
        RESULT.write_text(json.dumps(json.loads(RESULT.read_text()) | result, indent=2) + "\n")
