"""Objects that are not of the form that the code expects: what tells them, and what is said of them.

A cluster holds what its tenants wrote. Each stage that handles objects one by one catches `STRANGE` around each of them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import orjson

from migrator.model.manifest import Manifest, ref_of
from migrator.model.ref import ObjectRef

T = TypeVar("T")
STRANGE = (TypeError, ValueError, LookupError, AttributeError, RecursionError)
"""What code raises that meets a value of another type, or no value, where its kind always has one."""
HINT = "look at it with kubectl; fix it, or leave it out with move.objects.exclude"
# Of a trace only the line in this package is told: values are in the frames, and never shown.
_PACKAGE = Path(__file__).parents[1]


class StrangeError(ValueError):
    """An object that cannot be handled; the text holds no value of it."""


@dataclass(slots=True, frozen=True)
class Unparsed:
    """An object whose JSON cannot be read; only its name is known."""

    namespace: str
    name: str
    uid: str
    content: bytes = field(repr=False)
    """Its JSON, as the server sent it."""

    reason = "cannot be read as JSON: it is nested more than 1,024 levels deep, or damaged"


def reason_of(error: Exception) -> str:
    """Return what is wrong with an object, as the rest of a sentence that begins with it.

    The error's own words are left out: they may quote a value of the object.
    """
    if isinstance(error, StrangeError):
        return str(error)
    return f"is not of the form that its kind has ({type(error).__name__} at {_place(error)})"


def named(manifest: Manifest) -> ObjectRef:
    """Return the reference of a manifest from a cluster; raises StrangeError where its name is not text."""
    ref = ref_of(manifest)
    if not all(isinstance(part, str) for part in ref) or not ref.name:
        raise StrangeError("has a name or a namespace that is not text")
    return ref


def hashable(values: Iterable[T]) -> list[T]:
    """Return the values; raises TypeError where one cannot be a member of a set: a list stands where a name should."""
    found = list(values)
    hash(tuple(found))
    return found


def to_json(value: Any) -> bytes:
    """Return a manifest, or a part of one, as JSON; raises StrangeError for what cannot be written."""
    try:
        return orjson.dumps(value)
    except orjson.JSONEncodeError:
        raise StrangeError("cannot be written as JSON: it is nested more than 254 levels deep, or holds damaged text") from None


def _place(error: Exception) -> str:
    """Return the innermost line of this package that the error came through."""
    place, trace = "", error.__traceback__
    while trace:
        file = Path(trace.tb_frame.f_code.co_filename)
        if file.is_relative_to(_PACKAGE):
            place = f"{file.relative_to(_PACKAGE)}:{trace.tb_lineno}"
        trace = trace.tb_next
    return place
