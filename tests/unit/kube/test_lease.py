"""One run at a time holds a cluster, by nobody's wall clock; who has lost it is told before the next write."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import orjson
import pytest

from migrator.adapters.identity import process_mark
from migrator.errors import BlockedError, LockLostError, NotFoundError, UnavailableError
from migrator.kube.lease import EVERY_SECONDS, FRESH_SECONDS, NAME, NAMESPACE, SECONDS, HeldLease, Inputs, held
from migrator.model.kinds import LEASES
from migrator.model.manifest import Manifest
from migrator.model.ref import ResourceType
from tests.support.clock import FakeClock
from tests.support.fake_cluster import FakeCluster, Fault
from tests.support.fake_cluster.faults import conflict, forbidden, silent
from tests.support.objects import made
from tests.support.recorder import Recorder

NEVER = 1e6
"""Seconds after which no test still runs: the Lease is renewed when a test says so."""


class Watched(FakeCluster):
    """Tells when something was replaced, in vain or not."""

    def __init__(self, clock: FakeClock) -> None:
        super().__init__(clock=clock)
        self.tried = threading.Semaphore(0)

    def replace(self, *args: Any, **options: Any) -> Manifest:
        """Replace, and tell."""
        try:
            return super().replace(*args, **options)
        finally:
            self.tried.release()


class Repeating(FakeCluster):
    """Creates twice, as a client does that gets no answer to the first request."""

    def create(self, resource: ResourceType, namespace: str, body: bytes, **options: Any) -> Manifest:
        """Create an object, and hear only of the second attempt."""
        super().create(resource, namespace, body, **options)
        return super().create(resource, namespace, body, **options)


class Contested(FakeCluster):
    """Lets another run take a Lease that is let go, before its deletion arrives."""

    def delete(self, resource: ResourceType, namespace: str, name: str, *, uid: str, version: str = "") -> None:
        """Delete an object, too late."""
        self.patch(resource, namespace, name, {"spec": {"holderIdentity": "ben@b/2"}}, manager="migrator")
        super().delete(resource, namespace, name, uid=uid, version=version)


class Stand:
    """A cluster, a clock, and who wants the Lease."""

    def __init__(self, cluster: FakeCluster | None = None, clock: FakeClock | None = None) -> None:
        self.clock = clock or FakeClock()
        self.cluster = cluster or FakeCluster(clock=self.clock)
        self.recorder = Recorder()

    @contextmanager
    def held(self, holder: str, *, every: float = NEVER) -> Iterator[HeldLease]:
        """Hold the Lease as somebody."""
        inputs = Inputs(self.cluster, holder, self.clock, self.recorder, self.cluster)
        with held(inputs, every=every) as lease:
            yield lease

    def take(self, holder: str) -> str:
        """Hold the Lease for a moment, and return who held it then."""
        with self.held(holder):
            return str(self.spec["holderIdentity"])

    @property
    def lease(self) -> Manifest:
        """The Lease as it is."""
        return self.cluster.get(LEASES, NAMESPACE, NAME)

    @property
    def spec(self) -> dict[str, Any]:
        """What the Lease says."""
        return dict(self.lease["spec"])

    def leave(self, holder: str, *, process: str = "", **spec: Any) -> None:
        """Leave a Lease behind, as a run does that was killed."""
        before = {"holderIdentity": holder, "leaseDurationSeconds": SECONDS, "renewTime": "2026-01-01T00:00:00.000000Z"}
        annotations = {"migrator/run": "an-earlier-one", "migrator/process": process}
        lease = made("coordination.k8s.io/v1", "Lease", NAME, annotations=annotations, spec={**before, **spec})
        self.cluster.create(LEASES, NAMESPACE, orjson.dumps(lease), manager="migrator")

    def asked(self) -> int:
        """Return how many requests have been made."""
        return len(self.cluster.requests)


def test_the_lease_exists_while_it_is_held() -> None:
    """It names the holder, the time and how long it lasts; afterwards it is gone."""
    stand = Stand(clock=FakeClock(0.0))
    with stand.held("anna@a/1"):
        assert stand.spec == {
            "holderIdentity": "anna@a/1",
            "leaseDurationSeconds": SECONDS,
            "acquireTime": "1970-01-01T00:00:00.000000Z",
            "renewTime": "1970-01-01T00:00:00.000000Z",
        }
    with pytest.raises(NotFoundError):
        _ = stand.lease


def test_a_second_run_is_refused_when_it_sees_the_first_one_alive() -> None:
    """It takes until the next renewal, and a person is told what is waited for."""
    stand = Stand()
    with stand.held("anna@a/1") as first:
        stand.clock.after(EVERY_SECONDS, first.renew)
        with pytest.raises(BlockedError, match="green is locked by anna@a/1") as caught:
            stand.take("ben@b/2")
        assert stand.clock.boottime() == EVERY_SECONDS
        first.require()
    assert "delete lease migrator" in caught.value.hint
    assert stand.recorder.notes == ["green is locked by anna@a/1: watching for 30 s whether that run is alive"]


@pytest.mark.parametrize("renewed", ["2000-01-01T00:00:00.000000Z", "2099-01-01T00:00:00.000000Z", None])
def test_a_dead_run_of_elsewhere_loses_it_after_it_was_watched(renewed: str | None) -> None:
    """What its clock said counts for nothing: not an old time, which may be a clock that is behind, and not a future one."""
    stand = Stand()
    stand.leave("anna@a/1", renewTime=renewed)
    assert stand.take("ben@b/2") == "ben@b/2"
    assert SECONDS < stand.clock.boottime() <= SECONDS + 1


def test_a_lease_that_is_let_go_meanwhile_is_taken_at_once() -> None:
    """Deleted, or without a holder, which is what an account without the right to delete leaves."""
    stand = Stand()
    stand.leave("anna@a/1")
    uid = stand.lease["metadata"]["uid"]
    stand.clock.after(3, lambda: stand.cluster.delete(LEASES, NAMESPACE, NAME, uid=uid))
    assert stand.take("ben@b/2") == "ben@b/2"
    assert stand.clock.boottime() == 3
    stand.leave("")
    assert stand.take("ben@b/2") == "ben@b/2"
    assert stand.clock.boottime() == 3


def test_who_may_not_delete_lets_it_go_all_the_same() -> None:
    """The Lease stays, and nobody holds it."""
    stand = Stand()
    stand.cluster.faults.append(Fault("delete", forbidden, kind="Lease"))
    with stand.held("anna@a/1"):
        pass
    assert stand.spec["holderIdentity"] == ""


def test_a_lock_that_a_person_made_for_long_is_not_waited_for() -> None:
    """A day is no time that a killed run left."""
    stand = Stand()
    stand.leave("maintenance", leaseDurationSeconds=86400)
    with pytest.raises(BlockedError, match="green is locked by maintenance"):
        stand.take("ben@b/2")
    assert stand.clock.slept == []


def test_a_killed_run_of_this_machine_loses_it_at_once() -> None:
    """Its process is gone; one that lives, and one of another boot or PID namespace, is watched."""
    child = subprocess.Popen(["true"])
    child.wait()
    stand = Stand()
    stand.leave("root@runner/7", process=process_mark(child.pid))
    assert stand.take("root@runner/7") == "root@runner/7"
    assert stand.clock.slept == []
    elsewhere = "00000000-0000-0000-0000-000000000000/pid:[1]"
    for mark in (process_mark(), f"{elsewhere}/{child.pid}", str(child.pid), ""):
        before = len(stand.clock.slept)
        stand.leave("root@runner/7", process=mark)
        assert stand.take("root@runner/7") == "root@runner/7"
        assert len(stand.clock.slept) - before > SECONDS - 1


def test_of_two_that_take_an_old_lease_one_wins() -> None:
    """The server refuses the second writer, who is told to try again."""
    stand = Stand()
    stand.leave("")
    stand.cluster.faults.append(Fault("replace", conflict, kind="Lease"))
    with pytest.raises(BlockedError, match="locked by another run just now"):
        stand.take("ben@b/2")


def test_a_create_whose_answer_was_lost_is_no_other_run() -> None:
    """It carries this run's own mark."""
    clock = FakeClock()
    stand = Stand(Repeating(clock=clock), clock)
    assert stand.take("anna@a/1") == "anna@a/1"
    assert clock.slept == []


@pytest.mark.parametrize("pause", [FakeClock.pass_time, FakeClock.suspend], ids=["stopped", "suspended"])
def test_who_was_paused_and_has_lost_it_is_told_before_the_next_write(pause: Any) -> None:
    """A stopped process, a closed laptop: it does not take the Lease back, and does not let go of what is another's."""
    stand = Stand()
    with stand.held("anna@a/1") as first:
        pause(stand.clock, 3600.0)
        with stand.held("ben@b/2") as second:
            with pytest.raises(LockLostError, match="lock on green was taken over by ben@b/2: nothing more is written") as caught:
                first.require()
            with pytest.raises(LockLostError):
                first.check()
            first.renew()
            first.release()
            assert stand.spec["holderIdentity"] == "ben@b/2"
            second.require()
    assert caught.value.exit_code == 3


def test_a_run_of_the_same_name_is_another_run() -> None:
    """User, host and process number of two containers are often the same."""
    stand = Stand()
    with stand.held("root@runner/1") as first:
        stand.clock.pass_time(3600)
        with stand.held("root@runner/1"), pytest.raises(LockLostError, match=r"taken over by root@runner/1"):
            first.require()


def test_a_lease_that_is_taken_while_it_is_let_go_stays() -> None:
    """It is the same object, at another version."""
    clock = FakeClock()
    stand = Stand(Contested(clock=clock), clock)
    with stand.held("anna@a/1"):
        pass
    assert stand.spec["holderIdentity"] == "ben@b/2"


def test_who_was_paused_and_lost_nothing_goes_on() -> None:
    """The Lease is renewed before the write; while it is fresh, nobody is asked."""
    stand = Stand()
    with stand.held("anna@a/1") as lease:
        stand.clock.pass_time(FRESH_SECONDS - 1)
        before = stand.asked()
        lease.require()
        assert stand.asked() == before
        stand.clock.suspend(3600)
        lease.require()
        assert stand.cluster.requests[before:] == [f"replace Lease {NAMESPACE}/{NAME}"]
        lease.require()
        assert stand.asked() == before + 1


def test_a_lease_that_was_deleted_is_lost() -> None:
    """Another run may have come and gone meanwhile."""
    stand = Stand()
    with stand.held("anna@a/1") as lease:
        stand.cluster.delete(LEASES, NAMESPACE, NAME, uid=stand.lease["metadata"]["uid"])
        lease.renew()
        with pytest.raises(LockLostError, match="was deleted"):
            lease.check()


def test_a_run_that_came_and_went_is_noticed() -> None:
    """It has let go by now, and what it wrote is there."""
    stand = Stand()
    with stand.held("anna@a/1") as lease:
        stand.cluster.faults.append(Fault("delete", forbidden, kind="Lease"))
        assert stand.take("ben@b/2") == "ben@b/2"
        with pytest.raises(LockLostError, match="taken over by a run that has ended"):
            lease.require()


def test_a_renewal_without_answer_and_a_label_of_somebody_cost_nothing() -> None:
    """The version has changed, and the Lease is still this run's."""
    stand = Stand()
    with stand.held("anna@a/1") as lease:
        stand.cluster.faults.append(Fault("replace", silent, kind="Lease", times=1, lost_answer=True))
        lease.renew()
        stand.cluster.patch(LEASES, NAMESPACE, NAME, {"metadata": {"labels": {"seen": "yes"}}}, manager="kubectl")
        stand.clock.pass_time(FRESH_SECONDS)
        lease.require()
        assert stand.lease["metadata"]["labels"] == {"seen": "yes"}


@pytest.mark.parametrize("error", [silent, forbidden, conflict])
def test_a_server_that_does_not_tell_stops_writes_until_it_does(error: Any) -> None:
    """The error is never one that could be taken for the answer to the write itself."""
    stand = Stand()
    with stand.held("anna@a/1") as lease:
        stand.cluster.faults.append(Fault("replace", error, kind="Lease"))
        stand.clock.pass_time(FRESH_SECONDS)
        with pytest.raises(UnavailableError, match="lock on green cannot be renewed: green "):
            lease.require()
        lease.check()
        stand.cluster.faults.clear()
        stand.clock.pass_time(1)
        lease.require()


def test_many_writers_ask_once() -> None:
    """A server that is gone is not waited for by each of them in turn."""
    stand = Stand()
    failed: list[str] = []

    def ask(lease: HeldLease) -> None:
        try:
            lease.require()
        except UnavailableError as error:
            failed.append(error.message)

    with stand.held("anna@a/1") as lease:
        stand.cluster.faults.append(Fault("replace", silent, kind="Lease"))
        stand.clock.pass_time(FRESH_SECONDS)
        before = stand.asked()
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(ask, [lease] * 8))
        assert (len(failed), stand.asked() - before) == (8, 1)


def test_it_is_renewed_by_itself_and_past_an_outage() -> None:
    """A server that is away for two renewals does not end them; the time of the first is kept."""
    clock = FakeClock()
    cluster = Watched(clock)
    stand = Stand(cluster, clock)
    with stand.held("anna@a/1", every=0.01):
        first = stand.spec
        cluster.faults.append(Fault("replace", silent, kind="Lease", times=2))
        clock.pass_time(20)
        for _ in range(5):
            assert cluster.tried.acquire(timeout=30)
        renewed = stand.spec
    assert renewed["renewTime"] > first["renewTime"]
    assert renewed["acquireTime"] == first["acquireTime"]


def test_a_renewer_that_died_is_noticed() -> None:
    """Nobody renews any more, and the next write does."""
    stand = Stand()
    with stand.held("anna@a/1") as lease:
        before = stand.spec["renewTime"]
        stand.clock.pass_time(SECONDS * 2)
        lease.require()
        assert stand.spec["renewTime"] > before
