"""PostgreSQL as a StatefulSet with a claim, and clients that commit numbered transactions and log what they were told is safe."""

from __future__ import annotations

import itertools
import os
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import psycopg
import yaml

from migrator.testbed.binaries import Store
from migrator.testbed.machines.registry import DATABASE_IMAGE, PROVISIONER_IMAGE
from migrator.testbed.threads import beside
from tests.support.sandbox import until

PORT = 30432
FOLDER = "/var/lib/postgresql/data"
_ACCOUNTS = 1000
_FILLED_ROWS = 200_000
_WRONG = """
SELECT count(*) FROM accounts a LEFT JOIN (SELECT account, sum(delta) AS moved FROM history GROUP BY account) h ON h.account = a.id
WHERE a.balance <> coalesce(h.moved, 0)
"""
"""How many accounts do not have what their history amounts to, in one statement and so at one moment."""


def provisioner(store: Store) -> list[dict[str, Any]]:
    """Return local-path-provisioner's own manifests, with images of the nodes' registry."""
    program = store.programs("local-path-provisioner")["local-path-provisioner"]
    found = [item for item in yaml.safe_load_all((program.parent / "local-path-storage.yaml").read_text()) if item]
    for item in found:
        if item["kind"] == "Deployment":
            (container,) = item["spec"]["template"]["spec"]["containers"]
            container["image"] = PROVISIONER_IMAGE
        elif item["kind"] == "ConfigMap":
            pod = yaml.safe_load(item["data"]["helperPod.yaml"])
            pod["spec"]["containers"][0]["image"] = DATABASE_IMAGE
            item["data"]["helperPod.yaml"] = yaml.safe_dump(pod)
    return found


def database() -> list[dict[str, Any]]:
    """Return a StatefulSet of one PostgreSQL with a claim of local-path, behind a NodePort."""
    labels = {"app": "db"}
    container = {
        "name": "postgres",
        "image": DATABASE_IMAGE,
        "env": [{"name": "PGDATA", "value": f"{FOLDER}/pgdata"}],
        "ports": [{"containerPort": 5432}],
        "volumeMounts": [{"name": "data", "mountPath": FOLDER}],
        "readinessProbe": {"tcpSocket": {"port": 5432}, "periodSeconds": 1},
        "resources": {"requests": {"cpu": "50m", "memory": "64Mi"}},
    }
    claim = {
        "metadata": {"name": "data"},
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "storageClassName": "local-path",
            "resources": {"requests": {"storage": "1Gi"}},
        },
    }
    spec = {
        "replicas": 1,
        "serviceName": "db",
        "selector": {"matchLabels": labels},
        "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
        "volumeClaimTemplates": [claim],
    }
    service = {"type": "NodePort", "selector": labels, "ports": [{"port": 5432, "nodePort": PORT}]}
    meta = {"name": "db", "namespace": "shop"}
    return [
        {"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": service},
        {"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": meta, "spec": spec},
    ]


@dataclass(slots=True)
class Clients:
    """Clients of the database, wherever it answers; each transaction has a number of its own."""

    addresses: tuple[str, ...]
    log: Path
    """Numbers of acknowledged commits, one a line, on disk before the next transaction begins."""
    sent: set[int] = field(default_factory=set)
    acknowledged: list[tuple[int, float]] = field(default_factory=list)
    """Numbers, and when each was told to be safe; monotonic seconds."""
    found_later: int = 0
    """Commits whose answer was lost with the connection, and that were there afterwards."""
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _over: threading.Event = field(default_factory=threading.Event)

    def prepare(self) -> None:
        """Make the tables, and rows so that there is something to move; the node's port leads to the pod a moment after it is ready."""
        until(self._answers)
        with self._connection() as made:
            made.execute("CREATE TABLE accounts (id int PRIMARY KEY, balance bigint NOT NULL)")
            # No unique key: a number that is there twice would be refused by one, and not be counted.
            made.execute("CREATE TABLE history (number bigint NOT NULL, account int NOT NULL, delta int NOT NULL)")
            made.execute("CREATE INDEX ON history (number)")
            made.execute("INSERT INTO accounts SELECT i, 0 FROM generate_series(1, %s) i", (_ACCOUNTS,))
            made.execute("CREATE TABLE filled (i int NOT NULL, a text NOT NULL)")
            made.execute("INSERT INTO filled SELECT i, md5(i::text) FROM generate_series(1, %s) i", (_FILLED_ROWS,))

    @contextmanager
    def running(self, count: int = 4) -> Iterator[None]:
        """Let them work until the block ends."""
        with beside(self._over, *(partial(self._work, number, count) for number in range(count))):
            yield

    def count(self) -> int:
        """Return how many commits were acknowledged."""
        return len(self.acknowledged)

    def longest_gap_ms(self, since: float) -> float:
        """Return the longest time since a moment in which nobody's commit was acknowledged."""
        times = [since, *sorted(at for _, at in self.acknowledged if at >= since)]
        return max((b - a) * 1000 for a, b in itertools.pairwise(times))

    def tally(self) -> dict[str, int]:
        """Return what is lost, doubled or not explained, by this log and the database as it answers now."""
        before = [number for number, _ in list(self.acknowledged)]
        with self._connection() as asked:
            rows = [row[0] for row in asked.execute("SELECT number FROM history").fetchall()]
            (wrong,) = asked.execute(_WRONG).fetchone() or (0,)
            (filled,) = asked.execute("SELECT count(*) FROM filled WHERE a = md5(i::text)").fetchone() or (0,)
        there = Counter(rows)
        return {
            "acknowledged": len(before),
            "lost": sum(number not in there for number in before),
            "doubled": sum(times > 1 for times in there.values()),
            "never_sent": sum(number not in self.sent for number in there),
            "accounts_wrong": int(wrong),
            "rows_lost": _FILLED_ROWS - int(filled),
        }

    def _connection(self) -> psycopg.Connection[Any]:
        return psycopg.connect(
            host=",".join(self.addresses),
            port=PORT,
            user="shop",
            dbname="postgres",
            connect_timeout=3,
            target_session_attrs="read-write",
            autocommit=True,
        )

    def _answers(self) -> bool:
        try:
            self._connection().close()
        except psycopg.OperationalError:
            return False
        return True

    def _work(self, first: int, step: int) -> None:
        number, made = first, None
        while not self._over.is_set():
            try:
                made = made or self._connected(number)
                if made is None:
                    number += step
                    continue
                self._commit(made, number)
                self._acknowledge(number)
                number += step
            except psycopg.Error:
                if made:
                    made.close()
                made = None
                self._over.wait(0.05)
            self._over.wait(0.005)
        if made:
            made.close()

    def _connected(self, number: int) -> psycopg.Connection[Any] | None:
        """Return a connection; None where the transaction whose answer was lost is there, so that it is not sent again."""
        made = self._connection()
        if number in self.sent and made.execute("SELECT 1 FROM history WHERE number = %s", (number,)).fetchone():
            with self._lock:
                self.found_later += 1
            made.close()
            return None
        return made

    def _commit(self, made: psycopg.Connection[Any], number: int) -> None:
        self.sent.add(number)
        account, delta = number % _ACCOUNTS + 1, number % 97 - 48
        with made.transaction():
            made.execute("UPDATE accounts SET balance = balance + %s WHERE id = %s", (delta, account))
            made.execute("INSERT INTO history VALUES (%s, %s, %s)", (number, account, delta))

    def _acknowledge(self, number: int) -> None:
        now = time.monotonic()
        with self._lock:
            self.acknowledged.append((number, now))
            with self.log.open("a") as file:
                file.write(f"{number}\n")
                file.flush()
                os.fsync(file.fileno())
