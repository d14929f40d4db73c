"""What the fields of the person's files are made of: durations, rates, and models without unknown keys."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from datetime import timedelta
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from migrator.config.duration import PATTERN as DURATION_PATTERN
from migrator.config.duration import parse_duration


def _duration(value: object) -> object:
    if isinstance(value, timedelta):
        return value
    if isinstance(value, str):
        return timedelta(seconds=parse_duration(value))
    raise ValueError(f"{value!r} is not a duration; write it with its unit, such as 30s, 5m or 24h")


def lasting(default: str, *, description: str) -> Any:
    """Return a duration field; its default is text, so that editors propose it in that form."""
    return Field(default, description=description)


def _percent(value: object) -> object:
    if isinstance(value, str) and value.endswith("%"):
        if not re.fullmatch(r"\d+(\.\d+)?%", value):
            raise ValueError(f"{value!r} is not a share; write it as 1% or 0.01")
        return float(value[:-1]) / 100
    return value


Duration = Annotated[
    timedelta,
    BeforeValidator(_duration),
    Field(json_schema_extra={"type": "string", "pattern": DURATION_PATTERN, "format": ""}),
]
Rate = Annotated[float, BeforeValidator(_percent), Field(ge=0, le=1, json_schema_extra={"type": ["string", "number"]})]


def _ssh_word(text: str) -> str:
    if text.startswith("-") or any(sign.isspace() or not sign.isprintable() for sign in text):
        raise ValueError(f"{text!r} is not a user or a host: ssh would take it for an option, or for several words")
    return text


SshWord = Annotated[str, AfterValidator(_ssh_word)]
"""A user or a host that becomes an argument of ssh (libfuse/sshfs#362)."""


def _camel(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(word.title() for word in rest)


class Frozen(BaseModel):
    """The base of every part of a file: no unknown keys, frozen, keys in camelCase."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", validate_default=True, populate_by_name=True, alias_generator=_camel, allow_inf_nan=False
    )


def repeated(texts: Iterable[str]) -> list[str]:
    """Return the texts that are there more than once."""
    return [text for text, count in Counter(texts).items() if count > 1]


class Selector(Frozen):
    """Objects by kind, namespace, name and labels; a field that is left out matches everything. Names may use * and ?."""

    kind: str | None = Field(None, description="Kind or Kind.group, such as Deployment or Deployment.apps.")
    namespace: str | None = Field(None, description="Namespace on blue.")
    name: str | None = Field(None, description="Name of the object.")
    labels: dict[str, str] = Field(default_factory=dict, description="Labels that the object must carry.")

    @model_validator(mode="after")
    def _not_empty(self) -> Selector:
        if not (self.kind or self.namespace or self.name or self.labels):
            raise ValueError("selects every object; name at least a kind, namespace, name or label")
        return self
