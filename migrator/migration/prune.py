"""What a copy deletes from green: what this migration made and blue no longer has. What others made inside of it keeps it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from concurrent.futures import ThreadPoolExecutor

from migrator.errors import ApiError, NotFoundError
from migrator.migration.inventory import Live
from migrator.migration.state import State
from migrator.model.kinds import API_SERVICES, DEFINITIONS
from migrator.model.manifest import Manifest, get
from migrator.model.plan import Plan
from migrator.model.ref import ObjectRef, ResourceType
from migrator.model.strange import STRANGE, named, reason_of
from migrator.model.words import some
from migrator.ports import ClusterReader
from migrator.readiness.kinds import readiness
from migrator.rules import shared, skip, versions
from migrator.rules.staying_kinds import SKIPPED_KINDS

_CRD = "CustomResourceDefinition.apiextensions.k8s.io"
# Of what keeps a namespace or a CRD; the rest is counted.
_SHOWN = 5


def gone(plan: Plan, state: State, live: Mapping[ObjectRef, Live]) -> dict[ObjectRef, ResourceType]:
    """Return what this tool made on green, still is there, and blue has no more; unread kinds are left alone."""
    on_blue = {item.green for item in plan.items}
    return {
        ref: plan.kinds_read[ref.type_name]
        for ref, written in state.written.items()
        if written.made
        and ref not in on_blue
        and ref.type_name in plan.kinds_read
        # Another UID: somebody has deleted ours and made one of that name.
        and (ref not in live or live[ref].uid == written.uid)
    }


def counted(refs: Iterable[ObjectRef]) -> str:
    """Return how many objects of each kind these are: `3 objects (2 ConfigMap, 1 Namespace)`."""
    kinds = Counter(ref.type_name for ref in refs)
    return f"{kinds.total()} objects ({', '.join(f'{number} {kind}' for kind, number in sorted(kinds.items()))})"


def in_order(refs: Iterable[ObjectRef]) -> list[ObjectRef]:
    """Return the objects so that what judges others goes first and what holds others goes last."""
    # A namespace or a CRD takes all that it holds with it; their contents go first, so that each deletion has a line of its own.
    last = {"CustomResourceDefinition": 2, "Namespace": 3}
    # A webhook whose Service was deleted before it could refuse the deletions that follow (failurePolicy Fail).
    first = {"ValidatingWebhookConfiguration": -1, "MutatingWebhookConfiguration": -1, "APIService": -1}
    return sorted(refs, key=lambda ref: (last.get(ref.kind, first.get(ref.kind, 0)), ref))


class Contents:
    """Tells what lies in the namespaces and custom kinds of green that are to be deleted."""

    def __init__(self, green: ClusterReader, ours: Mapping[ObjectRef, str]) -> None:
        """Take all that is to be deleted, with the UIDs."""
        self._green = green
        self._ours = frozenset(ours.values())
        self._services = frozenset((ref.namespace, ref.name) for ref in ours if ref.type_name == "Service")
        self._types: list[ResourceType] = []

    def of_others(self, ref: ObjectRef) -> str:
        """Return why an object must stay: what it holds besides what is deleted anyway; empty when it holds nothing.

        Raises ApiError for what cannot be listed: nobody can tell then.
        """
        if ref.type_name not in ("Namespace", _CRD):
            return ""
        self._types = self._types or [types[0] for types in versions.by_kind(self._green.resources()).values()]
        try:
            others = self._others(*(self._in_namespace(ref.name) if ref.kind == "Namespace" else self._of_definition(ref)))
        except STRANGE as error:
            return f"is kept: what it holds {reason_of(error)}"
        if not others:
            return self._unfinished(ref)
        shown = some(map(str, sorted(others)), _SHOWN)
        return f"is kept: it holds {len(others)} objects that this copy does not delete: {shown}"

    def _unfinished(self, ref: ObjectRef) -> str:
        """Return why green could not finish the deletion of a namespace: it asks every API server first (kubernetes#75788)."""
        if ref.kind != "Namespace":
            return ""
        silent = [item["metadata"]["name"] for item in self._green.list(API_SERVICES) if not readiness(item).done]
        return f"is kept: green would not finish its deletion while APIService {silent[0]} is not available" if silent else ""

    def _in_namespace(self, name: str) -> tuple[list[ResourceType], str]:
        # A kind without `delete` is not stored, such as the metrics of pods; others describe or serve the cluster only.
        stored = [item for item in self._types if item.namespaced and {"list", "delete"} <= item.verbs]
        return [item for item in stored if item.type_name not in SKIPPED_KINDS], name

    def _of_definition(self, ref: ObjectRef) -> tuple[list[ResourceType], str]:
        try:
            spec = self._green.get(DEFINITIONS, "", ref.name)["spec"]
        except NotFoundError:
            return [], ""
        kind = (spec["group"], spec["names"]["kind"])
        return [item for item in self._types if (item.group, item.kind) == kind], ""

    def _others(self, types: list[ResourceType], namespace: str) -> list[ObjectRef]:
        with ThreadPoolExecutor(self._green.workers) as pool:
            found = [item for part in pool.map(lambda kind: self._listed(kind, namespace), types) for item in part]
        services = self._services | {(ref.namespace, ref.name) for ref, _ in found if ref.type_name == "Service"}
        known = self._ours | {item["metadata"]["uid"] for _, item in found}
        known |= self._gone_owners([item for _, item in found], namespace, known)
        staying = {item["metadata"]["uid"]: (ref, item) for ref, item in found if not _of_the_cluster(item, ref, services)}
        # Repeated: an owner that goes lets its dependents go, which may own others.
        while True:
            going = [uid for uid, (_, item) in staying.items() if self._goes(uid, item, known - staying.keys())]
            if not going:
                return [ref for ref, _ in staying.values()]
            for uid in going:
                del staying[uid]

    def _goes(self, uid: str, item: Manifest, going: AbstractSet[str]) -> bool:
        """Return whether an object is deleted anyway: by this copy, or by the garbage collector after its last owner."""
        owners = {owner["uid"] for owner in _owners(item)}
        # All owners: the garbage collector deletes a dependent only when none of them is left (k8s docs, garbage collection).
        owned = bool(owners) and going >= owners
        return uid in self._ours or "deletionTimestamp" in item["metadata"] or owned

    def _gone_owners(self, items: list[Manifest], namespace: str, known: AbstractSet[str]) -> set[str]:
        """Return the UIDs of owners that are deleted already: what they owned waits for the garbage collector."""
        owners = {owner["uid"]: owner for item in items for owner in _owners(item) if owner["uid"] not in known}
        return {uid for uid, owner in owners.items() if self._is_gone(owner, namespace)}

    def _is_gone(self, owner: Manifest, namespace: str) -> bool:
        kind = (str(owner["apiVersion"]).rpartition("/")[0], owner["kind"])
        for resource in self._types:
            if (resource.group, resource.kind) == kind:
                try:
                    found = self._green.get(resource, namespace if resource.namespaced else "", owner["name"])
                except NotFoundError:
                    return True
                return bool(found["metadata"]["uid"] != owner["uid"])
        return False

    def _listed(self, resource: ResourceType, namespace: str) -> list[tuple[ObjectRef, Manifest]]:
        try:
            return [
                (named(item), {"metadata": item["metadata"], "type": item.get("type")})
                for item in self._green.list(resource, namespace)
            ]
        except NotFoundError:
            return []
        except ApiError as error:
            error.message = f"is kept: what it holds cannot be listed: {error.message}"
            raise


def _owners(item: Manifest) -> list[Manifest]:
    """Return the owner references of an object."""
    return item["metadata"].get("ownerReferences") or []


def _of_the_cluster(manifest: Manifest, ref: ObjectRef, services: AbstractSet[tuple[str, str]]) -> bool:
    """Return whether green's controllers made an object and would make it again in any namespace."""
    if ref.type_name == "Endpoints":
        return (ref.namespace, ref.name) in services or get(manifest, "metadata", "name") == "kubernetes"
    return shared.is_shared(ref) or skip.is_of_the_cluster(manifest, ref)
