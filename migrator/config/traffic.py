"""The part of `migration.yaml` that says how traffic moves: one switch, or several that move together."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal, TypeVar

from pydantic import BaseModel, Discriminator, Field, Tag, field_validator, model_validator

from migrator.config.fields import Duration, Frozen, lasting

HAProxyName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.:-]+$")]
"""A name that HAProxy accepts (configuration manual, section 4.1); no other text may become part of a command."""

_ADDRESS = re.compile(r"([\w.-]+|\[[0-9A-Fa-f:.]+\]):\d{1,5}")
STEPS = (5.0, 25.0, 50.0, 100.0)
_NEAR = 1.0
"""Percent by which a share that a switch can set may miss a step."""
T = TypeVar("T")


class SshAccess(Frozen):
    """How a host is reached over SSH."""

    address: str = Field(description="IP address or name of the host.", min_length=1)
    user: str = Field("root", description="User to log in as: root, or one who may use sudo without a password.")
    port: int = Field(22, ge=1, le=65535, description="Port of the SSH server.")
    key: str = Field("", description="Path of the private key; left out: what ssh takes by itself.")
    known_hosts: str = Field("", description="Path of the file with the host's key; left out: your own.")


class HAProxyPlace(Frozen):
    """Where the Runtime API of one HAProxy listens: a socket of this machine, one of a host over SSH, or an address."""

    socket: str = Field("", description="Path of the Runtime API's unix socket (`stats socket ... level admin`).")
    address: str = Field("", description="host:port of the Runtime API, such as 10.0.0.3:9999; it asks for no password.")
    ssh: SshAccess | None = Field(None, description="The host that `socket` and `stateFile` are on.")
    state_file: str = Field(
        "",
        description="The file of `server-state-file`; written after each change, so that a restart keeps the weights.",
    )

    @property
    def named(self) -> str:
        """What it is called in messages."""
        return f"{self.ssh.address}:{self.socket}" if self.ssh else self.socket or self.address

    @property
    def host_and_port(self) -> tuple[str, int]:
        """The two parts of the address."""
        host, _, port = self.address.rpartition(":")
        return host.removeprefix("[").removesuffix("]"), int(port)

    def require_whole(self) -> None:
        """Raise ValueError unless it says where one HAProxy is."""
        if bool(self.socket) == bool(self.address):
            raise ValueError("give a socket, or an address")
        if self.address and not _ADDRESS.fullmatch(self.address):
            raise ValueError(f"{self.address!r} is no host:port, such as 10.0.0.3:9999 or [fd00::3]:9999")
        if self.address and (self.ssh or self.state_file):
            raise ValueError("ssh and stateFile belong to a socket: nothing writes files behind an address")
        if self.socket and not self.state_file:
            raise ValueError("stateFile is missing: without it a restart of HAProxy loses the weights")
        if self.ssh and not (self.socket.startswith("/") and self.state_file.startswith("/")):
            raise ValueError("socket and stateFile on a host are absolute paths")


class HAProxyInstance(HAProxyPlace):
    """One HAProxy of several that stand for each other, such as a pair with keepalived."""

    name: HAProxyName = Field(description="Its name in messages.")

    @model_validator(mode="after")
    def _whole(self) -> HAProxyInstance:
        self.require_whole()
        return self


class HAProxyConfig(HAProxyPlace):
    """One HAProxy backend that holds the servers of both clusters, at one HAProxy or at several that stand for each other."""

    instances: tuple[HAProxyInstance, ...] = Field(
        (),
        description="Several HAProxies with the same backend, instead of socket or address; all are told and read back.",
    )
    unreachable: Literal["refuse", "warn"] = Field(
        "refuse",
        description="What a cutover does while an instance does not answer: nothing, or go on without it; a rollback goes on.",
    )
    backend: HAProxyName = Field(description="Name of the backend.")
    blue: tuple[HAProxyName, ...] = Field(description="Names of the servers of blue.", min_length=1)
    green: tuple[HAProxyName, ...] = Field(description="Names of the servers of green.", min_length=1)

    @model_validator(mode="after")
    def _one_or_several(self) -> HAProxyConfig:
        if not self.instances:
            self.require_whole()
        elif self.socket or self.address or self.ssh or self.state_file:
            raise ValueError("socket, address, ssh and stateFile stand in each instance, or there are no instances")
        twice = repeated(instance.name for instance in self.instances)
        if twice:
            raise ValueError(f"two instances are named {twice[0]}")
        return self

    @model_validator(mode="after")
    def _each_server_once(self) -> HAProxyConfig:
        twice = sorted(repeated((*self.blue, *self.green)))
        if twice:
            raise ValueError(f"{', '.join(twice)} is named twice: a server leads to blue or to green")
        return self

    @property
    def places(self) -> tuple[str, ...]:
        """What it changes, one text each; no two switches may change the same."""
        places: tuple[HAProxyPlace, ...] = self.instances or (self,)
        return tuple(f"backend {self.backend} of the HAProxy at {place.named}" for place in places)

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


def repeated(texts: Iterable[str]) -> list[str]:
    """Return the texts that are there more than once."""
    return [text for text, count in Counter(texts).items() if count > 1]
