"""Read a person's file as a model, and report every mistake in it as `file:line: path: what`."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from migrator.errors import ConfigError
from migrator.model.yaml_text import PlainLoader

Location = tuple[str | int, ...]
_Mistake = tuple[Location, int, str]
M = TypeVar("M", bound=BaseModel)
# A mistake quotes the value, which may be a whole certificate.
_LONGEST = 400
# But for bytes of a path that are not UTF-8, as Python has them and `init` writes them (PEP 383).
_HALF = re.compile("[\ud800-\udc7f\udd00-\udfff]")
_PLAIN = {
    "missing": "is missing",
    "extra_forbidden": "unknown key",
    "string_type": "must be text",
    "dict_type": "must be a mapping",
    "tuple_type": "must be a list",
    "model_type": "must be a mapping",
    "model_attributes_type": "must be a mapping",
    "bool_parsing": "must be true or false",
    "bool_type": "must be true or false",
    "int_parsing": "must be a whole number",
    "int_type": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_parsing": "must be a number",
    "float_type": "must be a number",
}


def text_of(path: Path, *, hint: str = "") -> str:
    """Return the text of a person's file; raises ConfigError where it is not there, cannot be read or is not UTF-8."""
    try:
        return path.read_bytes().decode("utf-8")
    except FileNotFoundError:
        raise ConfigError([f"{path}: no such file"], hint=hint) from None
    except OSError as error:
        raise ConfigError([f"{path}: cannot be read: {error.strerror}"], hint=hint) from error
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise ConfigError([f"{path}:{line}: is not UTF-8 text"], hint="save it as UTF-8") from error


def load_cluster(model: type[M], path: Path, *, hint: str) -> M:
    """Return the cluster that a stack's file describes, as a model; raises ConfigError with every mistake, one a line."""
    return parse(model, text_of(path, hint=hint), str(path), within=("config", "migrator:cluster"))


def parse(model: type[M], text: str, file: str, *, within: Location = ()) -> M:
    """Return the part of a file below the keys `within`, as a model; raises ConfigError with every mistake in it."""
    data, lines, mistakes = _composed(text, file)
    for key in within:
        data = data.get(key) if isinstance(data, dict) else None
    if not isinstance(data, dict):
        wanted = ", ".join(item.alias or name for name, item in model.model_fields.items() if item.is_required())
        raise ConfigError([f"{file}:1: {_dotted(within) or 'file'}: must be a mapping with {wanted}"])
    told = [(line, f"{file}:{line}: {_dotted(place)}: {what}") for place, line, what in mistakes if _reads(model, place, within)]
    try:
        checked = model.model_validate(data)
    except ValidationError as error:
        found = [_sentence(model, file, lines, item, within) for item in error.errors(include_url=False)]
        # By line; a path may hold a colon, so that no sentence tells its own.
        raise ConfigError([sentence for _, sentence in sorted({*told, *found})]) from error
    if told:
        raise ConfigError([sentence for _, sentence in told])
    return checked


def _composed(text: str, file: str) -> tuple[Any, dict[Location, int], list[_Mistake]]:
    """Return a file's values, the line of each place in it, and what no model can tell is wrong; raises ConfigError."""
    try:
        loader = PlainLoader(text)
        root = loader.get_single_node()
        if root is None:
            return None, {}, []
        # Before the values are made, which brings merged keys into the nodes.
        mistakes, lines = list(_mistakes(root)), _line_numbers(root)
        return loader.construct_document(root), lines, mistakes
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark else 1
        problem = getattr(error, "problem", None) or str(error).partition("\n")[0]
        raise ConfigError([f"{file}:{line}: not YAML: {problem}"]) from error
    except (ValueError, TypeError) as error:  # a number of thousands of digits
        raise ConfigError([f"{file}:1: holds a value or a key that YAML does not allow: {error}"]) from error
    except RecursionError:
        raise ConfigError([f"{file}:1: is nested too deep, or holds itself"]) from None


def _reads(model: type[BaseModel], place: Location, within: Location) -> bool:
    """Return whether a model reads what is at a place; one that takes unknown keys reads none but its own."""
    if model.model_config.get("extra") == "forbid":
        return True
    names = {item.alias or name for name, item in model.model_fields.items()}
    return place[: len(within)] == within and bool(names.intersection(place[len(within) : len(within) + 1]))


def _sentence(model: type[BaseModel], file: str, lines: dict[Location, int], item: Any, within: Location) -> tuple[int, str]:
    location = _in_file(item["loc"])
    kind = item["type"]
    whole = (*within, *location)
    known = next(whole[:length] for length in range(len(whole), -1, -1) if whole[:length] in lines)
    what = _PLAIN.get(kind, item["msg"].removeprefix("Value error, "))
    if kind == "extra_forbidden":
        near = difflib.get_close_matches(str(location[-1]), _keys_at(model, location[:-1]), n=1)
        what += f", did you mean {near[0]}?" if near else ""
    if kind == "string_type" and isinstance(item["input"], int | float):
        what += ": put it in quotes"  # `on` is true, 012 is 10
    if len(what) > _LONGEST:  # it quotes a long value: how it begins and what is wrong with it are told
        what = f"{what[: _LONGEST // 2]} … {what[-_LONGEST // 2 :]}"
    return lines[known], f"{file}:{lines[known]}: {_dotted(location) or 'file'}: {what}"


def _in_file(location: Location) -> Location:
    """Return a place without the tags of unions, which are not keys of the file."""
    return tuple(part for part in location if not str(part).startswith("("))


def _dotted(location: Location) -> str:
    text = ""
    for part in location:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return text


def _line_numbers(node: yaml.Node, at: Location = ()) -> dict[Location, int]:
    lines = {at: node.start_mark.line + 1}
    if isinstance(node, yaml.MappingNode):
        for key, value in _keyed(node):
            lines |= _line_numbers(value, (*at, key.value))
            lines[(*at, key.value)] = key.start_mark.line + 1
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            lines |= _line_numbers(value, (*at, index))
    return lines


def _keyed(node: yaml.MappingNode) -> list[tuple[yaml.ScalarNode, yaml.Node]]:
    """Return the items of a mapping whose keys can be keys."""
    return [(key, value) for key, value in node.value if isinstance(key, yaml.ScalarNode)]


def _mistakes(node: yaml.Node, at: Location = ()) -> Iterator[_Mistake]:
    """Yield keys that are given twice, and text that no file name, argument or request can hold."""
    line = node.start_mark.line + 1
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in _keyed(node):
            if key.value in seen:
                yield (*at, key.value), key.start_mark.line + 1, "is given twice"
            seen.add(key.value)
            yield from _mistakes(value, (*at, key.value))
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            yield from _mistakes(value, (*at, index))
    elif "\0" in node.value:
        yield at, line, "holds a NUL character"
    elif _HALF.search(node.value):
        yield at, line, "holds half of a character (a surrogate); write it as \\U and eight digits"


def _keys_at(model: type[BaseModel], location: Location) -> list[str]:
    """Return the keys that the schema knows at a location."""
    for part in location:
        if isinstance(part, int):
            continue
        field = next((item for name, item in model.model_fields.items() if part in (name, item.alias)), None)
        inner = _model_in(field.annotation) if field else None
        if inner is None:
            return []
        model = inner
    return [item.alias or name for name, item in model.model_fields.items()]


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for part in getattr(annotation, "__args__", ()) if (found := _model_in(part))), None)
