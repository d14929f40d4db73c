"""YAML and JSON of hosts and clusters, read and written so that this program and those of Kubernetes see the same values.

Kubernetes' programs parse YAML with go-yaml, whose rules for plain scalars are not those of PyYAML: `08`, `1e3`, `0o17` and `y` are
text here and no text there (pyyaml#860, krane#740, kubespray#10987); a date and a `=` are text there (pyyaml#89).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from contextlib import suppress
from typing import Any, ClassVar

import yaml

from migrator.model.strange import StrangeError

_LARGEST = 4_000_000
_NO_YAML = "is not YAML that can be read"
# Merged mappings may hold each other several times over: a hundred bytes would become gigabytes.
_MOST_KEYS = 100_000
_TAG = "tag:yaml.org,2002:"
# go.yaml.in/yaml/v2, resolve.go: resolveMapList, strconv.ParseInt with base 0, and yamlStyleFloat; underscores are left out before.
_GO_BOOL = re.compile("y|Y|yes|Yes|YES|true|True|TRUE|on|On|ON|n|N|no|No|NO|false|False|FALSE|off|Off|OFF")
_GO_INT = re.compile(r"[-+]?(0b[01_]+|0[xX][0-9a-fA-F_]+|0[oO]?[0-7_]+|0|[1-9][0-9_]*)")
_GO_FLOAT = re.compile(r"[-+]?(\.[0-9][0-9_]*|[0-9][0-9_]*(\.[0-9_]*)?)([eE][-+]?[0-9_]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_NUMERIC, _WORDS = list("-+.0123456789"), list("yYnNtTfFoO")


class PlainLoader(yaml.SafeLoader):
    """The values of JSON alone: keys are text as they are written, and so are dates and `=`."""

    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        """Bring merged keys into a mapping, up to a limit, and take every key as text."""
        super().flatten_mapping(node)
        if len(node.value) > _MOST_KEYS:
            raise yaml.constructor.ConstructorError(None, None, "merges more keys than any file has", node.start_mark)
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode):
                key.tag = f"{_TAG}str"


PlainLoader.yaml_constructors = {
    tag: make
    for tag, make in yaml.SafeLoader.yaml_constructors.items()
    if tag is None or tag.removeprefix(_TAG) in ("null", "bool", "int", "float", "str", "seq", "map")
}
PlainLoader.yaml_implicit_resolvers = {
    first: [(tag, form) for tag, form in known if tag.removeprefix(_TAG) not in ("timestamp", "value")]
    for first, known in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


class GoLoader(PlainLoader):
    """What go-yaml makes of plain scalars."""

    bool_values: ClassVar = {**yaml.SafeLoader.bool_values, "y": True, "n": False}


GoLoader.yaml_implicit_resolvers = {
    first: [(tag, form) for tag, form in known if tag.removeprefix(_TAG) in ("null", "merge")]
    for first, known in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


class _Dumper(yaml.SafeDumper):
    """Quotes what one of both parsers would not read as text."""


for _kind in (GoLoader, _Dumper):
    for _name, _form, _first in (("bool", _GO_BOOL, _WORDS), ("int", _GO_INT, _NUMERIC), ("float", _GO_FLOAT, _NUMERIC)):
        _kind.add_implicit_resolver(f"{_TAG}{_name}", re.compile(rf"(?:{_form.pattern})\Z"), _first)


def dump(value: Any, *, sort_keys: bool = True) -> str:
    """Return a value as YAML that every parser reads alike."""
    return str(yaml.dump(value, Dumper=_Dumper, sort_keys=sort_keys))


def dump_all(values: Iterable[Any]) -> str:
    """Return values as documents of YAML that every parser reads alike."""
    return str(yaml.dump_all(values, Dumper=_Dumper))


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
        documents = yaml.load_all(text, Loader=GoLoader)
        return [next(documents, None)] if first else list(documents)
    # A number of thousands of digits is a ValueError; nesting without end a RecursionError.
    except (yaml.YAMLError, RecursionError, ValueError):
        raise StrangeError(_NO_YAML) from None


def mapping(text: str | bytes) -> dict[str, Any]:
    """Return the first document where it is a mapping, else an empty one."""
    try:
        found = load(text)
    except StrangeError:
        return {}
    return found if isinstance(found, dict) else {}
