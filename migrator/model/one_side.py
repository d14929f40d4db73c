"""What may run on one side only, how it is held on the other one, and what is handed over at a cutover."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from migrator.model.manifest import Manifest, drop, get, put
from migrator.model.ref import ObjectRef, ResourceType

Where = Literal["blue", "green"]
Scalar = bool | int | str | None
"""A value that holds an object, or that it has while it runs; None: the field is not there."""
# What the controllers of `apps` take for a field that is not there; another operator has a number of its own.
_DEFAULTS: Mapping[tuple[str, ...], Scalar] = {("spec", "replicas"): 1}


@dataclass(slots=True, frozen=True)
class HeldField:
    """A field that keeps an object from running."""

    path: tuple[str, ...]
    held: Scalar
    """Its value while the object is held."""
    blue: Scalar = None
    """Its value on blue while the object runs there."""
    green: Scalar = None
    """Its value on green while the object runs there."""

    @property
    def words(self) -> str:
        """The field as a person writes it, with the value that holds."""
        head, *rest = self.path
        return f"{head}{''.join(f'.{key}' if key.isalnum() else f'[{key}]' for key in rest)}: {_shown(self.held)}"

    def running(self, where: Where) -> Scalar:
        """Return the value that the field has on a side while the object runs there."""
        return self.blue if where == "blue" else self.green

    def is_held(self, manifest: Manifest) -> bool:
        """Return whether the field holds this object."""
        return value_at(manifest, self.path) == self.held

    def patch(self, value: Scalar) -> dict[str, Any]:
        """Return the merge patch (RFC 7396) that gives the field a value; None removes it."""
        patch: Any = value
        for key in reversed(self.path):
            patch = {key: patch}
        return dict(patch)


def value_at(manifest: Manifest, path: tuple[str, ...]) -> Scalar:
    """Return a field's value as the server takes it; raises TypeError for one that is not a plain value."""
    value = get(manifest, *path)
    if value is None:
        return _DEFAULTS.get(path) if str(manifest.get("apiVersion")).startswith("apps/") else None
    if not isinstance(value, bool | int | str):
        raise TypeError
    return value


def _shown(value: Scalar) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


@dataclass(slots=True, frozen=True)
class Part:
    """One object that is handed over: all that is needed to stop and to start it, on either side."""

    blue: ObjectRef
    """Its name on blue."""
    green: ObjectRef
    """Its name on green."""
    row: str
    """What it is, by the table: the group that it is handed over with."""
    resource: ResourceType
    fields: tuple[HeldField, ...]
    """The first one holds a new object, the last one stops a running object; mostly they are the same."""
    first: bool = False
    """Whether it could start others: it is stopped before them and started after them."""
    ready: bool = True
    """Whether it worked on blue: only then green's has to."""
    addresses: bool = False
    """Whether it tells the world the addresses of others: it is started after all else, once they have some."""
    claims: tuple[str, ...] = ()
    """Claims on blue (`namespace/name`) that it uses and whose data is handed over with it."""

    def ref(self, where: Where) -> ObjectRef:
        """Return its name on a side."""
        return self.blue if where == "blue" else self.green

    @property
    def stop(self) -> HeldField:
        """The field that stops it while it runs."""
        return self.fields[-1]

    def is_held(self, manifest: Manifest) -> bool:
        """Return whether one of its fields keeps this object from running."""
        return any(field.is_held(manifest) for field in self.fields)

    def held(self, manifest: Manifest) -> Manifest:
        """Return green's manifest as it is created: held, and otherwise as it will run."""
        for field in self.fields[1:]:
            manifest = drop(manifest, *field.path) if field.green is None else put(manifest, field.path, field.green)
        return put(manifest, self.fields[0].path, self.fields[0].held)


@dataclass(slots=True, frozen=True)
class OneSide:
    """Why an object may run on one side only, and what is done about it."""

    row: str
    why: str
    """What goes wrong when it runs on both sides."""
    meanwhile: str
    """What its absence on one side means until it is handed over."""
    part: Part | None
    """How it is held and handed over; None: it runs on both sides, and a person is told."""
    active: bool = True
    """Whether it runs on blue, or did until a cutover stopped it there."""
    runs: bool = True
    """Whether it runs on blue now."""
    proof: str = ""
    """What is known of its work once it was started, where that is more or less than that it is ready."""

    @property
    def how(self) -> str:
        """How it is held on green."""
        return self.part.fields[0].words if self.part else "not held"


def without_fields(manifest: Manifest, paths: Iterable[tuple[str, ...]]) -> Manifest:
    """Return the manifest without what holds and starts an object: the tool itself changes that at a cutover."""
    for path in paths:
        manifest = drop(manifest, *path)
    return manifest
