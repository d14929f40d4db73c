"""Rules for claims, volumes and storage classes: the binding is not moved; what happens to the data is decided here."""

from __future__ import annotations

import re
from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Any

from migrator.config.volumes import ClaimRule
from migrator.model.manifest import POD_TEMPLATES, Manifest, drop, get, is_custom, map_list, put, ref_type, update
from migrator.model.plan import DataPlan
from migrator.rules import named_folders
from migrator.rules.context import Hindrance, Rule, RuleContext

_QUOTA = ".storageclass.storage.k8s.io/"
# Fields of custom resources that name a storage class, in lower case.
_CLASS_FIELDS = frozenset({"storageclass", "storageclassname"})
SELECTED_NODE = "volume.kubernetes.io/selected-node"
CLASS_ANNOTATION = "volume.beta.kubernetes.io/storage-class"
"""Older than the field storageClassName, and still read by Kubernetes."""


def clear_claim_binding(manifest: Manifest, context: RuleContext) -> Manifest:
    """Return the claim unbound, unless its volume was created by hand and moves too, or is handed over later.

    A claim that names a volume which is not there waits for it, and no provisioner makes another one. So does one that a
    provisioner would give blue's own folder: both sides would write to it, and whoever deletes it on green deletes blue's.
    """
    if (
        get(manifest, "spec", "volumeName") in context.blue.moving_volumes
        or _is_handed_claim(manifest, context)
        or would_share(manifest, context)
    ):
        return manifest
    return drop(manifest, "spec", "volumeName")


def clear_volume_binding(manifest: Manifest, context: RuleContext) -> Manifest:
    """Return the volume reserved for the same claim by name, without blue's UID."""
    # With blue's UID the volume would be Released at once: its claim is another object on green (docs: reserving a
    # PersistentVolume).
    for field in ("uid", "resourceVersion", "apiVersion", "kind"):
        manifest = drop(manifest, "spec", "claimRef", field)
    return update(manifest, ("spec", "claimRef", "namespace"), context.green_namespace)


def retain_volume(manifest: Manifest, _: RuleContext) -> Manifest:
    """Return the volume with policy Retain, because both clusters use the same storage and neither may delete it."""
    return put(manifest, ("spec", "persistentVolumeReclaimPolicy"), "Retain")


def drop_data_source(manifest: Manifest, _: RuleContext) -> Manifest:
    """Return a claim that had a volume without its data source, which was used when that volume was made.

    On green the claim would wait for a snapshot or claim that is not there, or would get the data of that moment back.
    """
    if not had_data(manifest):
        return manifest
    # Both fields: each is filled in from the other (KEP-1495).
    return drop(drop(manifest, "spec", "dataSource"), "spec", "dataSourceRef")


def map_storage_class(manifest: Manifest, context: RuleContext) -> Manifest:
    """Return claim, volume or workload with green's name of each storage class in it, templates of claims included."""
    names = context.config.map.storage_classes
    if not names:
        return manifest

    def renamed(name: str) -> str:
        return names.get(name, name)

    def claim(item: Manifest) -> Manifest:
        item = update(item, ("spec", "storageClassName"), renamed)
        return update(item, ("metadata", "annotations", CLASS_ANNOTATION), renamed)

    def volume(item: Manifest) -> Manifest:
        return update(item, ("ephemeral", "volumeClaimTemplate"), claim)

    path = POD_TEMPLATES.get(ref_type(manifest))
    if path is None:
        return claim(manifest)
    manifest = update(manifest, ("spec", "volumeClaimTemplates"), lambda items: map_list(items, claim))
    return update(manifest, (*path, "spec", "volumes"), lambda items: map_list(items, volume))


def map_named_class(manifest: Manifest, context: RuleContext) -> Manifest:
    """Return a quota or a custom resource with green's name of each storage class in it."""
    names = context.config.map.storage_classes
    if not names:
        return manifest
    if ref_type(manifest) == "ResourceQuota":
        return update(manifest, ("spec", "hard"), lambda hard: _quota(hard, names))
    return update(manifest, ("spec",), lambda spec: _with_classes(spec, names)) if is_custom(manifest) else manifest


def _quota(hard: Any, names: dict[str, str]) -> Any:
    """Return limits, such as `CLASS.storageclass.storage.k8s.io/requests.storage`, with green's classes."""
    parts = [(*key.partition(_QUOTA), value) for key, value in hard.items()]
    if not any(dot and name in names for name, dot, _, _ in parts):
        return hard
    return {f"{names.get(name, name) if dot else name}{dot}{rest}": value for name, dot, rest, value in parts}


def _with_classes(value: Any, names: dict[str, str]) -> Any:
    if isinstance(value, list):
        return map_list(value, lambda item: _with_classes(item, names))
    if not isinstance(value, dict):
        return value
    for key, inner in value.items():
        known = isinstance(inner, str) and key.lower() in _CLASS_FIELDS
        changed = names.get(inner, inner) if known else _with_classes(inner, names)
        if changed is not inner:
            value = {**value, key: changed}
    return value


def named_classes(text: bytes, context: RuleContext) -> list[str]:
    """Return a note for each mapped storage class that the object on green still names in a way that no rule knows."""
    return [
        f"holds a string that may be storage class {name}: not rewritten, use a transform"
        for name in context.config.map.storage_classes
        if re.search(rb'"(?:value|[^"]*[cC]lass[^"]*)":"' + re.escape(name.encode()) + rb'"', text)
    ]


def is_provisioned(manifest: Manifest) -> bool:
    """Return whether a provisioner created the volume; green's provisioner creates its own."""
    # Set by every dynamic provisioner (docs: well-known annotations).
    return bool(get(manifest, "metadata", "annotations", "pv.kubernetes.io/provisioned-by"))


def is_of_a_host(manifest: Manifest) -> bool:
    """Return whether a volume is a folder or a device of a host."""
    return bool(get(manifest, "spec", "local") or get(manifest, "spec", "hostPath"))


def claim_class(manifest: Manifest, context: RuleContext) -> str:
    """Return the storage class that the claim asks for on green, empty for none or the default one."""
    name = class_of(manifest)
    return context.config.map.storage_classes.get(name, name)


def class_of(claim: Manifest) -> str:
    """Return the name of a claim's class, empty for none or the default one."""
    # Kubernetes asks the annotation first (component-helpers/storage/volume, GetPersistentVolumeClaimClass).
    annotated = get(claim, "metadata", "annotations", CLASS_ANNOTATION)
    return str(annotated if annotated is not None else get(claim, "spec", "storageClassName") or "")


def hindrance(manifest: Manifest, context: RuleContext) -> Hindrance | None:
    """Return why a claim that had a volume could never be bound on green; one that waits on blue waits on green, too."""
    name = claim_class(manifest, context)
    travels = get(manifest, "spec", "volumeName") in context.blue.moving_volumes or _is_handed_claim(manifest, context)
    if (
        not had_data(manifest)
        or not name
        or travels
        or name in context.green.storage_classes
        or name in context.blue.storage_classes
    ):
        return None
    return Hindrance(f"green has no StorageClass {name}", f"make it there, or map it: map.storageClasses: {{{name}: ...}}")


def waits_for_a_pod(claim: Manifest, classes: Mapping[str, Manifest]) -> bool:
    """Return whether a claim is bound once a pod uses it, and none does yet: then the scheduler names that pod's node in it."""
    found = classes.get(class_of(claim)) or {}
    bound = get(claim, "spec", "volumeName") or get(claim, "metadata", "annotations", SELECTED_NODE)
    return found.get("volumeBindingMode") == "WaitForFirstConsumer" and not bound


def claim_rule(name: str, context: RuleContext) -> ClaimRule | None:
    """Return the person's rule for a claim (`namespace/name` on blue); the first that names it counts."""
    rules = context.config.volumes.claims
    return next((rule for rule in rules if any(fnmatchcase(name, text) for text in rule.claims)), None)


def is_handed_volume(manifest: Manifest, context: RuleContext) -> bool:
    """Return whether a person wants this volume itself on green: it is made there once blue no longer uses it."""
    claim = get(manifest, "spec", "claimRef") or {}
    return _is_handed(f"{claim.get('namespace')}/{claim.get('name')}", context)


def is_handed_at_cutover(name: str, context: RuleContext) -> bool:
    """Return whether a cutover gives green the volume itself of this claim (`namespace/name` on blue)."""
    rule, (namespace, _, own) = claim_rule(name, context), name.partition("/")
    return rule is not None and rule.way == "handOver" and not data_accounted_for(namespace, own, context)


def _is_handed_claim(manifest: Manifest, context: RuleContext) -> bool:
    metadata = manifest["metadata"]
    return had_data(manifest) and _is_handed(f"{metadata.get('namespace')}/{metadata.get('name')}", context)


def _is_handed(name: str, context: RuleContext) -> bool:
    rule = claim_rule(name, context)
    return rule is not None and rule.way in ("handOver", "adopt")


def would_share(manifest: Manifest, context: RuleContext) -> bool:
    """Return whether green's provisioner would give a claim the folder that it has on blue; a person's word on its data counts."""
    namespace, name = manifest["metadata"].get("namespace", ""), manifest["metadata"]["name"]
    rule = claim_rule(f"{namespace}/{name}", context)
    is_told = data_accounted_for(namespace, name, context) or (rule is not None and "way" in rule.model_fields_set)
    if is_told or not get(manifest, "spec", "volumeName"):
        return False
    blue = dict(context.blue.class_places)
    asked = claim_class(manifest, context)
    place = (blue | dict(context.green.class_places)).get(asked, ())
    moved = context.green_namespace(namespace) != namespace and named_folders.names_namespace(place)
    # A class of blue that was not read may be the same.
    return bool(place) and not moved and blue.get(class_of(manifest), place) == place


def had_data(manifest: Manifest) -> bool:
    """Return whether a claim was bound on blue, so that it may hold data."""
    # The status may be left behind, as after a restore from a backup; the name of the volume is not.
    return get(manifest, "status", "phase") == "Bound" or bool(get(manifest, "spec", "volumeName"))


def data_accounted_for(namespace: str, name: str, context: RuleContext) -> bool:
    """Return whether the person said that this claim's data was moved or may be empty."""
    return any(fnmatchcase(f"{namespace}/{name}", pattern) for pattern in context.config.volumes.data_moved)


def data_plan(manifest: Manifest, context: RuleContext) -> DataPlan:
    """Return what happens to the data of an object; only a claim has data of its own."""
    if manifest["kind"] != "PersistentVolumeClaim" or not had_data(manifest):
        return DataPlan.NONE
    if get(manifest, "spec", "volumeName") in context.blue.moving_volumes - context.blue.host_volumes:
        return DataPlan.SAME_VOLUME
    metadata = manifest["metadata"]
    name = f"{metadata['namespace']}/{metadata['name']}"
    if name in context.copied_claims:
        return DataPlan.HANDED_OVER if _is_handed_claim(manifest, context) else DataPlan.COPIED
    if is_handed_at_cutover(name, context):
        return DataPlan.TO_HAND_OVER
    if name in context.data_moves & context.copied_before:
        return DataPlan.AT_CUTOVER
    if data_accounted_for(metadata["namespace"], metadata["name"], context):
        return DataPlan.ACCOUNTED_FOR
    return DataPlan.TO_ADOPT if _is_handed_claim(manifest, context) else DataPlan.NOT_COPIED


DATA_NOTES = {
    DataPlan.ACCOUNTED_FOR: "data: accounted for by volumes.dataMoved",
    DataPlan.COPIED: "data: copied and proven",
    DataPlan.AT_CUTOVER: "data: copied; the cutover brings the rest in a pause, and proves it",
    DataPlan.HANDED_OVER: "data: the volume itself was handed over",
    DataPlan.TO_HAND_OVER: "data: the cutover hands the volume itself over, once blue no longer uses it",
    DataPlan.TO_ADOPT: "data is NOT there yet: `migrator data finish` makes the volume, once blue's workload is stopped",
    DataPlan.NOT_COPIED: "data is NOT copied: the claim had a volume on blue and is empty on green",
}
"""What a person reads about the data of a claim; nothing where there is nothing to decide."""


SHARED = "its StorageClass names folders by claims, and green's provisioner would give green's claim blue's own folder"
SHARED_HINT = (
    "hand the volume over (volumes.claims: way: handOver); if it is another folder on green, say `way: copy`, or name the claim in"
    " volumes.dataMoved"
)
_SHARED = f"data is NOT there: {SHARED}: it waits for the volume of blue; {SHARED_HINT}"


def notes(manifest: Manifest, context: RuleContext) -> list[str]:
    """Return what a person should know about a claim's data."""
    plan = data_plan(manifest, context)
    note = _SHARED if plan is DataPlan.NOT_COPIED and would_share(manifest, context) else DATA_NOTES.get(plan)
    name = claim_class(manifest, context)
    waits = not had_data(manifest) and name and name not in context.green.storage_classes | context.blue.storage_classes
    return [*([note] if note else []), *([f"stays pending, as on blue: there is no StorageClass {name}"] if waits else [])]


_CLAIM = frozenset({"PersistentVolumeClaim"})
_VOLUME = frozenset({"PersistentVolume"})
RULES = (
    Rule("data-source", drop_data_source, _CLAIM),  # before the binding, which tells that there was a volume
    Rule("claim-binding", clear_claim_binding, _CLAIM),
    Rule("volume-binding", clear_volume_binding, _VOLUME),
    Rule("retain-volume", retain_volume, _VOLUME),
    Rule("storage-class", map_storage_class, _CLAIM | _VOLUME | frozenset(POD_TEMPLATES)),
    Rule("storage-class", map_named_class),
)
