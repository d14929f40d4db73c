"""Both sides of a migration with real controllers that act outside, and what was seen of them there.

External-dns and cert-manager run as processes, a real BIND and a real ACME server answer them. Played are: the kubelets
(`pod_processes`), and the cloud that gives Services their addresses.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from migrator.kube.cluster import KubeCluster
from migrator.model.manifest import Manifest, get
from migrator.model.ref import ResourceType
from migrator.testbed.binaries import Store
from migrator.testbed.name_server import NameServer, name_server
from tests.support.both_sides import both_sides, define
from tests.support.objects import cron_job
from tests.support.outside_programs import cert_manager, certificates, external_dns, published, rolled_out, tsig
from tests.support.pebble import Pebble, pebble
from tests.support.pod_processes import PodProcesses, overlaps
from tests.support.sandbox import TYPES, Sandbox, until
from tests.support.zone_history import Change, Entry, by_name, changes_since, missing_after, records, serial, update_times

NAMES = ("web", "api")
"""What external-dns keeps in DNS, and certificates are for."""
_TAKEN = "taken"
"""What a Service asks for, and another owner has."""
_SERVICES = (*NAMES, _TAKEN)
_ADDRESSES = {"blue": "192.0.2.{}", "green": "198.51.100.{}"}
_FOREIGN = f"""\
mail IN A 203.0.113.1
{_TAKEN} IN A 203.0.113.2
a-{_TAKEN} IN TXT "heritage=external-dns,external-dns/owner=somebody-else,external-dns/resource=service/x/y"
plain IN TXT "written by hand"
"""
_CERTIFICATES = ResourceType("cert-manager.io", "v1", "certificates", "Certificate", True, frozenset())
_ISSUERS = ResourceType("cert-manager.io", "v1", "issuers", "Issuer", True, frozenset())
_TICK = "tick"
_LOCK_SECONDS = 120.0
"""How long the lock of a run that was killed is waited for."""


@dataclass(slots=True)
class Seen:
    """What was counted at the outside."""

    cutovers: int = 0
    rollbacks: int = 0
    kills: int = 0
    updates: int = 0
    double_effects: list[str] = field(default_factory=list)
    records_lost: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Outside:
    """A migration, the servers outside, and the controllers of both sides."""

    sandbox: Sandbox
    server: NameServer
    blue: PodProcesses
    green: PodProcesses
    acme: Pebble | None = None
    first: int = 0
    """The zone's serial before anything was written."""
    seen: Seen = field(default_factory=Seen)

    def give_addresses(self, side: str, names: Sequence[str] = _SERVICES) -> None:
        """Give Services of a side their addresses, as a cloud does."""
        for name in names:
            address = _ADDRESSES[side].format(_SERVICES.index(name) + 1)
            status = {"loadBalancer": {"ingress": [{"ip": address}]}}
            self._cluster(side).patch(
                TYPES["Service"], self.sandbox.namespace, name, {"status": status}, manager="cloud", subresource="status"
            )

    def await_names(self, side: str) -> None:
        """Wait until all names lead to a side."""
        wanted = {name: {_ADDRESSES[side].format(_SERVICES.index(name) + 1)} for name in NAMES}
        until(lambda: wanted.items() <= by_name(records(self.server), "A").items())

    def await_certificates(self, side: str) -> None:
        """Wait until a side's cert-manager says that certificates are ready, and the issuer where its server answers."""
        if self.acme:
            at, namespace = self._cluster(side), self.sandbox.namespace
            for kind in (_CERTIFICATES, *(() if self.acme.away else (_ISSUERS,))):
                until(lambda kind=kind: all(map(_ready, at.list(kind, namespace))))  # type: ignore[misc]

    def certificate(self, name: str) -> Manifest:
        """Return a certificate of blue."""
        return self.sandbox.pair.blue.get(_CERTIFICATES, self.sandbox.namespace, name)

    def hand_over(self, verb: str, *, kill_after: float | None = None) -> None:
        """Run cutover or rollback, killed and run again where asked; wait for what follows outside, and count it."""
        side = "green" if verb == "cutover" else "blue"
        before, first = records(self.server), serial(self.server)
        if kill_after is not None:
            self._killed(verb, kill_after)
        self._carried_through(verb)
        self.await_names(side)
        self.await_certificates(side)
        self._count(before, changes_since(self.server, first), verb)
        self.seen.cutovers += verb == "cutover"
        self.seen.rollbacks += verb == "rollback"

    def judge(self) -> Seen:
        """Add who wrote when: each update has a program that ran on one side alone; and no minute ran twice."""
        assert (self.blue.failures, self.green.failures) == ([], [])
        twice = self.seen.double_effects
        twice += [f"ran at the same time: {text}" for text in overlaps(self.blue, self.green)]
        for moment in update_times(self.server):
            alive = [(run, side.cluster.name) for side in (self.blue, self.green) for run in side.acting if run.lived_at(moment)]
            programs = {run.program for run, _ in alive}
            if not programs or len({(run.program, side) for run, side in alive}) > len(programs):
                twice.append(f"an update at {moment} while these ran: {[f'{run.pod} on {side}' for run, side in alive]}")
        ran = [minute for side in ("blue", "green") for minute in self._minutes(side)]
        twice += [
            f"minute {minute} of the CronJob ran {ran.count(minute)} times" for minute in sorted(set(ran)) if ran.count(minute) > 1
        ]
        return self.seen

    def left_out(self) -> list[int]:
        """Return the minutes between first and last run in which the CronJob did not run."""
        ran = sorted(minute for side in ("blue", "green") for minute in self._minutes(side))
        return sorted(set(range(ran[0], ran[-1] + 1)) - set(ran)) if ran else []

    def orders_per_name(self) -> int:
        """Return the most ACME orders for one name: each asks for a record of its own below `_acme-challenge` (RFC 8555, 8.4)."""
        asked: dict[str, set[Entry]] = {}
        for change in changes_since(self.server, self.first):
            for entry in change.added:
                if entry.name.startswith("_acme-challenge."):
                    asked.setdefault(entry.name, set()).add(entry)
        counted = sum(map(len, asked.values()))
        assert self.acme is None or counted == self.acme.orders, (counted, self.acme.orders)
        return max(map(len, asked.values()), default=0)

    def _count(self, before: set[Entry], changes: list[Change], verb: str) -> None:
        kept = [*((name, "A") for name in NAMES), *((f"a-{name}", "TXT") for name in NAMES)]
        own = {name for name, _ in kept}
        self.seen.updates += len(changes)
        self.seen.records_lost += [f"{verb}: {text}" for text in missing_after(before, changes, kept)]
        for change in changes:
            self.seen.double_effects += [f"{verb}: {name} was changed" for name in sorted(change.names - own)]
        for name in NAMES:
            moved = [change for change in changes if any((entry.name, entry.kind) == (name, "A") for entry in change.added)]
            # A kill may come before or after the hand-over, and the verb be run again over what is done; never is it done twice.
            if len(moved) > 1:
                self.seen.double_effects.append(f"{verb}: {name} was moved {len(moved)} times")

    def _killed(self, verb: str, after: float) -> None:
        """Kill a run with SIGKILL so many seconds after its start; one that has ended by then has done its work."""
        child = self.sandbox.start(verb, *_OPTIONS[verb])
        deadline = time.monotonic() + after
        while child.poll() is None and time.monotonic() < deadline:
            time.sleep(0.01)
        killed = child.poll() is None
        if killed:
            child.send_signal(signal.SIGKILL)
            self.seen.kills += 1
        out, err = child.communicate()
        assert killed or child.returncode == 0, (verb, out.decode(), err.decode())

    def _carried_through(self, verb: str) -> None:
        """Run a verb until it has succeeded; after a kill its lock is waited for."""
        deadline = time.monotonic() + _LOCK_SECONDS
        while True:
            result = self.sandbox.run(verb, *_OPTIONS[verb])
            done = "all traffic is on green already" in result.err
            if result.code == 0 or done:
                return
            assert "locked by" in result.err, (verb, result.out, result.err)
            assert time.monotonic() < deadline, result.err
            time.sleep(0.5)

    def _minutes(self, side: str) -> list[int]:
        jobs = self._cluster(side).list(TYPES["Job"], self.sandbox.namespace)
        return [int(job["metadata"]["name"].rpartition("-")[2]) for job in jobs]

    def _cluster(self, side: str) -> KubeCluster:
        return self.sandbox.pair.blue if side == "blue" else self.sandbox.pair.green


_OPTIONS = {"cutover": ("--yes",), "rollback": ()}


@contextmanager
def outside(
    sandbox: Sandbox, store: Store, folder: Path, *, acme: bool, rollouts: bool = False, **config: Any
) -> Iterator[Outside]:
    """Run what acts outside on blue until its names are in DNS and, with `acme`, its certificates issued.

    `rollouts`: external-dns is run by a Rollout of Argo's; `config`: more of migration.yaml.
    """
    more = (*(("cert-manager", "pebble") if acme else ()), *(("rollouts-controller",) if rollouts else ()))
    programs = store.programs("external-dns", *more)
    known = {
        "external-dns": programs["external-dns"],
        "cert-manager-controller": programs.get("cert-manager", Path()),
        "argo-rollouts": programs.get("rollouts-controller", Path()),
    }
    with (
        name_server(folder / "bind", _FOREIGN) as server,
        ExitStack() as stack,
        both_sides(sandbox, folder, known, **config) as (blue, green),
    ):
        found = Outside(sandbox, server, blue, green, first=serial(server))
        writers = external_dns(server, sandbox.namespace)
        if rollouts:
            define(sandbox.pair, *sorted(programs["rollouts-controller"].parent.glob("*.yaml")))
            writers = rolled_out(writers, sandbox.namespace)
        sandbox.on_blue(tsig(server), *writers, *map(published, _SERVICES))
        sandbox.on_blue(cron_job(_TICK, schedule="* * * * *", successfulJobsHistoryLimit=1000))
        if acme:
            found.acme = stack.enter_context(pebble(programs["pebble"], folder / "pebble", server))
            define(sandbox.pair, *sorted(programs["cert-manager"].parent.glob("*.yaml")))
            sandbox.on_blue(*cert_manager(server, sandbox.namespace), *certificates(server, found.acme, NAMES))
        found.give_addresses("blue")
        found.await_names("blue")
        found.await_certificates("blue")
        yield found


def _ready(manifest: Manifest) -> bool:
    conditions: list[Any] = get(manifest, "status", "conditions") or []
    return any((item["type"], item["status"]) == ("Ready", "True") for item in conditions)
