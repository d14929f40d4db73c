"""Both sides of a migration with real controllers that act outside, and what was seen of them there.

External-dns runs as a process, and a real BIND answers it. Played are: the kubelets (`pod_processes`), and the cloud that gives
Services their addresses.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from migrator.kube.cluster import KubeCluster
from migrator.testbed.balancer import balanced
from migrator.testbed.binaries import Store
from migrator.testbed.name_server import NameServer, name_server
from tests.support.objects import cron_job
from tests.support.outside_programs import external_dns, published, tsig
from tests.support.pod_processes import PodProcesses, overlaps, pods_run
from tests.support.sandbox import TYPES, Sandbox, until
from tests.support.zone_history import Change, Entry, by_name, changes_since, missing_after, records, serial, update_times

NAMES = ("web", "api")
"""What external-dns keeps in DNS."""
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

    def hand_over(self, verb: str, *, kill_after: float | None = None) -> None:
        """Run cutover or rollback, killed and run again where asked; wait for what follows outside, and count it."""
        side = "green" if verb == "cutover" else "blue"
        before, first = records(self.server), serial(self.server)
        if kill_after is not None:
            self._killed(verb, kill_after)
        self._carried_through(verb)
        self.await_names(side)
        self._count(before, changes_since(self.server, first), verb)
        self.seen.cutovers += verb == "cutover"
        self.seen.rollbacks += verb == "rollback"

    def judge(self) -> Seen:
        """Add who wrote when: each update has exactly one process that may have made it; and no minute ran twice."""
        assert (self.blue.failures, self.green.failures) == ([], [])
        twice = self.seen.double_effects
        twice += [f"ran at the same time: {text}" for text in overlaps(self.blue, self.green)]
        runs = [*self.blue.runs, *self.green.runs]
        for moment in update_times(self.server):
            sides = {side.cluster.name for side in (self.blue, self.green) if any(run.lived_at(moment) for run in side.runs)}
            if len(sides) != 1:
                twice.append(f"an update at {moment} while these ran: {[run.pod for run in runs if run.lived_at(moment)]}")
        ran = [minute for side in ("blue", "green") for minute in self._minutes(side)]
        twice += [
            f"minute {minute} of the CronJob ran {ran.count(minute)} times" for minute in sorted(set(ran)) if ran.count(minute) > 1
        ]
        return self.seen

    def left_out(self) -> list[int]:
        """Return the minutes between first and last run in which the CronJob did not run."""
        ran = sorted(minute for side in ("blue", "green") for minute in self._minutes(side))
        return sorted(set(range(ran[0], ran[-1] + 1)) - set(ran)) if ran else []

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
        if child.poll() is None:
            child.send_signal(signal.SIGKILL)
            self.seen.kills += 1
        child.communicate()

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
def outside(sandbox: Sandbox, store: Store, folder: Path) -> Iterator[Outside]:
    """Run what acts outside on blue until its names are in DNS."""
    programs = store.programs("external-dns")
    with ExitStack() as stack:
        balancer, _, _ = stack.enter_context(balanced(folder / "haproxy"))
        server = stack.enter_context(name_server(folder / "bind", _FOREIGN))
        clusters = (sandbox.pair.blue, sandbox.pair.green)
        sides = [
            PodProcesses(cluster, sandbox.namespace, sandbox.pair.kubeconfig, programs, folder / cluster.name)
            for cluster in clusters
        ]
        stack.enter_context(pods_run(*sides))
        haproxy = {"backend": "shop", "blue": ["blue"], "green": ["green"], "stateFile": str(balancer.state_file)}
        traffic = {"haproxy": {**haproxy, "socket": str(balancer.socket)}, "steps": [100], "soak": "0s"}
        sandbox.configure(traffic=traffic, gates={"minRequests": 0, "readyTimeout": "60s"})
        found = Outside(sandbox, server, sides[0], sides[1])
        sandbox.on_blue(tsig(server), *external_dns(server, sandbox.namespace), *map(published, _SERVICES))
        sandbox.on_blue(cron_job(_TICK, schedule="* * * * *", successfulJobsHistoryLimit=1000))
        found.give_addresses("blue")
        found.await_names("blue")
        yield found
