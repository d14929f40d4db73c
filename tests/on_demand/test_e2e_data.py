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

import yaml

from migrator.testbed.balancer import Balancer, balancing
from migrator.testbed.planes.deploy import deploy
from tests.support.boards import Boards, migration
from tests.support.database import Clients, database
from tests.support.journey import PORT as WEB_PORT
from tests.support.journey import cluster, shop
from tests.support.project import ROOT, Project
from tests.support.sandbox import until
from tests.support.second_reader import disagreements

CLAIM = "shop/data-db-0"
RESULT = ROOT / "benchmarks/results/data.json"


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
