"""Kubernetes objects as plain dicts, and functions that copy only the branch that they change.

An unchanged branch keeps its identity: `after is before` means that a rule did not change the object.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from migrator.model.ref import ObjectRef

Manifest = dict[str, Any]
"""One Kubernetes object; the only place where `Any` is the type of data."""
# API groups of Kubernetes itself with a dot in their name, without their common end (kubernetes.io/docs/reference/kubernetes-api).
_OF_KUBERNETES = frozenset(
    {
        *("admissionregistration", "apiextensions", "apiregistration", "authentication", "authorization", "certificates"),
        *("coordination", "discovery", "events", "flowcontrol.apiserver", "internal.apiserver", "networking", "node"),
        *("rbac.authorization", "resource", "scheduling", "storage", "storagemigration"),
    }
)


def ref_of(manifest: Manifest) -> ObjectRef:
    """Return the reference of a manifest."""
    metadata = manifest["metadata"]
    group, _, _ = manifest["apiVersion"].rpartition("/")
    return ObjectRef(group, manifest["kind"], metadata.get("namespace", ""), metadata["name"])


def get(manifest: Any, *path: str) -> Any:
    """Return the value at `path`, or None where any part of it is missing."""
    for key in path:
        if not isinstance(manifest, dict):
            return None
        manifest = manifest.get(key)
    return manifest


def without(manifest: Manifest, *keys: str) -> Manifest:
    """Return the dict without `keys`; the same dict if it has none of them."""
    if not any(key in manifest for key in keys):
        return manifest
    return {key: value for key, value in manifest.items() if key not in keys}


def put(manifest: Manifest, path: tuple[str, ...], value: Any) -> Manifest:
    """Return the manifest with `value` at `path`; the same manifest if the value is there."""
    head, *rest = path
    if not rest:
        return manifest if head in manifest and manifest[head] == value else {**manifest, head: value}
    child = manifest.get(head) or {}
    changed = put(child, tuple(rest), value)
    return manifest if changed is child else {**manifest, head: changed}


def drop(manifest: Manifest, *path: str) -> Manifest:
    """Return the manifest without the value at `path`, and without dicts that become empty."""
    head, *rest = path
    if not isinstance(manifest, dict) or head not in manifest:
        return manifest
    if not rest:
        return without(manifest, head)
    child = manifest[head]
    if not isinstance(child, dict):
        return manifest
    changed = drop(child, *rest)
    if changed is child:
        return manifest
    return {**manifest, head: changed} if changed else without(manifest, head)


def update(manifest: Manifest, path: tuple[str, ...], change: Callable[[Any], Any]) -> Manifest:
    """Return the manifest with `change` applied to the value at `path`, if there is one."""
    head, *rest = path
    if not isinstance(manifest, dict) or head not in manifest:
        return manifest
    child = manifest[head]
    changed = update(child, tuple(rest), change) if rest else change(child)
    return manifest if changed is child else {**manifest, head: changed}


def map_list(items: Any, change: Callable[[Any], Any]) -> Any:
    """Return the list with `change` applied to each item; the same list if no item changes."""
    if not isinstance(items, list):
        return items
    changed = [change(item) for item in items]
    return items if all(new is old for new, old in zip(changed, items, strict=True)) else changed


POD_TEMPLATES: dict[str, tuple[str, ...]] = {
    "Pod": (),
    "Deployment.apps": ("spec", "template"),
    "StatefulSet.apps": ("spec", "template"),
    "DaemonSet.apps": ("spec", "template"),
    "ReplicaSet.apps": ("spec", "template"),
    "ReplicationController": ("spec", "template"),
    "Job.batch": ("spec", "template"),
    "CronJob.batch": ("spec", "jobTemplate", "spec", "template"),
    "PodTemplate": ("template",),
}
"""Path of the pod template in each kind that has one; empty for Pod."""


_READ_ONLY = {"Rollout.argoproj.io": ("spec", "template")}
"""Of custom workloads, whose templates are read, and changed by the rules for custom resources."""


def pod_spec(manifest: Manifest) -> Manifest | None:
    """Return the pod spec of a workload, or None for any other kind, and for one that names its pods elsewhere."""
    name = ref_type(manifest)
    path = POD_TEMPLATES.get(name, _READ_ONLY.get(name))
    spec = None if path is None else get(manifest, *path, "spec")
    return spec if isinstance(spec, dict) else None


def is_custom(manifest: Manifest) -> bool:
    """Return whether a kind is none of Kubernetes' own: its fields are known by their names at most."""
    return is_custom_group(manifest["apiVersion"].rpartition("/")[0])


def is_custom_group(group: str) -> bool:
    """Return whether an API group is none of Kubernetes' own: another server, or a controller, acts on its kinds.

    A group of a project of Kubernetes ends with k8s.io, too (`gateway.networking.k8s.io`, `snapshot.storage.k8s.io`).
    """
    return "." in group and group.removesuffix(".k8s.io") not in _OF_KUBERNETES


def ref_type(manifest: Manifest) -> str:
    """Return `Kind.group` of a manifest."""
    group, slash, _ = manifest["apiVersion"].rpartition("/")
    return f"{manifest['kind']}.{group}" if slash else str(manifest["kind"])


def containers(spec: Manifest) -> Iterator[Manifest]:
    """Yield all containers of a pod spec."""
    for field in ("initContainers", "containers", "ephemeralContainers"):
        yield from spec.get(field) or []


def merged(base: Mapping[str, Any], more: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings with more of them written over, mapping by mapping."""
    out = dict(base)
    for key, value in more.items():
        both = isinstance(value, Mapping) and isinstance(out.get(key), Mapping)
        out[key] = merged(out[key], value) if both else value
    return out
