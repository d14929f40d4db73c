"""What the phases need from clusters."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any, Protocol

from migrator.model.manifest import Manifest
from migrator.model.ref import ResourceType
from migrator.model.strange import Unparsed
from migrator.ports.run import Reporter


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


class PodAsker(Protocol):
    """Asks pods through an API server."""

    def from_pod(self, namespace: str, name: str, port: int, path: str) -> str:
        """Return what a pod answers to a GET, 1 MiB of it at the most; tried once, for 5 s; raises ApiError."""


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


class Blue(ClusterReader, ObjectPatcher, ObjectMaker, PodAsker, MigrationLock, Protocol):
    """The cluster that objects move from: read; written to only where a person asked for it.

    Patched: what a cutover hands over. Made and deleted: the admission policies of `cutover.guard`, and the Lease of a cutover.
    """


class Green(ClusterReader, ClusterWriter, PodAsker, MigrationLock, Protocol):
    """The cluster that objects move to."""

    def impatient(self) -> ObjectAsker:
        """Return the same cluster as one that tries nothing again."""


class DrainableCluster(ClusterReader, ObjectPatcher, PodEvictor, Protocol):
    """A cluster whose nodes are cordoned and drained."""


class UpgradeCluster(DrainableCluster, MetricsReader, MigrationLock, Protocol):
    """The cluster of an upgrade in place."""
