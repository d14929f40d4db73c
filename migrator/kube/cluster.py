"""The ports of a cluster over a real API server."""

from __future__ import annotations

import email.utils
import re
import urllib.parse
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import orjson

from migrator.errors import ApiError, ForbiddenError, InvalidError, ThrottledError, UnavailableError
from migrator.kube import discovery, lease
from migrator.kube.access import Access
from migrator.kube.errors import TWO_BUDGETS, is_denied
from migrator.kube.outages import Outages, RequestPatience
from migrator.kube.pages import name_of, page_of
from migrator.kube.retry import noting_silence, patiently
from migrator.kube.throttle import Throttle
from migrator.kube.transport import Answer, Transport
from migrator.model.kinds import PODS
from migrator.model.manifest import Manifest
from migrator.model.ref import ResourceType
from migrator.model.strange import Unparsed
from migrator.ports import Clock, HeldLock, Reporter
from migrator.side_by_side import side_by_side

MOST_REQUESTS = 128
"""In flight to one cluster, where nobody says otherwise; a near one gets a quarter of that."""
_PAGE = 250
# Seconds to wait for the first answer of all.
_FIRST_PATIENCE = 2.0
# Seconds for one renewal of the lock, which is tried again soon, or by the next write.
_RENEW_TIMEOUT, _RENEW_PATIENCE = 10.0, 2.0
# Seconds and bytes for what a pod answers.
_POD_TIMEOUT, _POD_BYTES = 5.0, 1 << 20
_MERGE = "application/merge-patch+json"
_DRY = "dryRun=All"
_WHOLE = "application/json"
# Metadata only, where the server can: it need not encode, and we need not read, what was just sent.
_BRIEF = f"application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,{_WHOLE}"


class KubeCluster:
    """Blue or green, reached through its API server."""

    def __init__(
        self,
        name: str,
        access: Access,
        *,
        clock: Clock,
        max_requests: int = MOST_REQUESTS,
        patience: float = 120.0,
        first_patience: float = _FIRST_PATIENCE,
        timeout: float = 60.0,
    ) -> None:
        self.name = name
        self._clock = clock
        self._access = access
        self._transport = Transport(access, name, clock=clock, timeout=timeout)
        self._throttle = Throttle(max_requests, clock)
        self._held: HeldLock | None = None
        self._outages = Outages(clock, self.healthy, patience=patience, first_patience=first_patience)

    @property
    def workers(self) -> int:
        """How many requests it may get at once: more over a long way, where most of them are on their way."""
        return self._throttle.wanted

    def version(self) -> tuple[int, int, str]:
        """Return major, minor and the whole git version."""
        info = orjson.loads(self._send("GET", "/version").body)
        # Some distributions write a plus behind the minor version, such as `29+` (GKE, EKS).
        return int(info["major"]), int(re.sub(r"\D", "", info["minor"])), info["gitVersion"]

    def identity(self) -> str:
        """Return the UID of namespace kube-system."""
        namespace = orjson.loads(self._send("GET", "/api/v1/namespaces/kube-system").body)
        return str(namespace["metadata"]["uid"])

    def server_time(self) -> float:
        """Return the server's clock from its Date header, in seconds; raises ApiError where a proxy has taken or damaged it."""
        date = self._send("GET", "/version").headers.get("date", "")
        try:
            return email.utils.parsedate_to_datetime(date).timestamp()
        except ValueError:
            raise ApiError(f"{self.name} does not tell its time: its Date header is {date!r}") from None

    def resources(self) -> tuple[ResourceType, ...]:
        """Return all served types, preferred versions first."""
        answers = side_by_side(*(partial(self._send, "GET", root, accept=discovery.ACCEPT) for root in ("/api", "/apis")))
        try:
            return tuple(item for answer in answers for item in discovery.types_in(orjson.loads(answer.body)))
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise ApiError(f"{self.name} does not tell which types it serves: {type(error).__name__} in /api or /apis") from error

    def list(
        self,
        resource: ResourceType,
        namespace: str = "",
        label_selector: str = "",
        *,
        field_selector: str = "",
        unparsed: Callable[[Unparsed], None] | None = None,
    ) -> Iterator[Manifest]:
        """Yield each object once, page by page; of one snapshot, unless it is compacted away under a slow reader (410)."""
        path = resource.path(namespace)
        unparsed = unparsed or _refuse(f"{self.name}: GET {path}")
        selectors = {"labelSelector": label_selector, "fieldSelector": field_selector}
        query = {"limit": str(_PAGE), **{name: value for name, value in selectors.items() if value}}
        seen: set[tuple[str, str]] = set()
        before = -1
        """How many had been seen when the list was last begun anew."""
        while True:
            try:
                # Without a resourceVersion the list is of the newest state, also where the server's cache answers (KEP-2340).
                answer = self._send("GET", f"{path}?{urllib.parse.urlencode(query)}")
            except ApiError as error:
                # A second 410 without a single new object between would be an endless loop.
                if error.status != 410 or "continue" not in query or len(seen) == before:
                    raise
                before = len(seen)
                del query["continue"]
                continue
            page = page_of(answer.body, f"{self.name}'s answer to GET {path}")
            # A page has some MiB: freed before the next one is read.
            del answer
            for item in page.items:
                name = name_of(item)
                # A list that was begun anew returns what the first one had returned already.
                if name and name in seen:
                    continue
                if name:
                    seen.add(name)
                if isinstance(item, Unparsed):
                    unparsed(item)
                else:
                    # Items of a list carry neither apiVersion nor kind (API conventions: only the list does).
                    item["apiVersion"] = resource.api_version
                    item["kind"] = resource.kind
                    yield item
            if not page.following:
                return
            query["continue"] = page.following

    def get(self, resource: ResourceType, namespace: str, name: str) -> Manifest:
        """Return one object."""
        return _manifest(self._send("GET", resource.path(namespace, name)))

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
        """Create an object."""
        accept = _BRIEF if brief else _WHOLE
        return _manifest(self._send("POST", resource.path(namespace) + _options(manager, dry_run), body, accept=accept))

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
        """Replace an object, or its subresource."""
        path = resource.path(namespace, name) + (f"/{subresource}" if subresource else "")
        accept = _BRIEF if brief else _WHOLE
        return _manifest(self._send("PUT", path + _options(manager, dry_run), body, accept=accept))

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
        """Merge-patch an object, or its subresource."""
        path = resource.path(namespace, name) + (f"/{subresource}" if subresource else "")
        return _manifest(self._send("PATCH", path + _options(manager, dry_run), orjson.dumps(patch), content=_MERGE))

    def delete(self, resource: ResourceType, namespace: str, name: str, *, uid: str, version: str = "") -> None:
        """Delete the object if it still has this UID, and this resourceVersion."""
        options = {
            "kind": "DeleteOptions",
            "apiVersion": "v1",
            # A precondition: an object of the same name that somebody has made since is not ours to delete.
            "preconditions": {"uid": uid} | ({"resourceVersion": version} if version else {}),
            # The default of most kinds, but not of Jobs: their old default leaves pods behind (batch/v1).
            "propagationPolicy": "Background",
        }
        try:
            self._send("DELETE", resource.path(namespace, name), orjson.dumps(options))
        except ApiError as error:
            if error.status != 404:
                raise

    def evict(self, namespace: str, name: str, *, uid: str, force: bool = False, dry_run: bool = False) -> str:
        """Ask for a pod's eviction; returns what holds it, empty when nothing does.

        A budget that says no is an answer, not a failure: it is not tried again here (KEP-85, policy/v1 Eviction: 429). So are two
        budgets on one pod, which the API refuses with 500, and what admission says: operators that move pods themselves refuse the
        eviction, and act on it (Strimzi's Drain Cleaner, KubeVirt).
        """
        path = PODS.path(namespace, name)
        options: dict[str, Any] = {"preconditions": {"uid": uid}, **({"dryRun": ["All"]} if dry_run else {})}
        body = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": name, "namespace": namespace}}
        try:
            if force:
                self._send("DELETE", path, orjson.dumps({"kind": "DeleteOptions", "apiVersion": "v1", **options}))
            else:
                evicted = orjson.dumps({**body, "deleteOptions": options})
                self._send("POST", f"{path}/eviction", evicted, retry_throttled=False)
        except ThrottledError as error:
            return error.message.partition(": ")[2] or error.message
        except ApiError as error:
            if (error.status == 500 and TWO_BUDGETS in error.message) or is_denied(error):
                return error.message.partition(": ")[2]
            # Gone, or a pod of the same name that is another one by now.
            if error.status not in (404, 409):
                raise
        return ""

    def ask(self, group: str, version: str) -> None:
        """Ask for the types of an API; an aggregated one is asked itself."""
        self._send("GET", ResourceType(group, version, "", "", False, frozenset()).path().rstrip("/"))

    def impatient(self) -> KubeCluster:
        """Return this cluster as one that tries nothing again; it waits longer than a webhook may take (30 s)."""
        return KubeCluster(self.name, self._access, clock=self._clock, max_requests=self.workers, patience=0.0, timeout=40.0)

    def metrics(self) -> str:
        """Return the server's metrics in Prometheus' text form."""
        return self._send("GET", "/metrics", accept="text/plain").body.decode(errors="replace")

    def from_pod(self, namespace: str, name: str, port: int, path: str) -> str:
        """Return what a pod answers to a GET, on a connection of its own: a pod may say anything."""
        # The pod's answer goes through the API server's proxy; a slow one must not hold a connection that others use.
        transport = Transport(self._access, self.name, clock=self._clock, timeout=_POD_TIMEOUT)
        target = f"{PODS.path(namespace, name)}:{port}/proxy/{path}"
        return transport.send("GET", target, accept="text/plain", most=_POD_BYTES).body.decode(errors="replace")

    @contextmanager
    def lock(self, holder: str, reporter: Reporter) -> Iterator[HeldLock]:
        """Hold the Lease `kube-system/migrator`; each write asks it before each attempt."""
        renewing = KubeCluster(
            self.name,
            self._access,
            clock=self._clock,
            max_requests=2,
            patience=_RENEW_PATIENCE,
            timeout=_RENEW_TIMEOUT,
        )
        with lease.held(lease.Inputs(self, holder, self._clock, reporter, renewing)) as held:
            self._held = held
            try:
                yield held
            finally:
                self._held = None

    def healthy(self) -> bool:
        """Return whether the API server says that it is ready."""
        try:
            self._transport.send("GET", "/readyz")
        except ApiError:
            return False
        return True

    def _send(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        *,
        content: str = "application/json",
        accept: str = _WHOLE,
        retry_throttled: bool = True,
    ) -> Answer:
        trial = _DRY in path
        writes = method != "GET" and not trial
        request = RequestPatience(self._outages, path, trial=trial)

        def send() -> Answer:
            with self._throttle.slot():
                if writes and self._held:
                    # Inside the slot and before each attempt: a request may have waited here for longer than the Lease lasts.
                    self._held.require()
                return self._transport.send(method, request.path, body, content=content, accept=accept)

        def attempt() -> Answer:
            try:
                return request.noticed(send)
            except ForbiddenError as error:
                if error.status != 403:
                    raise
                # A server that has just started answers 403 to everybody until it has read its RBAC; it is not ready until then.
                if not self.healthy():
                    raise UnavailableError(error.message, status=error.status, reason="NotReady") from error
                return send()

        return patiently(
            noting_silence(attempt),
            self._clock,
            limit=self._outages.limit(),
            left=request.left,
            on_throttle=self._throttle.throttled,
            retry_throttled=retry_throttled,
        )


def _refuse(where: str) -> Callable[[Unparsed], None]:
    def refuse(item: Unparsed) -> None:
        raise InvalidError(f"{where}: {item.namespace}/{item.name}: {item.reason}", hint="fix or delete it")

    return refuse


def _manifest(answer: Answer) -> Manifest:
    try:
        return dict(orjson.loads(answer.body))
    except (ValueError, TypeError):
        raise InvalidError("the answer is not a readable object: it may be nested too deep", status=answer.status) from None


def _options(manager: str, dry_run: bool) -> str:  # noqa: FBT001
    # Ignore: the server would only warn of fields that it does not know, at the price of decoding strictly; the copy and
    # the verdict compare every field with what blue has, and name those that got lost.
    query = {"fieldManager": manager[:128], "fieldValidation": "Ignore"}
    return "?" + urllib.parse.urlencode(query) + (f"&{_DRY}" if dry_run else "")
