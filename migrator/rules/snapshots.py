"""Snapshots of volumes: green must neither delete what lies in blue's storage nor take a snapshot of an empty claim.

A content that a driver made for a claim has deletion policy Delete as a rule: whoever removes it on green removes the
snapshot in the storage that both clusters share. Source: kubernetes.io/docs/concepts/storage/volume-snapshots.
"""

from __future__ import annotations

from migrator.model.manifest import Manifest, drop, get, put, update
from migrator.rules.context import Rule, RuleContext

SNAPSHOTS = frozenset({"VolumeSnapshot.snapshot.storage.k8s.io", "VolumeGroupSnapshot.groupsnapshot.storage.k8s.io"})
CONTENTS = frozenset({"VolumeSnapshotContent.snapshot.storage.k8s.io", "VolumeGroupSnapshotContent.groupsnapshot.storage.k8s.io"})
_GIVEN = ("snapshotHandle", "groupSnapshotHandles")
_REFERENCES = ("volumeSnapshotRef", "volumeGroupSnapshotRef")


def is_taken_by_a_driver(manifest: Manifest, _: RuleContext) -> bool:
    """Return whether a driver took what this content stands for; a content that a person made names a handle."""
    return not any(get(manifest, "spec", "source", name) for name in _GIVEN)


def asks_for_a_new_one(manifest: Manifest, _: RuleContext) -> bool:
    """Return whether this would be taken anew on green, of what is in the claim there; else it names its content."""
    source = get(manifest, "spec", "source") or {}
    return not any(name.endswith("ContentName") for name in source)


def detach_content(manifest: Manifest, context: RuleContext) -> Manifest:
    """Return the content so that green keeps the snapshot in the storage, and binds it by name."""
    manifest = put(manifest, ("spec", "deletionPolicy"), "Retain")
    for reference in _REFERENCES:
        for field in ("uid", "resourceVersion"):
            manifest = drop(manifest, "spec", reference, field)
        manifest = update(manifest, ("spec", reference, "namespace"), context.green_namespace)
    return manifest


RULES = (Rule("snapshot-content", detach_content, CONTENTS),)
