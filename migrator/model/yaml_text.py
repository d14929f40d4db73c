"""YAML and JSON of hosts and clusters, read as the programs of Kubernetes read them, with one error for all that can be wrong."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import yaml

from migrator.model.strange import StrangeError

_LARGEST = 4_000_000
_NO_YAML = "is not YAML that can be read"


def load(text: str | bytes) -> Any:
    """Return the first document, as Kubernetes' programs leave the others; raises StrangeError."""
    return next(iter(load_all(text, first=True)), None)


def load_all(text: str | bytes, *, first: bool = False) -> list[Any]:
    """Return all documents, or the first one; raises StrangeError for what no parser reads, whatever is wrong with it.

    JSON is read as such: Go's parser of YAML takes tabs in it, Python's does not.
    """
    if len(text) > _LARGEST:
        raise StrangeError("is larger than 4 MB")
    try:
        if text.lstrip()[:1] in ("{", b"{", "[", b"["):
            with suppress(json.JSONDecodeError):  # YAML may begin so, too
                return [json.loads(text)]
        documents = yaml.safe_load_all(text)
        return [next(documents, None)] if first else list(documents)
    # A date that there is not is a ValueError; nesting without end a RecursionError.
    except (yaml.YAMLError, RecursionError, ValueError):
        raise StrangeError(_NO_YAML) from None


def mapping(text: str | bytes) -> dict[str, Any]:
    """Return the first document where it is a mapping, else an empty one."""
    try:
        found = load(text)
    except StrangeError:
        return {}
    return found if isinstance(found, dict) else {}
