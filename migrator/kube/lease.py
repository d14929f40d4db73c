"""The Lease on green that keeps two people from migrating to it at once."""

from __future__ import annotations

import datetime
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol

import orjson

from migrator.errors import ApiError, BlockedError, ConflictError, NotFoundError
from migrator.model.kinds import LEASES
from migrator.ports import Clock, ClusterReader, ClusterWriter

NAMESPACE, NAME = "kube-system", "migrator"
SECONDS = 30


class LeaseHolder(ClusterReader, ClusterWriter, Protocol):
    """What holding a Lease takes."""


@contextmanager
def held(cluster: LeaseHolder, holder: str, clock: Clock, *, every: float = SECONDS / 3) -> Iterator[None]:
    """Hold the Lease, renewed each `every` seconds; raises BlockedError when another holder's has not run out.

    `holder` reads `user@host/pid`: a holder whose process on this host is gone loses it at once.
    """
    _acquire(cluster, holder, clock.now())
    done = threading.Event()
    renewer = threading.Thread(target=_renew, args=(cluster, holder, clock, done, every), daemon=True, name="lease")
    renewer.start()
    try:
        yield
    finally:
        done.set()
        renewer.join(timeout=5)
        _release(cluster, holder)


def _acquire(cluster: LeaseHolder, holder: str, now: float) -> None:
    body: dict[str, Any] = {
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": {"name": NAME, "namespace": NAMESPACE},
        "spec": _spec(holder, now),
    }
    try:
        cluster.create(LEASES, NAMESPACE, orjson.dumps(body), manager="migrator")
    except ConflictError:
        lease = cluster.get(LEASES, NAMESPACE, NAME)
        spec = lease.get("spec") or {}
        other = spec.get("holderIdentity") or ""
        if other and other != holder and not _ran_out(spec, now) and not _is_dead_neighbour(other, holder):
            raise BlockedError(
                f"{cluster.name} is locked by {other} since {spec.get('acquireTime', '?')}",
                hint=f"wait for that run to end; a lock that is not renewed runs out after {SECONDS} s",
            ) from None
        try:
            cluster.replace(LEASES, NAMESPACE, NAME, orjson.dumps({**lease, "spec": _spec(holder, now)}), manager="migrator")
        except ConflictError:
            raise BlockedError(f"{cluster.name} was locked by another run just now", hint="try again when it has ended") from None


def _spec(holder: str, now: float) -> dict[str, Any]:
    stamp = _stamp(now)
    return {"holderIdentity": holder, "leaseDurationSeconds": SECONDS, "acquireTime": stamp, "renewTime": stamp}


def _stamp(now: float) -> str:
    return datetime.datetime.fromtimestamp(now, datetime.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _ran_out(spec: dict[str, Any], now: float) -> bool:
    renewed = spec.get("renewTime")
    if not renewed:
        return True
    age = now - datetime.datetime.fromisoformat(renewed).timestamp()
    return age > (spec.get("leaseDurationSeconds") or SECONDS)


def _is_dead_neighbour(other: str, holder: str) -> bool:
    """Return whether the other holder ran on this host and its process is gone: killed, it could not let go."""
    host, _, pid = other.rpartition("/")
    if host != holder.rpartition("/")[0] or not pid.isdigit():
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False


def _renew(cluster: LeaseHolder, holder: str, clock: Clock, done: threading.Event, every: float) -> None:
    while not done.wait(every):
        try:
            renewed = {"spec": {"holderIdentity": holder, "renewTime": _stamp(clock.now())}}
            cluster.patch(LEASES, NAMESPACE, NAME, renewed, manager="migrator")
        except ApiError:
            continue


def _release(cluster: LeaseHolder, holder: str) -> None:
    try:
        lease = cluster.get(LEASES, NAMESPACE, NAME)
        if (lease.get("spec") or {}).get("holderIdentity") == holder:
            cluster.delete(LEASES, NAMESPACE, NAME, uid=lease["metadata"]["uid"])
    except (NotFoundError, ApiError):
        return
