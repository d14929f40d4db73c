"""What the phases need from the world; adapters and the tests' fakes fill these in."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from typing import Any, Protocol, TypeVar

from migrator.config.schema import Probe
from migrator.journal.records.base import Entry
from migrator.model.events import Event
from migrator.model.manifest import Manifest
from migrator.model.ref import ResourceType
from migrator.model.strange import Unparsed
from migrator.model.traffic import Abilities, TrafficReading, Withdrawal
from migrator.model.verdict import Finding
from migrator.model.volumes import Job, PassResult, Place, TakenBack

R = TypeVar("R")


class ClusterReader(Protocol):
    """Reads one API server; changes nothing there."""

    name: str
    """`blue` or `green`, for messages."""

    @property
    def workers(self) -> int:
        """How many requests it may get at once; more over a long way, where most of them are on their way."""

    def version(self) -> tuple[int, int, str]:
        """Return major, minor and the whole git version."""

    def identity(self) -> str:
        """Return the UID of namespace kube-system, which is the same for one cluster under any address."""

    def server_time(self) -> float:
        """Return the server's clock in seconds since 1970."""

    def healthy(self) -> bool:
        """Return whether the server reports that it is ready."""

    def resources(self) -> tuple[ResourceType, ...]:
        """Return all served types, preferred versions first."""

    def list(
        self,
        resource: ResourceType,
        namespace: str = "",
        label_selector: str = "",
        *,
        field_selector: str = "",
        unparsed: Callable[[Unparsed], None] | None = None,
    ) -> Iterator[Manifest]:
        """Yield each object, page by page; an empty namespace means all of them.

        What cannot be parsed is given to `unparsed`; without it, raises InvalidError.
        """

    def get(self, resource: ResourceType, namespace: str, name: str) -> Manifest:
        """Return one object; raises NotFoundError."""


class ObjectPatcher(Protocol):
    """Changes single fields of objects."""

    def patch(
        self,
        resource: ResourceType,
        namespace: str,
        name: str,
        patch: dict[str, Any],
        *,
        manager: str,
        dry_run: bool = False,
        subresource: str = "",
    ) -> Manifest:
        """Merge-patch an object, or its subresource (RFC 7396), and return it; raises NotFoundError."""


class ObjectMaker(Protocol):
    """Creates and deletes objects."""

    def create(
        self,
        resource: ResourceType,
        namespace: str,
        body: bytes,
        *,
        manager: str,
        dry_run: bool = False,
        brief: bool = False,
    ) -> Manifest:
        """Create an object and return it, with `brief` its metadata only; raises ConflictError when it exists."""

    def delete(self, resource: ResourceType, namespace: str, name: str, *, uid: str, version: str = "") -> None:
        """Delete the object if it still has this UID, and this resourceVersion; one that does not exist is no error."""


class ClusterWriter(ObjectPatcher, ObjectMaker, Protocol):
    """Creates, changes and deletes objects."""

    def replace(
        self,
        resource: ResourceType,
        namespace: str,
        name: str,
        body: bytes,
        *,
        manager: str,
        dry_run: bool = False,
        subresource: str = "",
        brief: bool = False,
    ) -> Manifest:
        """Replace an object and return it, with `brief` its metadata only; raises ConflictError for an old resourceVersion."""


class ObjectAsker(ClusterWriter, Protocol):
    """Asks, by dry runs and for the types of an API, each time once."""

    def ask(self, group: str, version: str) -> None:
        """Ask for the types of an API; raises ApiError when its server does not answer."""


class PodEvictor(Protocol):
    """Evicts pods."""

    def evict(self, namespace: str, name: str, *, uid: str, force: bool = False, dry_run: bool = False) -> str:
        """Ask for a pod's eviction (policy/v1); with `force` delete it, past its budgets; with `dry_run` nothing is done.

        Returns an empty string when it is granted, or when the pod is gone; else what forbids it.
        """


class MetricsReader(Protocol):
    """Reads an API server's metrics."""

    def metrics(self) -> str:
        """Return the metrics in Prometheus' text format."""


class HeldLock(Protocol):
    """A lock that another run may take, once this one has not renewed it for a while."""

    def check(self) -> None:
        """Raise LockLostError when it is known to be lost; asks nobody."""

    def require(self) -> None:
        """Raise LockLostError when it is lost, and UnavailableError when nobody can tell."""


class MigrationLock(Protocol):
    """Keeps two runs from writing to one cluster."""

    def lock(self, holder: str, reporter: Reporter) -> AbstractContextManager[HeldLock]:
        """Hold the Lease while the context is open; raises BlockedError when another run holds it.

        Meanwhile each write to this cluster asks it first. The reporter is told when another run must be waited for.
        """


class Blue(ClusterReader, ObjectPatcher, ObjectMaker, MigrationLock, Protocol):
    """The cluster that objects move from: read; written to only where a person asked for it.

    Patched: what a cutover hands over. Made and deleted: the admission policies of `cutover.guard`, and the Lease of a cutover.
    """


class Green(ClusterReader, ClusterWriter, MigrationLock, Protocol):
    """The cluster that objects move to."""

    def impatient(self) -> ObjectAsker:
        """Return the same cluster as one that tries nothing again."""


class DrainableCluster(ClusterReader, ObjectPatcher, PodEvictor, Protocol):
    """A cluster whose nodes are cordoned and drained."""


class UpgradeCluster(DrainableCluster, MetricsReader, MigrationLock, Protocol):
    """The cluster of an upgrade in place."""


class Host(Protocol):
    """A machine that commands run on, as root."""

    name: str

    @property
    def clock(self) -> Clock:
        """The time by which what runs on the machine is waited for."""

    def run(self, command: str, *, stdin: bytes = b"", timeout: float = 120.0) -> str:
        """Run a line of shell and return its output; secrets go through `stdin`.

        Raises CommandFailedError when it fails, HostError when the host is not reached or the time is over.
        """

    def ok(self, command: str, *, timeout: float = 60.0) -> bool:
        """Return whether a line of shell ends well."""

    def read(self, path: str) -> bytes:
        """Return a file's content; raises CommandFailedError when there is none."""

    def write(self, path: str, content: bytes, *, mode: int = 0o644) -> None:
        """Put a file in place at once, with its folders."""


class VolumeMover(Protocol):
    """Moves folders of volumes in one direction between the hosts of both clusters."""

    def survey(self, place: Place, *, source: bool) -> Mapping[str, object]:
        """Return what a folder holds and how full its file system is; raises MigratorError."""

    def move(self, job: Job, say: Callable[[str], None]) -> PassResult:
        """Run one pass, or join the one that still runs; raises BlockedError with why it stopped, HostError when it was cut off."""

    def users(self, place: Place, *, source: bool) -> tuple[str, ...]:
        """Return who uses a folder on its host, in words; raises MigratorError."""

    def take_back(self, job: Job, say: Callable[[str], None], *, everything: bool) -> TakenBack:
        """End a pass that runs, and put back what it has changed in its target, or what all passes since the switch have.

        Raises MigratorError; it may be done again.
        """

    def running(self, job: Job) -> bool:
        """Return whether a pass of this volume runs now."""

    def read_list(self, job: Job) -> bytes:
        """Return the list of entries that the last pass that finished has proven."""

    def clean(self, job: Job) -> None:
        """End what runs for this volume, and remove what is kept of it on both hosts; the volumes themselves stay."""


class TrafficSwitch(Protocol):
    """What leads traffic to both clusters: a load balancer, a name, or several of them that move together."""

    def abilities(self) -> Abilities:
        """Return what it can do; raises TrafficError where it has to be asked and does not answer."""

    def read(self) -> TrafficReading:
        """Return weights and counters; raises TrafficError."""

    def require_shares(self) -> tuple[str, ...]:
        """Return what a person should know before a cutover; raises TrafficError with the cure when shares cannot be set."""

    def prepare(self) -> float:
        """Shorten the time that clients may stay behind, such as a TTL; return the seconds until that counts, 0 for nothing.

        Raises TrafficError.
        """

    def after_restart(self) -> tuple[str, ...]:
        """Return what a restart of the switch would lose of what was set, and what keeps it; raises TrafficError."""

    def shift(self, green_percent: float) -> TrafficReading:
        """Set the share of green, keep it across a restart, read it back and return that; 0 withdraws and ends connections.

        Raises TrafficError; when something was changed by then, it says what the load balancer has now.
        """

    def end_on_blue(self) -> dict[str, int]:
        """End what is open on blue, once all traffic is on green; return how many by server, nothing where it cannot.

        Raises TrafficError, and does so while blue still has a share.
        """

    def withdraw(self, *, end_connections: bool) -> Withdrawal:
        """Move all traffic to blue, also that of clients which are bound to green; end what is open on green, or count it.

        Raises TrafficError as `shift` does, and when blue cannot take the traffic: green then keeps its own.
        """


class Prober(Protocol):
    """Asks the person's probes."""

    def probe(self, probe: Probe) -> Finding:
        """Return what came of one probe, within its timeout."""


class ImageRegistry(Protocol):
    """Reads image indexes."""

    def architectures(self, image: str) -> frozenset[str]:
        """Return the CPU architectures of an image; raises MigratorError when the registry does not tell."""


class ByteSink(Protocol):
    """What bytes are written to."""

    def write(self, data: bytes) -> int:
        """Write, and return how many bytes."""


class Sealer(Protocol):
    """Encrypts with a person's own key."""

    suffix: str
    """What the name of an encrypted file ends with."""

    def sealing(self, target: ByteSink) -> AbstractContextManager[ByteSink]:
        """Yield what encrypts all that is written to it into `target`; raises CommandFailedError when it cannot."""


class CommandRunner(Protocol):
    """Runs the person's hooks."""

    def run(self, command: tuple[str, ...], timeout: float) -> None:
        """Run a command to its end; raises CommandFailedError."""


class Journal(Protocol[R]):
    """The append-only record of a migration, or of a cluster's upgrades."""

    def append(self, record: R) -> Entry[R]:
        """Write one record to the disk, before or after a change, and return it with its time; raises JournalError."""

    def note(self, record: R) -> Entry[R]:
        """Write one record of a completed change; it may wait for others, until `append` or `sync` at the latest."""

    def sync(self) -> None:
        """Force what was written to disk."""

    def reserve(self, size: int) -> None:
        """Keep this many bytes of room for an undo's records until `use_reserve`; raises JournalError."""

    def use_reserve(self) -> None:
        """Let records take the room that was kept."""

    def entries(self) -> Iterator[Entry[R]]:
        """Yield all entries so far, oldest first."""


class Reporter(Protocol):
    """Shows a person what happens."""

    def emit(self, event: Event) -> None:
        """Show one event."""


class Clock(Protocol):
    """Time, so that tests need not wait."""

    def now(self) -> float:
        """Return seconds since 1970."""

    def monotonic(self) -> float:
        """Return seconds that never go back; they may stand still while the machine is suspended."""

    def boottime(self) -> float:
        """Return seconds that never go back, and go on while the machine is suspended."""

    def sleep(self, seconds: float) -> None:
        """Wait."""


class Interruptions(Protocol):
    """Signals that ask this process to end; each raises KeyboardInterrupt, with its name, unless it is held back."""

    def held_back(self) -> AbstractContextManager[None]:
        """While the context is open, only note signals; one that was noted interrupts at the end, unless an error does."""

    def let_through(self) -> AbstractContextManager[None]:
        """Within `held_back`, let one signal interrupt what is inside; none is lost between it and what handles it."""
