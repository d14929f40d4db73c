"""Dry runs that pass through a webhook: objects that the API server would ask it about."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from migrator.model.kinds import CONFIG_MAPS, PODS
from migrator.model.manifest import POD_TEMPLATES, Manifest, get, without
from migrator.model.plan import PlanItem
from migrator.model.pods import spec_of_pods
from migrator.model.ref import ObjectRef, ResourceType
from migrator.model.strange import STRANGE
from migrator.rules.webhooks import concerns, namespace_labels, selects

_NAME = "migrator-asks-"
# Fields of a spec whose value only one object may have, or that would be asked for on one node.
_OF_ONE_OBJECT = ("clusterIP", "clusterIPs", "healthCheckNodePort", "volumeName", "nodeName")
# `.invalid` never resolves (RFC 2606), should such a pod be made in spite of the dry run.
_CONTAINERS = [{"name": "asks", "image": "registry.invalid/migrator-asks"}]
Moved = Mapping[ObjectRef, PlanItem]
"""What moves and is on green."""


@dataclass(slots=True, frozen=True)
class Trial:
    """One dry run."""

    what: str
    resource: ResourceType
    namespace: str
    name: str = ""
    """An object to update without a change; empty: `body` is created."""
    body: bytes = b""


def trials(hook: Manifest, moved: Moved, served: Callable[[], tuple[ResourceType, ...]] | None = None) -> Iterator[Trial]:
    """Yield dry runs that a webhook is asked about, the surest first.

    `served`: green's types, where an object of no use may be made up when none that moves passes through the webhook.
    """
    yield from _updates(hook, moved)
    yield from _pods(hook, moved)
    yield from _copies(hook, moved)
    if served:
        yield from _made_up(hook, moved, served)


def _updates(hook: Manifest, moved: Moved) -> Iterator[Trial]:
    """Yield updates without a change."""
    for item, manifest in _matching(hook, moved, "UPDATE"):
        if item.resource:
            what = f"an update of {item.green}"
            yield Trial(what, item.resource, item.green.namespace, manifest["metadata"]["name"])


def _copies(hook: Manifest, moved: Moved) -> Iterator[Trial]:
    """Yield creates of what moves, under another name."""
    for item, manifest in _matching(hook, moved, "CREATE"):
        if item.resource:
            metadata = without(manifest["metadata"], "name", "ownerReferences", "finalizers")
            body = {**manifest, "metadata": {**metadata, "generateName": _NAME}}
            if isinstance(body.get("spec"), dict):
                body["spec"] = without(body["spec"], *_OF_ONE_OBJECT)
            yield _create(item.resource, item.green.namespace, body, f"a copy of {item.green}")


def _matching(hook: Manifest, moved: Moved, operation: str) -> Iterator[tuple[PlanItem, Manifest]]:
    for ref, item in moved.items():
        if item.resource is None or not concerns(hook, item.resource, operation):
            continue
        manifest = orjson.loads(item.body)
        if _is_selected(hook, ref, manifest["metadata"].get("labels") or {}, moved):
            yield item, manifest


def _is_selected(hook: Manifest, ref: ObjectRef, labels: Any, moved: Moved) -> bool:
    """Return whether the selectors match; an object that they cannot be compared with is none to ask with."""
    try:
        if ref.type_name == "Namespace":
            return selects(hook, labels, {**labels, **namespace_labels(ref.name, None)})
        return selects(hook, labels, _labels_of(ref.namespace, moved) if ref.namespace else None)
    except STRANGE:
        return False


def _labels_of(namespace: str, moved: Moved) -> dict[str, str]:
    item = moved.get(ObjectRef("", "Namespace", "", namespace))
    return namespace_labels(namespace, orjson.loads(item.body) if item else None)


def _pods(hook: Manifest, moved: Moved) -> Iterator[Trial]:
    """Yield creates of pods that workloads would make."""
    if not concerns(hook, PODS, "CREATE"):
        return
    for ref, item in moved.items():
        if ref.type_name not in POD_TEMPLATES or ref.type_name == "Pod":
            continue
        workload = orjson.loads(item.body)
        labels = get(workload, *POD_TEMPLATES[ref.type_name], "metadata", "labels") or {}
        if _is_selected(hook, ref, labels, moved):
            body = _body(PODS, ref.namespace, labels) | {"spec": without(spec_of_pods(workload), "nodeName")}
            yield _create(PODS, ref.namespace, body, f"a pod of {ref}")


def _made_up(hook: Manifest, moved: Moved, served: Callable[[], tuple[ResourceType, ...]]) -> Iterator[Trial]:
    """Yield creates of small objects, in a namespace that moves where the kind has one."""
    labels = _fitting(hook.get("objectSelector") or {})
    names = sorted(ref.name for ref in moved if ref.type_name == "Namespace")
    for resource in _kinds(hook, served):
        for namespace in names if resource.namespaced else [""]:
            if selects(hook, labels, _labels_of(namespace, moved) if namespace else None):
                body = _body(resource, namespace, labels)
                if resource.kind == "Pod":
                    body["spec"] = {"containers": _CONTAINERS}
                yield _create(resource, namespace, body, f"a {resource.type_name} that was made up")
                break


def _kinds(hook: Manifest, served: Callable[[], tuple[ResourceType, ...]]) -> Iterator[ResourceType]:
    for resource in (CONFIG_MAPS, PODS):
        if concerns(hook, resource, "CREATE"):
            yield resource
    for resource in served():
        if "create" in resource.verbs and resource.kind not in ("ConfigMap", "Pod") and concerns(hook, resource, "CREATE"):
            yield resource


def _fitting(selector: Manifest) -> dict[str, str]:
    """Return labels that a selector matches, as far as it says which."""
    labels = dict(selector.get("matchLabels") or {})
    for item in selector.get("matchExpressions") or []:
        if item["operator"] in ("In", "Exists"):
            labels[item["key"]] = (item.get("values") or [""])[0]
    return labels


def _body(resource: ResourceType, namespace: str, labels: Any) -> Manifest:
    metadata: Manifest = {"generateName": _NAME} | ({"labels": labels} if labels else {})
    if namespace:
        metadata["namespace"] = namespace
    return {"apiVersion": resource.api_version, "kind": resource.kind, "metadata": metadata}


def _create(resource: ResourceType, namespace: str, body: Manifest, what: str) -> Trial:
    return Trial(what, resource, namespace, body=orjson.dumps(body))
