"""The part of `migration.yaml` that says how traffic moves: one switch, or several that move together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Annotated, TypeVar

from pydantic import BaseModel, Discriminator, Field, Tag, field_validator, model_validator

from migrator.config.fields import Duration, Frozen, lasting

HAProxyName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.:-]+$")]
"""A name that HAProxy accepts (configuration manual, section 4.1); no other text may become part of a command."""

STEPS = (5.0, 25.0, 50.0, 100.0)
_NEAR = 1.0
"""Percent by which a share that a switch can set may miss a step."""
T = TypeVar("T")


class HAProxyConfig(Frozen):
    """One HAProxy backend that holds the servers of both clusters."""

    socket: str = Field(description="Path of the Runtime API's unix socket (`stats socket ... level admin`).")
    backend: HAProxyName = Field(description="Name of the backend.")
    blue: tuple[HAProxyName, ...] = Field(description="Names of the servers of blue.", min_length=1)
    green: tuple[HAProxyName, ...] = Field(description="Names of the servers of green.", min_length=1)
    state_file: str = Field(
        description="The file of `server-state-file`; written after each change, so that a restart keeps the weights."
    )

    @model_validator(mode="after")
    def _each_server_once(self) -> HAProxyConfig:
        twice = sorted(name for name, count in Counter((*self.blue, *self.green)).items() if count > 1)
        if twice:
            raise ValueError(f"{', '.join(twice)} is named twice: a server leads to blue or to green")
        return self

    @property
    def places(self) -> tuple[str, ...]:
        """What it changes, one text each; no two switches may change the same."""
        return (f"backend {self.backend} of the HAProxy at {self.socket}",)

    @property
    def levels(self) -> tuple[float, ...]:
        """The shares of green that it can set, in percent; empty: all."""
        return ()


class SwitchConfig(BaseModel):
    """What traffic moves through: where it stands, and what leads to which side."""

    haproxy: HAProxyConfig | None = Field(None, description="An HAProxy.")

    @model_validator(mode="after")
    def _one_kind(self) -> SwitchConfig:
        if sum(kind is not None for kind in (self.haproxy,)) != 1:
            raise ValueError("give haproxy")
        return self

    @property
    def switch(self) -> HAProxyConfig:
        """The one kind that is given."""
        return next(kind for kind in (self.haproxy,) if kind is not None)


class Traffic(SwitchConfig, Frozen):
    """How traffic moves."""

    steps: tuple[float, ...] = Field(
        STEPS,
        description="Percent of traffic on green, step by step; left out where a switch cannot set every share: [100].",
    )
    soak: Duration = lasting("30s", description="How long each step is watched before its gates are judged.")

    @field_validator("steps")
    @classmethod
    def _rising(cls, steps: tuple[float, ...]) -> tuple[float, ...]:
        if not steps or list(steps) != sorted(set(steps)) or steps[0] <= 0 or steps[-1] != 100:
            raise ValueError("must rise and end with 100, such as [5, 25, 50, 100]")
        return steps


def _form(value: object) -> str:
    return "(several)" if isinstance(value, list | tuple) else "(one)"


OneOrMore = Annotated[Annotated[T, Tag("(one)")] | Annotated[tuple[T, ...], Tag("(several)")], Discriminator(_form)]
"""A mapping, or a list of them; a tag in parentheses is no key of the file."""


@dataclass(slots=True, frozen=True)
class Course:
    """The steps of a cutover."""

    steps: tuple[float, ...]
    """Percent of the traffic on green."""
    soak: float
    """Seconds that each step is watched."""


def as_list(given: T | tuple[T, ...] | None) -> tuple[T, ...]:
    """Return what stands in the file as a mapping, or as a list of them."""
    if given is None:
        return ()
    return given if isinstance(given, tuple) else (given,)


def course(switches: Sequence[Traffic]) -> Course:
    """Return the steps that all these switches take together: what one of them says, or the default."""
    given = next((item.steps for item in switches if "steps" in item.model_fields_set), None)
    default = (100.0,) if any(item.switch.levels for item in switches) else STEPS
    soak = next((item.soak for item in switches if "soak" in item.model_fields_set), switches[0].soak)
    return Course(given or default, soak.total_seconds())


def require_consistent(switches: Sequence[Traffic]) -> None:
    """Raise ValueError unless these switches can move together."""
    if not switches:
        return
    twice = _twice(place for item in switches for place in item.switch.places)
    if twice:
        raise ValueError(f"{twice[0]} is listed twice: name each switch once")
    for key in ("steps", "soak"):
        if len({getattr(item, key) for item in switches if key in item.model_fields_set}) > 1:
            raise ValueError(f"{key} differ between the switches, which move together: give {key} once")
    for item in switches:
        for step in course(switches).steps:
            levels = item.switch.levels
            if levels and min(abs(step - level) for level in levels) > _NEAR:
                can = ", ".join(f"{level:g}" for level in levels)
                raise ValueError(f"{item.switch.places[0]} cannot have {step:g} % on green, only {can}: correct steps")


def _twice(texts: Iterable[str]) -> list[str]:
    return [text for text, count in Counter(texts).items() if count > 1]
