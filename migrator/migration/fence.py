"""What a hand-over of what runs on one side only is done with: both sides, their limits, and what happens in between."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from migrator.config.one_side import Cutover
from migrator.errors import BlockedError
from migrator.migration.bounded import InBackground
from migrator.migration.one_side.groups import Group
from migrator.model.one_side import Where
from migrator.ports import Blue, Clock


@dataclass(slots=True, frozen=True)
class Side:
    """A cluster on the way back, which may be away or be another one by now."""

    open: Callable[[], Blue]
    """Finds out where it is, and asks it nothing."""
    seconds: float
    """How long its first answer is waited for, and each round of requests."""
    identity: str = ""
    """Who it was when the migration began; empty: not known."""
    open_seconds: float = 0.0
    """How long `open` is waited for besides, where another program is asked."""

    def look(self, clock: Clock) -> Blue:
        """Ask the cluster one question; raises MigratorError when it does not answer, or is another one."""
        cluster = InBackground(self.open, clock).result(self.open_seconds + self.seconds)
        found = InBackground(cluster.identity, clock).result(self.seconds)
        if self.identity and found != self.identity:
            raise BlockedError("the kubeconfig leads to another cluster than the journal's")
        return cluster


GREEN_SECONDS = 3.0
BLUE_SECONDS = 20.0
"""How long going back waits for the one and the other side."""


@dataclass(slots=True, frozen=True)
class Limits:
    """How long a group may take, in seconds."""

    stop: float = 120.0
    """Until it has really stopped."""
    start: float = 300.0
    """Until it works."""

    @classmethod
    def of(cls, config: Cutover) -> Limits:
        """Return a person's own limits."""
        return cls(config.stop_timeout.total_seconds(), config.start_timeout.total_seconds())


Between = Callable[[Group], None]
"""What is done to a group while it is stopped on both sides, such as copying its data; it must bear being done twice."""


def nothing(_: Group) -> None:
    """Do nothing between the sides."""


class Bring(Protocol):
    """Brings to blue what a group has written on green, while it is stopped on both sides; it must bear being done twice."""

    def __call__(self, group: Group, /, *, lost: str) -> None:
        """Do it, or raise why blue's must not start; `lost` tells why green could not be stopped, empty when it stands still."""


def nothing_to_bring(_: Group, *, lost: str) -> None:
    """Bring nothing."""
    del lost


Ready = Callable[[Sequence[Group]], None]
"""Prepares going back with some groups, before anything is stopped on green, and tells what it takes; raises nothing."""


def nothing_to_tell(_: Sequence[Group]) -> None:
    """Tell nothing."""


def nothing_to_release() -> None:
    """Release nothing."""


@dataclass(slots=True, frozen=True)
class Guarding:
    """Where policies may keep others from starting what is held."""

    sides: tuple[Where, ...] = ()
    migration: str = ""
    """The name of the migration, which its policies bear."""


@dataclass(slots=True, frozen=True)
class WayBack:
    """What a hand-over is undone on, and with."""

    blue: Side
    green: Side
    limits: Limits = field(default_factory=Limits)
    bring: Bring = nothing_to_bring
    guarding: Guarding = field(default_factory=Guarding)
    ready: Ready = nothing_to_tell
    release: Callable[[], None] = nothing_to_release
    """Takes back, when all is done, what `ready` made; raises nothing."""
