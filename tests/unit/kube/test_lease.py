"""One run at a time holds a cluster; what a killed run held is let go."""

from __future__ import annotations

import os
import subprocess
import threading
from typing import Any

import pytest

from migrator.errors import BlockedError, NotFoundError
from migrator.kube.lease import NAME, NAMESPACE, SECONDS, held
from migrator.model.kinds import LEASES
from migrator.model.manifest import Manifest
from migrator.model.ref import ResourceType
from tests.support.clock import FakeClock
from tests.support.fake_cluster import FakeCluster, Fault
from tests.support.fake_cluster.faults import conflict, unavailable


class Watched(FakeCluster):
    """Tells when a patch was tried three times."""

    def __init__(self, clock: FakeClock) -> None:
        super().__init__(clock=clock)
        self.tried = threading.Semaphore(0)

    def patch(
        self, resource: ResourceType, namespace: str, name: str, patch: dict[str, Any], *, manager: str, subresource: str = ""
    ) -> Manifest:
        """Patch, and tell."""
        try:
            return super().patch(resource, namespace, name, patch, manager=manager, subresource=subresource)
        finally:
            self.tried.release()


def spec(cluster: FakeCluster) -> dict[str, Any]:
    """Return what the Lease says."""
    return dict(cluster.get(LEASES, NAMESPACE, NAME)["spec"])


def take(cluster: FakeCluster, holder: str, clock: FakeClock) -> str:
    """Hold the Lease for a moment, and return who held it then."""
    with held(cluster, holder, clock):
        return str(spec(cluster)["holderIdentity"])


def test_the_lease_exists_while_it_is_held() -> None:
    """It names the holder, the time and how long it lasts; afterwards it is gone."""
    clock = FakeClock(0.0)
    cluster = FakeCluster(clock=clock)
    with held(cluster, "anna@a/1", clock):
        assert spec(cluster) == {
            "holderIdentity": "anna@a/1",
            "leaseDurationSeconds": SECONDS,
            "acquireTime": "1970-01-01T00:00:00.000000Z",
            "renewTime": "1970-01-01T00:00:00.000000Z",
        }
    with pytest.raises(NotFoundError):
        spec(cluster)


def test_a_second_run_is_refused_with_the_name_of_the_first() -> None:
    """Until the first one's Lease has run out."""
    clock = FakeClock()
    cluster = FakeCluster(clock=clock)
    with held(cluster, "anna@a/1", clock):
        clock.pass_time(SECONDS)
        with pytest.raises(BlockedError, match="green is locked by anna@a/1"):
            take(cluster, "ben@b/2", clock)
        clock.pass_time(1)
        assert take(cluster, "ben@b/2", clock) == "ben@b/2"


def test_a_killed_run_on_this_host_loses_it_at_once() -> None:
    """Its process is gone; one that lives keeps the Lease, and so does one of another host."""
    child = subprocess.Popen(["true"])
    child.wait()
    clock = FakeClock()
    cluster = FakeCluster(clock=clock)
    with held(cluster, f"anna@a/{child.pid}", clock):
        assert take(cluster, f"anna@a/{os.getpid()}", clock).endswith(f"/{os.getpid()}")
    for other in (f"anna@a/{os.getppid()}", f"anna@b/{child.pid}"):
        with held(cluster, other, clock), pytest.raises(BlockedError):
            take(cluster, f"anna@a/{os.getpid()}", clock)


def test_of_two_that_take_an_old_lease_one_wins() -> None:
    """The server refuses the second writer, who is told to try again."""
    clock = FakeClock()
    cluster = FakeCluster(clock=clock)
    with held(cluster, "anna@a/1", clock):
        clock.pass_time(SECONDS + 1)
        cluster.faults.append(Fault("replace", conflict, kind="Lease"))
        with pytest.raises(BlockedError, match="locked by another run just now"):
            take(cluster, "ben@b/2", clock)


def test_it_is_renewed_by_the_clock_and_past_an_outage() -> None:
    """A server that is away for two renewals does not end them."""
    clock = FakeClock()
    cluster = Watched(clock)
    with held(cluster, "anna@a/1", clock, every=0.01):
        first = spec(cluster)
        cluster.faults.append(Fault("patch", unavailable, kind="Lease", times=2))
        clock.pass_time(20)
        for _ in range(5):
            assert cluster.tried.acquire(timeout=30)
        renewed = spec(cluster)
    assert renewed["renewTime"] > first["renewTime"]
    assert renewed["acquireTime"] == first["acquireTime"]


def test_a_lease_that_another_run_took_over_is_left_to_it() -> None:
    """Who lost it does not delete the other's."""
    clock = FakeClock()
    cluster = FakeCluster(clock=clock)
    with held(cluster, "anna@a/1", clock):
        cluster.patch(LEASES, NAMESPACE, NAME, {"spec": {"holderIdentity": "ben@b/2"}}, manager="ben")
    assert spec(cluster)["holderIdentity"] == "ben@b/2"
