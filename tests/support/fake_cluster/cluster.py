"""A cluster in memory that fills the ports of reading, writing, evicting and locking."""

from __future__ import annotations

import datetime
import itertools
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import orjson

from migrator.errors import ApiError, BlockedError, ConflictError, InvalidError, NotFoundError
from migrator.model.events import Note
from migrator.model.manifest import Manifest, get, without
from migrator.model.ref import ResourceType
from migrator.model.strange import Unparsed
from migrator.ports import Reporter
from migrator.rules.person import merge_patch
from tests.support.clock import FakeClock
from tests.support.fake_cluster import selectors
from tests.support.fake_cluster.faults import Fault
from tests.support.fake_cluster.kinds import IMMUTABLE, SERVED, WITHOUT_GENERATION, WITHOUT_STATUS, refused_on_create
from tests.support.fake_cluster.lock import FakeLock
from tests.support.fake_cluster.owners import owned_after_update, owned_by_create

Key = tuple[str, str, str, str]
"""(group, plural, namespace, name)."""
_PODS = next(item for item in SERVED if item.kind == "Pod")
_BUDGETS = next(item for item in SERVED if item.kind == "PodDisruptionBudget")


class FakeCluster:
    """Behaves like an API server with etcd and without controllers, but that namespaces and CRDs work at once."""

    def __init__(self, name: str = "green", version: str = "v1.37.2", *, clock: FakeClock | None = None, workers: int = 4) -> None:
        self.name = name
        self.workers = workers
        self.faults: list[Fault] = []
        self.requests: list[str] = []
        """Each request as `verb Kind namespace/name`."""
        self.defaults: dict[str, Callable[[Manifest], Manifest]] = {"Service": self._allocated}
        """Defaulting by kind, as the server's own admission does it."""
        self.served_raw: dict[str, list[Manifest | Unparsed]] = {}
        """By kind, what a list yields besides: objects of any form."""
        self.ready = True
        self.conditions = [{"type": kind, "status": "True"} for kind in ("NamesAccepted", "Established")]
        """What a new CRD gets."""
        self.metrics_text = ""
        self.pods_tell: Callable[[str], str] = lambda _: "external_dns_controller_last_sync_timestamp_seconds 1.7e+09\n"
        """What a pod's metrics are, by its name."""
        self._version = version
        self._clock = clock or FakeClock()
        self._resources = list(SERVED)
        self._objects: dict[Key, Manifest] = {}
        self._counter = itertools.count(1)
        self._addresses = itertools.count(10)
        self.held: FakeLock | None = None
        """The lock while a run holds it."""
        self._lock = threading.RLock()
        for namespace in ("default", "kube-system"):
            self.hold({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}})

    def hold(self, *manifests: Manifest, manager: str = "kubectl-create") -> list[Manifest]:
        """Create objects with all their fields, status included, as controllers would have left them."""
        made = []
        for manifest in manifests:
            resource = self.type_of(manifest)
            namespace = manifest["metadata"].get("namespace", "") if resource.namespaced else ""
            self._create(resource, namespace, manifest, manager, dry_run=False, validated=False)
            stored = self._objects[_key(resource, namespace, manifest["metadata"]["name"])]
            if "status" in manifest:
                stored["status"] = _copy(manifest["status"])
            made.append(_copy(stored))
        return made

    def type_of(self, manifest: Manifest) -> ResourceType:
        """Return the served type of a manifest."""
        found = [item for item in self._resources if (item.api_version, item.kind) == (manifest["apiVersion"], manifest["kind"])]
        if not found:
            raise NotFoundError(f"{self.name} answered 404: the server could not find the requested resource", status=404)
        return found[0]

    def stop_serving(self, group: str, kind: str) -> None:
        """Take a kind out of what is served."""
        self._resources = [item for item in self._resources if (item.group, item.kind) != (group, kind)]

    # The port of reading

    def version(self) -> tuple[int, int, str]:
        """Return major, minor and the whole version."""
        major, minor, _ = self._version.removeprefix("v").split(".")
        return int(major), int(minor), self._version

    def identity(self) -> str:
        """Return the UID of kube-system."""
        return str(self._objects[("", "namespaces", "", "kube-system")]["metadata"]["uid"])

    def server_time(self) -> float:
        """Return the clock's time."""
        return self._clock.now()

    def healthy(self) -> bool:
        """Return what a test has set."""
        return self.ready

    def metrics(self) -> str:
        """Return what a test has set."""
        return self.metrics_text

    def from_pod(self, namespace: str, name: str, port: int, path: str) -> str:
        """Return what a test has set."""
        with self._lock:
            self._raise("proxy", _PODS, namespace, f"{name}:{port}/{path}")
            return self.pods_tell(name)

    def resources(self) -> tuple[ResourceType, ...]:
        """Return all served types."""
        return tuple(self._resources)

    def list(
        self,
        resource: ResourceType,
        namespace: str = "",
        label_selector: str = "",
        *,
        field_selector: str = "",
        unparsed: Callable[[Unparsed], None] | None = None,
    ) -> Iterator[Manifest]:
        """Yield copies of the objects that the selectors match, sorted by namespace and name."""
        fault = self._request("list", resource, namespace, "")
        self._require_served(resource)
        with self._lock:
            found = sorted(
                (key, _copy(item)) for key, item in self._objects.items() if key[:2] == (resource.group, resource.plural)
            )
        count = 0
        for key, item in found:
            if namespace and key[2] != namespace:
                continue
            if selectors.labels_match(item, label_selector) and selectors.fields_match(item, field_selector):
                if fault and count >= fault.after:
                    raise fault.error()
                count += 1
                yield item | {"apiVersion": resource.api_version, "kind": resource.kind}
        for raw in self.served_raw.get(resource.kind, []):
            if not isinstance(raw, Unparsed):
                yield raw | {"apiVersion": resource.api_version, "kind": resource.kind}
            elif unparsed:
                unparsed(raw)
            else:
                raise InvalidError(f"{raw.name}: {raw.reason}")
        if fault:
            raise fault.error()

    def get(self, resource: ResourceType, namespace: str, name: str) -> Manifest:
        """Return a copy of one object."""
        self._raise("get", resource, namespace, name)
        with self._lock:
            return _copy(self._found(resource, namespace, name)) | {"apiVersion": resource.api_version}

    # The port of writing

    def create(
        self, resource: ResourceType, namespace: str, body: bytes, *, manager: str, dry_run: bool = False, brief: bool = False
    ) -> Manifest:
        """Create an object."""
        manifest = orjson.loads(body)
        with self._writing("create", resource, namespace, get(manifest, "metadata", "name") or ""):
            made = self._create(resource, namespace, manifest, manager, dry_run=dry_run)
        return _brief(made) if brief else made

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
        """Replace an object or its status."""
        with self._writing("replace", resource, namespace, name):
            before = self._found(resource, namespace, name)
            after = self._updated(resource, before, orjson.loads(body), manager, subresource=subresource)
            if not dry_run:
                self._store(resource, after)
        return _brief(after) if brief else _copy(after)

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
        """Merge-patch an object or its status."""
        with self._writing("patch", resource, namespace, f"{name}/{subresource}" if subresource else name):
            before = self._found(resource, namespace, name)
            wanted = merge_patch(before, patch)
            if "resourceVersion" not in (patch.get("metadata") or {}):
                wanted["metadata"] = without(wanted["metadata"], "resourceVersion")
            restore = "managedFields" in (patch.get("metadata") or {})
            after = self._updated(resource, before, wanted, manager, subresource=subresource, restore=restore)
            if not dry_run:
                self._store(resource, after)
        return _copy(after)

    def delete(self, resource: ResourceType, namespace: str, name: str, *, uid: str, version: str = "") -> None:
        """Delete an object; one with finalizers only gets a time of deletion."""
        with self._writing("delete", resource, namespace, name):
            self._delete(resource, namespace, name, uid, version)

    def evict(self, namespace: str, name: str, *, uid: str, force: bool = False, dry_run: bool = False) -> str:
        """Evict a pod unless a budget forbids it."""
        self._raise("evict", _PODS, namespace, name)
        with self._lock:
            pod = self._objects.get(_key(_PODS, namespace, name))
            if pod is None or pod["metadata"]["uid"] != uid:
                return ""
            budgets = [item for key, item in self._objects.items() if key[:3] == ("policy", "poddisruptionbudgets", namespace)]
            for budget in budgets:
                selector = get(budget, "spec", "selector", "matchLabels") or {}
                labels = pod["metadata"].get("labels") or {}
                if not force and selector.items() <= labels.items() and not get(budget, "status", "disruptionsAllowed"):
                    return f"The disruption budget {budget['metadata']['name']} needs more healthy pods"
            if not dry_run:
                self._delete(_PODS, namespace, name, uid)
        return ""

    def ask(self, group: str, version: str) -> None:
        """Answer for an API, unless a fault of the verb `ask` is planned."""
        self._raise("ask", ResourceType(group, version, "", "", False, frozenset()), "", version)

    def impatient(self) -> FakeCluster:
        """Return this cluster: it tries nothing again."""
        return self

    @contextmanager
    def lock(self, holder: str, reporter: Reporter) -> Iterator[FakeLock]:
        """Hold the one lock of this cluster; each write asks it."""
        if self.held:
            reporter.emit(Note(f"{self.name} is locked by {self.held.holder}"))
            raise BlockedError(f"{self.name} is locked by {self.held.holder}")
        self.held = FakeLock(holder)
        try:
            yield self.held
        finally:
            self.held = None

    # What a server does

    def _create(
        self,
        resource: ResourceType,
        namespace: str,
        manifest: Manifest,
        manager: str,
        *,
        dry_run: bool,
        validated: bool = True,
    ) -> Manifest:
        self._require_served(resource)
        name = get(manifest, "metadata", "name") or f"{get(manifest, 'metadata', 'generateName') or ''}"
        if not name:
            raise self._invalid(f"{resource.kind}: metadata.name: Required value")
        if resource.namespaced and get(manifest, "metadata", "namespace") not in (None, "", namespace):
            raise InvalidError(f"{self.name} answered 400: the namespace of the object does not match the request", status=400)
        if resource.namespaced and ("", "namespaces", "", namespace) not in self._objects:
            raise NotFoundError(f'{self.name} answered 404: namespaces "{namespace}" not found', status=404, reason="NotFound")
        if _key(resource, namespace, name) in self._objects:
            raise ConflictError(
                f'{self.name} answered 409: {resource.plural} "{name}" already exists', status=409, reason="AlreadyExists"
            )
        if validated and (refusal := refused_on_create(manifest)):
            raise self._invalid(refusal)
        made = _copy(without(manifest, "status") if _has_status(resource) else manifest)
        made["metadata"] = without(made["metadata"], "managedFields", "selfLink", "deletionTimestamp")
        fill = self.defaults.get(resource.kind)
        owned = owned_by_create(made, manager, self._stamp())
        made = _copy(fill(made)) if fill else made
        made["metadata"] |= {
            "uid": f"{self.name}-{next(self._counter):08d}",
            "resourceVersion": str(next(self._counter)),
            "creationTimestamp": self._stamp(),
            **({"namespace": namespace} if resource.namespaced else {}),
            **({"managedFields": owned} if owned else {}),
            **({} if resource.kind in WITHOUT_GENERATION else {"generation": 1}),
        }
        if not dry_run:
            self._objects[_key(resource, namespace, name)] = made
            self._work(resource, made)
        return _copy(made)

    def _updated(
        self,
        resource: ResourceType,
        before: Manifest,
        wanted: Manifest,
        manager: str,
        *,
        subresource: str = "",
        restore: bool = False,
    ) -> Manifest:
        self._require_current(before, wanted)
        after = _copy(wanted)
        if subresource == "scale":
            replicas = get(after, "spec", "replicas")
            after = {**_copy(before), "metadata": after["metadata"], "spec": {**_copy(before["spec"]), "replicas": replicas}}
        elif subresource:
            after = {**_copy(before), "metadata": after["metadata"], "status": after.get("status") or {}}
        elif _has_status(resource):
            after = {**without(after, "status"), **({"status": _copy(before["status"])} if "status" in before else {})}
        self._require_mutable(resource, before, after)
        kept = {
            key: before["metadata"][key] for key in ("uid", "creationTimestamp", "namespace", "name") if key in before["metadata"]
        }
        metadata = {**after["metadata"], **kept, "resourceVersion": before["metadata"]["resourceVersion"]}
        if "generation" in before["metadata"]:
            bumped = without(after, "metadata", "status") != without(before, "metadata", "status")
            metadata["generation"] = before["metadata"]["generation"] + bumped
        after["metadata"] = metadata
        managed = wanted["metadata"].get("managedFields") if restore else None
        base = {**before, "metadata": {**before["metadata"], "managedFields": managed}} if restore else before
        entries = owned_after_update(base, after, manager, self._stamp(), subresource=subresource)
        after["metadata"] = without(metadata, "managedFields") | ({"managedFields": entries} if entries else {})
        return after

    def _require_current(self, before: Manifest, wanted: Manifest) -> None:
        for field in ("resourceVersion", "uid"):
            sent = get(wanted, "metadata", field)
            if sent and sent != before["metadata"][field]:
                raise ConflictError(f"{self.name} answered 409: the object has been modified", status=409, reason="Conflict")

    def _require_mutable(self, resource: ResourceType, before: Manifest, after: Manifest) -> None:
        if before.get("immutable") and (before.get("data"), True) != (after.get("data"), after.get("immutable")):
            raise self._invalid("data: Forbidden: field is immutable when `immutable` is set")
        for path in IMMUTABLE.get(resource.kind, ()):
            if get(before, *path) is not None and get(before, *path) != get(after, *path):
                raise self._invalid(f"{'.'.join(path)}: Invalid value: field is immutable")

    def _store(self, resource: ResourceType, after: Manifest) -> None:
        key = _key(resource, after["metadata"].get("namespace", "") if resource.namespaced else "", after["metadata"]["name"])
        before = self._objects[key]
        if {**before, "metadata": without(before["metadata"], "managedFields")} != {
            **after,
            "metadata": without(after["metadata"], "managedFields"),
        } or before["metadata"].get("managedFields") != after["metadata"].get("managedFields"):
            after["metadata"]["resourceVersion"] = str(next(self._counter))
        self._objects[key] = after
        if after["metadata"].get("deletionTimestamp") and not after["metadata"].get("finalizers"):
            del self._objects[key]

    def _delete(self, resource: ResourceType, namespace: str, name: str, uid: str, version: str = "") -> None:
        key = _key(resource, namespace, name)
        found = self._objects.get(key)
        if found is None:
            return
        if found["metadata"]["uid"] != uid or version not in ("", found["metadata"]["resourceVersion"]):
            raise ConflictError(f"{self.name} answered 409: the precondition does not match", status=409, reason="Conflict")
        if found["metadata"].get("finalizers"):
            found["metadata"].setdefault("deletionTimestamp", self._stamp())
            return
        del self._objects[key]
        if resource.kind == "Namespace":
            self._objects = {item: value for item, value in self._objects.items() if item[2] != name}
        if resource.kind == "CustomResourceDefinition":
            group, plural = found["spec"]["group"], found["spec"]["names"]["plural"]
            self._objects = {item: value for item, value in self._objects.items() if item[:2] != (group, plural)}
            self._resources = [item for item in self._resources if (item.group, item.plural) != (group, plural)]

    def _work(self, resource: ResourceType, made: Manifest) -> None:
        """Do at once what controllers do soon: serve a CRD's kind, activate a namespace."""
        if resource.kind == "Namespace":
            made["status"] = {"phase": "Active"}
        if resource.kind == "CustomResourceDefinition":
            spec = made["spec"]
            made["status"] = {"conditions": _copy({"all": self.conditions})["all"]}
            # A server refuses a definition whose names are no text.
            named = all(isinstance(name, str) for name in (spec["group"], spec["names"]["plural"], spec["names"]["kind"]))
            for version in spec["versions"] if named else ():
                if version.get("served"):
                    names, scope = spec["names"], spec["scope"] == "Namespaced"
                    verbs = _PODS.verbs
                    self._resources.append(
                        ResourceType(
                            spec["group"], version["name"], names["plural"], names["kind"], scope, verbs, _status_of(version)
                        )
                    )

    def _allocated(self, service: Manifest) -> Manifest:
        spec = dict(service.get("spec") or {})
        if not spec.get("clusterIP") and spec.get("type") != "ExternalName":
            spec |= {"clusterIP": f"10.96.0.{next(self._addresses)}"}
            spec["clusterIPs"] = [spec["clusterIP"]]
        return {**service, "spec": spec}

    def _found(self, resource: ResourceType, namespace: str, name: str) -> Manifest:
        self._require_served(resource)
        found = self._objects.get(_key(resource, namespace, name))
        if found is None:
            raise NotFoundError(f'{self.name} answered 404: {resource.plural} "{name}" not found', status=404, reason="NotFound")
        return found

    def _require_served(self, resource: ResourceType) -> None:
        same = ((item.group, item.version, item.plural) for item in self._resources)
        if (resource.group, resource.version, resource.plural) not in same:
            text = f"{self.name} answered 404: the server could not find the requested resource"
            raise NotFoundError(text, status=404, reason="NotFound")

    def _request(self, verb: str, resource: ResourceType, namespace: str, name: str) -> Fault | None:
        with self._lock:
            self.requests.append(f"{verb} {resource.kind} {namespace}/{name}")
            return next((fault for fault in self.faults if fault.meets(verb, resource.kind)), None)

    @contextmanager
    def _writing(self, verb: str, resource: ResourceType, namespace: str, name: str) -> Iterator[None]:
        """Let one write happen at a time, if the run still has its lock; raises a planned fault before it, or after it where only the answer is lost."""
        if self.held:
            self.held.require()
        fault = self._request(verb, resource, namespace, name)
        if fault and not fault.lost_answer:
            raise fault.error()
        with self._lock:
            yield
        if fault:
            raise fault.error()

    def _raise(self, verb: str, resource: ResourceType, namespace: str, name: str) -> None:
        fault = self._request(verb, resource, namespace, name)
        if fault:
            raise fault.error()

    def _invalid(self, text: str) -> ApiError:
        return InvalidError(f"{self.name} answered 422: {text}", status=422, reason="Invalid")

    def _stamp(self) -> str:
        return datetime.datetime.fromtimestamp(self._clock.now(), datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _key(resource: ResourceType, namespace: str, name: str) -> Key:
    return resource.group, resource.plural, namespace if resource.namespaced else "", name


def _has_status(resource: ResourceType) -> bool:
    return resource.has_status and resource.kind not in WITHOUT_STATUS


def _status_of(version: Manifest) -> bool:
    return get(version, "subresources", "status") is not None


def _copy(value: Manifest) -> Manifest:
    return dict(orjson.loads(orjson.dumps(value)))


def _brief(manifest: Manifest) -> Manifest:
    return {"apiVersion": "meta.k8s.io/v1", "kind": "PartialObjectMetadata", "metadata": _copy(manifest["metadata"])}
