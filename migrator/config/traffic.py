"""The part of `migration.yaml` that says how traffic moves: one switch, or several that move together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, TypeVar

from pydantic import BaseModel, Discriminator, Field, Tag, field_validator, model_validator

from migrator.config.address import AddressConfig
from migrator.config.command import CommandConfig
from migrator.config.dns import DnsConfig
from migrator.config.fields import Duration, Frozen, lasting, repeated
from migrator.config.haproxy import HAProxyConfig

STEPS = (5.0, 25.0, 50.0, 100.0)
# Percent by which a share that a switch can set may miss a step.
_NEAR = 1.0
T = TypeVar("T")
Kind = HAProxyConfig | DnsConfig | AddressConfig | CommandConfig
"""What each of them says: `places` that it changes, `levels` that it can set."""


class SwitchConfig(BaseModel):
    """What traffic moves through: where it stands, and what leads to which side."""

    haproxy: HAProxyConfig | None = Field(None, description="An HAProxy, or several that stand for each other.")
    dns: DnsConfig | None = Field(None, description="A name in DNS.")
    address: AddressConfig | None = Field(None, description="An address that keepalived gives to one host.")
    command: CommandConfig | None = Field(None, description="A program of yours.")

    @model_validator(mode="after")
    def _one_kind(self) -> SwitchConfig:
        if len(self._given) != 1:
            raise ValueError("give one of haproxy, dns, address and command")
        return self

    @property
    def _given(self) -> list[Kind]:
        return [kind for kind in (self.haproxy, self.dns, self.address, self.command) if kind is not None]

    @property
    def switch(self) -> Kind:
        """The one kind that is given."""
        return self._given[0]


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
"""A mapping, or a list of them; a tag in parentheses is not a key of the file."""


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
    twice = repeated(place for item in switches for place in item.switch.places)
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
