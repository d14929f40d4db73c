"""What each stage of reading returns: frozen values, which no other thread changes."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from migrator.model.manifest import Manifest
from migrator.model.plan import Unreadable
from migrator.model.ref import ObjectRef, ResourceType
from migrator.model.strange import to_json
from migrator.rules import field_owners, versions
from migrator.rules.context import BlueFacts, GreenFacts
from migrator.rules.ownership import Owner


@dataclass(slots=True, frozen=True)
class Found:
    """One object of blue."""

    ref: ObjectRef
    resource: ResourceType
    uid: str
    skip: str
    """Reason why it is not moved; its body is not kept then."""
    body: bytes = field(default=b"", repr=False)
    manager: str = ""
    """The name to write it under, so that its fields keep their owner."""
    managed_fields: bytes = field(default=b"", repr=False)
    """Blue's field ownership, where writing under one name cannot carry it over."""
    owners: tuple[Owner, ...] = ()
    blocked: str = ""
    """Why it cannot be read; there is no body then."""


@dataclass(slots=True, frozen=True)
class Live:
    """One object of green, as it is now."""

    uid: str
    resource_version: str
    token: str
    """`managers:generation:resourceVersion`: the first two change when a person changes the object, the last always."""
    body: bytes = field(repr=False)
    creators: tuple[str, ...] = ()
    """Managers one of which has created it."""
    fields: bytes = field(default=b"", repr=False)
    """Who owns its fields, as JSON of managedFields without those of status; empty where nobody tells."""
    going: bool = False
    """Whether somebody has deleted it, and it waits for its finalizers."""


@dataclass(slots=True, frozen=True)
class BlueInventory:
    """What was read of blue, but for the objects themselves, and the facts of green that rules need."""

    kinds_read: Mapping[str, ResourceType]
    kinds_skipped: Mapping[str, str]
    """Kinds that are not read, with the reason."""
    unserved: Mapping[str, ResourceType]
    """Kinds that green serves at no common version, at blue's preferred one."""
    green_versions: Mapping[versions.Kind, tuple[str, ...]]
    crds: Mapping[versions.Kind, ObjectRef]
    unreadable: tuple[Unreadable, ...]
    blue: BlueFacts
    green: GreenFacts


@dataclass(slots=True, frozen=True)
class GreenReading:
    """Green's objects of the kinds that have something to move."""

    live: Mapping[ObjectRef, Live]
    unreadable: tuple[Unreadable, ...] = ()
    strange: Mapping[ObjectRef, str] = field(default_factory=dict)
    """Objects that cannot be read, with the reason."""


def live_of(manifest: Manifest) -> Live:
    """Return what is kept of an object of green; of its managedFields only a token."""
    metadata = manifest["metadata"]
    managers = managers_of(manifest)
    token = f"{managers}:{metadata.get('generation', '')}:{metadata['resourceVersion']}"
    slim = {**manifest, "metadata": {key: value for key, value in metadata.items() if key != "managedFields"}}
    return Live(
        metadata["uid"],
        metadata["resourceVersion"],
        token,
        to_json(slim),
        field_owners.creators(manifest),
        _once(to_json(field_owners.of_content(manifest))) if metadata.get("managedFields") else b"",
        "deletionTimestamp" in metadata,
    )


@lru_cache(maxsize=10_000)
def _once(fields: bytes) -> bytes:
    """Return equal bytes as one object: what was written alike in one second has the same owners."""
    return fields


def managers_of(manifest: Manifest) -> str:
    """Return the first part of an object's token: who owns which fields since when."""
    return digest("|".join(field_owners.changed_by_person(manifest)).encode())


def digest(data: bytes) -> str:
    """Return a short digest that distinguishes contents."""
    return hashlib.blake2b(data, digest_size=12).hexdigest()


def unreadable_names(items: Iterable[Unreadable]) -> str:
    """Return the kinds in one text."""
    return ", ".join(sorted({item.type_name for item in items}))
