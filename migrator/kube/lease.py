"""The Lease on a cluster that keeps two runs from writing to it at once.

Nobody's wall clock decides: who waits for a Lease takes it once it has not changed for its whole duration by the waiting
machine's own clock, and who holds it must have renewed it within less than that before each write (as client-go's
leaderelection does). Each change carries the resourceVersion, so that of two the server refuses one.
"""

from __future__ import annotations

import contextlib
import datetime
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

import orjson

from migrator.adapters.identity import has_ended, process_mark
from migrator.errors import ApiError, BlockedError, ConflictError, LockLostError, MigratorError, NotFoundError, UnavailableError
from migrator.model.events import Note
from migrator.model.kinds import LEASES
from migrator.model.manifest import Manifest, get
from migrator.ports import Clock, ClusterReader, ClusterWriter, Reporter

NAMESPACE, NAME = "kube-system", "migrator"
SECONDS = 30
"""How long others must have seen no renewal before one of them takes the Lease."""
FRESH_SECONDS = 20.0
"""How long after a renewal the holder may write without asking; the rest is for requests that are under way."""
EVERY_SECONDS = 5.0
"""Time between renewals, in which a run that waits sees that the holder is alive."""
# A Lease of more seconds than this is a person's: nobody waits for it to run out.
_LONGEST = 120
# Between two looks at a Lease that another run has.
_LOOK_SECONDS = 1.0
# Annotations: which run it is, since users, hosts and process numbers repeat in containers; and where its process is.
_RUN, _PROCESS = "migrator/run", "migrator/process"


class LeaseHolder(ClusterReader, ClusterWriter, Protocol):
    """What holding a Lease takes."""


@dataclass(slots=True, frozen=True)
class Inputs:
    """Who wants the Lease of which cluster."""

    cluster: LeaseHolder
    holder: str
    """`user@host/pid`, for people."""
    clock: Clock
    reporter: Reporter
    renewing: LeaseHolder
    """The same cluster over connections of its own, with little patience: a renewal does not queue behind other requests."""


class HeldLease:
    """Fills `HeldLock`; safe to use from several threads."""

    def __init__(self, inputs: Inputs, run: str, lease: Manifest, asked: float) -> None:
        self._inputs = inputs
        self._run = run
        self._lease = lease
        # When the last renewal that succeeded was sent.
        self._renewed = asked
        self._lost = ""
        # When the server last did not tell, and why.
        self._failed = -1.0
        self._failure = ""
        self._asking = threading.Lock()

    def check(self) -> None:
        """Raise LockLostError when it is known to be lost; asks nobody."""
        if self._lost:
            raise LockLostError(self._lost, hint="look at what the other run has done, then run the same command again")

    def require(self) -> None:
        """Raise LockLostError when it is lost, and UnavailableError when the server does not tell.

        After a pause of the process or the machine it is renewed first, which succeeds if nobody has taken it meanwhile.
        """
        self.check()
        # CLOCK_BOOTTIME, unlike CLOCK_MONOTONIC, goes on while the machine is suspended (clock_gettime(2)).
        came = self._inputs.clock.boottime()
        if not self._is_fresh():
            with self._asking:
                # One thread asks, and those that have waited for it share what came of it.
                if not self._is_fresh() and self._failed < came:
                    self._renew()
                if not self._is_fresh():
                    self._require_answer()
        self.check()

    def renew(self) -> None:
        """Renew it, if the server answers."""
        with self._asking:
            if not self._lost:
                self._renew()

    def release(self) -> None:
        """Let the next run have it at once; what fails costs that run a wait."""
        cluster = self._inputs.renewing
        with self._asking, contextlib.suppress(MigratorError):
            if self._lost:
                return
            # Freed first, as client-go's ReleaseOnCancel does: where the deletion fails, the next run still has it at once.
            freed = self._put({**self._lease["spec"], "holderIdentity": "", "leaseDurationSeconds": 1})
            # By its version, too: the next run's Lease is the same object.
            metadata = freed["metadata"]
            cluster.delete(LEASES, NAMESPACE, NAME, uid=metadata["uid"], version=metadata["resourceVersion"])

    def _is_fresh(self) -> bool:
        return self._inputs.clock.boottime() - self._renewed < FRESH_SECONDS

    def _require_answer(self) -> None:
        if not self._lost:
            raise UnavailableError(f"this run's lock on {self._inputs.cluster.name} cannot be renewed: {self._failure}")

    def _renew(self) -> None:
        asked = self._inputs.clock.boottime()
        try:
            self._lost = self._taken_or_renewed({**self._lease["spec"], "renewTime": _stamp(self._inputs.clock.now())})
        except ApiError as error:
            self._failed, self._failure = self._inputs.clock.boottime(), error.message
        else:
            self._renewed = asked

    def _taken_or_renewed(self, spec: Manifest) -> str:
        """Return who has taken it, or an empty string when it is renewed."""
        try:
            try:
                self._lease = self._put(spec)
            except ConflictError:
                found = self._inputs.renewing.get(LEASES, NAMESPACE, NAME)
                # Both: `release` empties the holder and leaves the annotation.
                if _run_of(found) != self._run or _holder_of(found) != self._inputs.holder:
                    return self._gone(f"was taken over by {_holder_of(found) or 'a run that has ended'}")
                # Somebody has annotated it, or the answer to our renewal was lost.
                self._lease = found
                self._lease = self._put(spec)
        except NotFoundError:
            return self._gone("was deleted")
        return ""

    def _put(self, spec: Manifest) -> Manifest:
        body = orjson.dumps({**self._lease, "spec": spec})
        return self._inputs.renewing.replace(LEASES, NAMESPACE, NAME, body, manager="migrator")

    def _gone(self, what: str) -> str:
        return f"this run's lock on {self._inputs.cluster.name} {what}: nothing more is written there"


@contextmanager
def held(inputs: Inputs, *, every: float = EVERY_SECONDS) -> Iterator[HeldLease]:
    """Hold the Lease, renewed each `every` seconds; raises BlockedError when another run has it and is alive."""
    run = str(uuid.uuid4())
    lease, asked = _acquire(inputs, run)
    mine = HeldLease(inputs, run, lease, asked)
    done = threading.Event()
    renewer = threading.Thread(target=_keep, args=(mine, done, every), daemon=True, name="lease")
    renewer.start()
    try:
        yield mine
    finally:
        done.set()
        renewer.join(timeout=5)
        mine.release()


def _keep(mine: HeldLease, done: threading.Event, every: float) -> None:
    while not done.wait(every):
        # What hinders or ends this thread is noticed: the Lease is no longer fresh, and the next write asks for itself.
        with contextlib.suppress(Exception):
            mine.renew()


def _acquire(inputs: Inputs, run: str) -> tuple[Manifest, float]:
    """Return the Lease, and when it was asked for; watches one of another run for as long as that one's duration."""
    watched, since = None, 0.0
    while True:
        asked = inputs.clock.boottime()
        try:
            return inputs.cluster.create(LEASES, NAMESPACE, orjson.dumps(_body(inputs, run)), manager="migrator"), asked
        except ConflictError:
            pass
        try:
            lease = inputs.cluster.get(LEASES, NAMESPACE, NAME)
        except NotFoundError:
            continue  # let go just now
        if _run_of(lease) == run:
            return lease, asked  # the answer to the create was lost
        if watched is None:
            watched, since = _seen(lease), inputs.clock.boottime()
            _require_waitable(inputs, lease)
        # It changed while this run watched: its holder is alive.
        elif watched != _seen(lease):
            raise _locked(inputs, lease)
        if _is_free(lease) or inputs.clock.boottime() - since > _duration(lease):
            return _take(inputs, lease, run), asked
        inputs.clock.sleep(_LOOK_SECONDS)


def _require_waitable(inputs: Inputs, lease: Manifest) -> None:
    """Tell a person what is waited for; raises BlockedError where waiting is of no use."""
    if _is_free(lease):
        return
    if _duration(lease) > _LONGEST:
        raise _locked(inputs, lease)
    name, holder = inputs.cluster.name, _holder_of(lease)
    inputs.reporter.emit(Note(f"{name} is locked by {holder}: watching for {_duration(lease)} s whether that run is alive"))


def _take(inputs: Inputs, lease: Manifest, run: str) -> Manifest:
    metadata = lease["metadata"]
    wanted = _body(inputs, run)
    wanted["metadata"] |= {key: metadata[key] for key in ("uid", "resourceVersion")}
    try:
        return inputs.cluster.replace(LEASES, NAMESPACE, NAME, orjson.dumps(wanted), manager="migrator")
    except ConflictError:
        with contextlib.suppress(NotFoundError):
            found = inputs.cluster.get(LEASES, NAMESPACE, NAME)
            if _run_of(found) == run:
                return found  # the answer to the replacement was lost
        raise BlockedError(
            f"{inputs.cluster.name} was locked by another run just now", hint="try again when it has ended"
        ) from None


def _locked(inputs: Inputs, lease: Manifest) -> BlockedError:
    since = get(lease, "spec", "acquireTime") or "?"
    return BlockedError(
        f"{inputs.cluster.name} is locked by {_holder_of(lease)} since {since}",
        hint=f"wait for that run to end; if there is none, `kubectl -n {NAMESPACE} delete lease {NAME}` on {inputs.cluster.name}",
    )


def _body(inputs: Inputs, run: str) -> Manifest:
    stamp = _stamp(inputs.clock.now())
    return {
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": {"name": NAME, "namespace": NAMESPACE, "annotations": {_RUN: run, _PROCESS: process_mark()}},
        "spec": {
            "holderIdentity": inputs.holder,
            "leaseDurationSeconds": SECONDS,
            "acquireTime": stamp,
            "renewTime": stamp,
        },
    }


def _stamp(now: float) -> str:
    return datetime.datetime.fromtimestamp(now, datetime.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _run_of(lease: Manifest) -> str:
    return str(get(lease, "metadata", "annotations", _RUN) or "")


def _holder_of(lease: Manifest) -> str:
    return str(get(lease, "spec", "holderIdentity") or "")


def _duration(lease: Manifest) -> int:
    found = get(lease, "spec", "leaseDurationSeconds")
    return found if isinstance(found, int) and found > 0 else SECONDS


def _is_free(lease: Manifest) -> bool:
    """Return whether nobody holds it: it was let go, or its process on this machine was killed and could not."""
    return not _holder_of(lease) or has_ended(str(get(lease, "metadata", "annotations", _PROCESS) or ""))


def _seen(lease: Manifest) -> tuple[str, Manifest | None]:
    """Return what changes with each renewal, whoever makes it; labels and other managers' fields do not count."""
    return _run_of(lease), lease.get("spec")
