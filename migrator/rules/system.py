"""What a person put into the system namespaces: it stays on blue, so what moves may lack it on green.

No name tells it. What Kubernetes, kubeadm or a controller of theirs made is known by field ownership, owners and labels, and
what green has is no difference.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import orjson

from migrator.model.manifest import Manifest, get
from migrator.model.ref import ObjectRef
from migrator.rules.context import RuleContext, SystemObject
from migrator.rules.skip import SYSTEM_NAMESPACES, is_left_by_rule
from migrator.untrusted import for_yaml

PERSONS = "in a system namespace, but made by no part of Kubernetes, and green has none"
# Field managers that are parts of Kubernetes.
_PARTS = frozenset({"kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubelet", "cloud-controller-manager"})
_ADDON = "addonmanager.kubernetes.io/mode"
# Labels of Secrets that hold a key, and the kind whose objects only that key opens (github.com/bitnami-labs/sealed-secrets).
_KEYS = {"sealedsecrets.bitnami.com/sealed-secrets-key": "SealedSecret.bitnami.com"}
_CONTROLLER_ACCOUNTS = frozenset({"bootstrap-signer", "default", "generic-garbage-collector", "token-cleaner"})
_ANY_ACCOUNT = "*"
_GROUP = "system:serviceaccounts:"
_USER = "system:serviceaccount:"


def is_persons(manifest: Manifest, ref: ObjectRef, context: RuleContext) -> bool:
    """Return whether a person, or a program of theirs, put an object into a system namespace."""
    metadata = manifest["metadata"]
    if ref.namespace not in SYSTEM_NAMESPACES or metadata.get("ownerReferences") or is_left_by_rule(manifest, ref, context):
        return False
    if get(metadata, "labels", _ADDON) is not None or (ref.kind, ref.name) == ("ServiceAccount", "migrator"):
        return False
    managers = {entry.get("manager") for entry in metadata.get("managedFields") or [] if not entry.get("subresource")}
    if not managers and ref.kind == "ServiceAccount":
        return not (ref.name.endswith("-controller") or ref.name in _CONTROLLER_ACCOUNTS)
    return "kubeadm" not in managers and not managers <= _PARTS


def facts(manifest: Manifest, ref: ObjectRef) -> SystemObject:
    """Return what others may need this object for."""
    labels = get(manifest, "metadata", "labels") or {}
    opens = next((kind for label, kind in _KEYS.items() if ref.type_name == "Secret" and label in labels), "")
    return SystemObject(ref, tuple(_accounts(manifest)) if ref.kind == "RoleBinding" else (), opens)


def _accounts(binding: Manifest) -> Iterator[tuple[str, str]]:
    """Yield the accounts that a binding gives rights to: namespace, and name or `*`."""
    for subject in binding.get("subjects") or []:
        kind, name = subject["kind"], str(subject["name"])
        if kind == "ServiceAccount":
            yield str(subject.get("namespace") or binding["metadata"]["namespace"]), name
        elif kind == "Group" and name.startswith(_GROUP):
            yield name.removeprefix(_GROUP), _ANY_ACCOUNT
        elif kind == "User" and name.startswith(_USER):
            namespace, _, account = name.removeprefix(_USER).partition(":")
            yield namespace, account


class Need(NamedTuple):
    """An object that moves, and what it needs of a system namespace."""

    system: ObjectRef
    by: ObjectRef
    why: str


class Needs:
    """Tells what moving objects need of those that stay in system namespaces."""

    def __init__(self, objects: Iterable[SystemObject]) -> None:
        self._grants: dict[tuple[str, str], list[ObjectRef]] = {}
        self._keys: dict[str, list[ObjectRef]] = {}
        self._names: dict[tuple[str, str], list[ObjectRef]] = {}
        for item in sorted(objects):
            self._names.setdefault((item.ref.namespace, item.ref.name), []).append(item.ref)
            for account in item.grants:
                self._grants.setdefault(account, []).append(item.ref)
            if item.opens:
                self._keys.setdefault(item.opens, []).append(item.ref)

    def of(self, ref: ObjectRef, body: bytes) -> Iterator[Need]:
        """Yield what an object of blue that moves needs; `body`: its JSON."""
        if not self._names:
            return
        for key in self._keys.get(ref.type_name, []):
            yield Need(key, ref, "can only be opened with it")
        if ref.type_name == "ServiceAccount":
            for name in (ref.name, _ANY_ACCOUNT):
                for binding in self._grants.get((ref.namespace, name), []):
                    yield Need(binding, ref, "has rights from it")
        if any(f'"{namespace}"'.encode() in body for namespace in SYSTEM_NAMESPACES):
            yield from self._referenced(ref, orjson.loads(body))

    def _referenced(self, ref: ObjectRef, manifest: Manifest) -> Iterator[Need]:
        for field, kind, namespace, name in _references(manifest, ""):
            for target in self._names.get((namespace, name), []):
                if (kind == target.kind) if kind else _may_be(target.kind, field):
                    yield Need(target, ref, f"refers to it in {field}")


def _references(value: Any, field: str) -> Iterator[tuple[str, str, str, str]]:
    """Yield field, kind (empty where it is not told), namespace and name of each reference into a system namespace.

    A reference has its namespace beside its name, in fields such as `namespace`, `secretNamespace`, or the parameter
    `csi.storage.k8s.io/provisioner-secret-namespace` of a StorageClass.
    """
    if isinstance(value, list):
        for item in value:
            yield from _references(item, field)
    if not isinstance(value, dict):
        return
    for key, inner in value.items():
        if isinstance(inner, str) and inner in SYSTEM_NAMESPACES and key.lower().endswith("namespace"):
            stem = key[: -len("namespace")]
            name = value.get(f"{stem}name") or value.get(f"{stem}Name")
            kind = value.get("kind")
            if isinstance(name, str):
                yield (field if not stem else stem.rstrip("-")), kind if isinstance(kind, str) and not stem else "", inner, name
        elif key != "metadata":
            yield from _references(inner, key)


def _may_be(kind: str, field: str) -> bool:
    """Return whether a field without a kind may mean an object of this kind: by its name where that tells, else any."""
    told = next((name for name in ("Secret", "ConfigMap", "Service", "ServiceAccount") if name.lower() in field.lower()), "")
    return kind == told if told else True


def selector_text(ref: ObjectRef) -> str:
    """Return what selects an object in move.objects.include."""
    return f"{{kind: {ref.type_name}, namespace: {ref.namespace}, name: {for_yaml(ref.name)}}}"


def warnings(needs: Iterable[Need]) -> list[str]:
    """Return a warning for each object of a system namespace that something that moves needs."""
    by_object: dict[ObjectRef, list[Need]] = {}
    for need in needs:
        by_object.setdefault(need.system, []).append(need)
    found = []
    for ref, users in sorted(by_object.items()):
        more = f" (and {len(users) - 1} more)" if len(users) > 1 else ""
        found.append(
            f"{ref} stays on blue and is not on green, but {users[0].by}, which moves, {users[0].why}{more}: "
            f"move.objects.include: [{selector_text(ref)}]"
        )
    return found
