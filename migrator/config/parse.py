"""Read a person's file as a model, and report every mistake in it as `file:line: path: what`."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from migrator.errors import ConfigError

Location = tuple[str | int, ...]
M = TypeVar("M", bound=BaseModel)
# A mistake quotes the value, which may be a whole certificate.
_LONGEST = 400
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
    root, data, lines = _composed(text, file)
    for key in within:
        data = data.get(key) if isinstance(data, dict) else None
    if not isinstance(data, dict) or root is None:
        wanted = ", ".join(item.alias or name for name, item in model.model_fields.items() if item.is_required())
        raise ConfigError([f"{file}:1: {_dotted(within) or 'file'}: must be a mapping with {wanted}"])
    duplicates = [(line, f"{file}:{line}: {_dotted(place)}: is given twice") for place, line in _duplicates(root)]
    try:
        checked = model.model_validate(data)
    except ValidationError as error:
        found = [_sentence(model, file, lines, item, within) for item in error.errors(include_url=False)]
        # By line; a path may hold a colon, so that no sentence tells its own.
        raise ConfigError([sentence for _, sentence in sorted({*duplicates, *found})]) from error
    if duplicates:
        raise ConfigError([sentence for _, sentence in duplicates])
    return checked


def _composed(text: str, file: str) -> tuple[yaml.Node | None, Any, dict[Location, int]]:
    """Return a file as nodes, as values, and the line of each place in it; raises ConfigError."""
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        return root, yaml.safe_load(text), _line_numbers(root) if root else {}
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark else 1
        problem = getattr(error, "problem", None) or str(error).partition("\n")[0]
        raise ConfigError([f"{file}:{line}: not YAML: {problem}"]) from error
    except (ValueError, TypeError) as error:  # a date such as 2026-13-01, or a key that is a list
        raise ConfigError([f"{file}:1: holds a value or a key that YAML does not allow: {error}"]) from error
    except RecursionError:
        raise ConfigError([f"{file}:1: is nested too deep, or holds itself"]) from None


def _sentence(model: type[BaseModel], file: str, lines: dict[Location, int], item: Any, within: Location) -> tuple[int, str]:
    location = _in_file(item["loc"])
    kind = item["type"]
    whole = (*within, *location)
    known = next(whole[:length] for length in range(len(whole), -1, -1) if whole[:length] in lines)
    what = _PLAIN.get(kind, item["msg"].removeprefix("Value error, "))
    if kind == "extra_forbidden":
        near = difflib.get_close_matches(str(location[-1]), _keys_at(model, location[:-1]), n=1)
        what += f", did you mean {near[0]}?" if near else ""
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
        for key, value in node.value:
            lines |= _line_numbers(value, (*at, key.value))
            lines[(*at, key.value)] = key.start_mark.line + 1
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            lines |= _line_numbers(value, (*at, index))
    return lines


def _duplicates(node: yaml.Node, at: Location = ()) -> list[tuple[Location, int]]:
    found: list[tuple[Location, int]] = []
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            if key.value in seen:
                found.append(((*at, key.value), key.start_mark.line + 1))
            seen.add(key.value)
            found += _duplicates(value, (*at, key.value))
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            found += _duplicates(value, (*at, index))
    return found


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
