"""The shape of an action, and the loop that brings a host to where all of its actions are done."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Protocol, TypeVar

from migrator.errors import MigratorError
from migrator.ports import Host

_POLL = 0.5


class Action(Protocol):
    """One thing that a host must have."""

    @property
    def name(self) -> str:
        """What a person reads while it runs."""

    def done(self, host: Host) -> bool:
        """Return whether nothing is left to do."""

    def run(self, host: Host) -> None:
        """Do it; called again after a failure, it goes on."""


A = TypeVar("A", bound=Action)


def _nothing(_host: Host, _action: Action) -> AbstractContextManager[object]:
    return nullcontext()


def converge(
    host: Host,
    actions: Sequence[A],
    say: Callable[[str], None],
    around: Callable[[Host, A], AbstractContextManager[object]] = _nothing,
) -> list[str]:
    """Run what is not done, in order, and see that it is then; returns the names of what ran.

    Raises MigratorError at the first that fails, or that is not done after it ran.
    """
    ran = []
    for number, action in enumerate(actions, start=1):
        if action.done(host):
            continue
        say(f"{host.name}: {action.name} ({number} of {len(actions)})")
        with around(host, action):
            action.run(host)
            # An exit code of 0 proves nothing: each action has a look of its own at what it was to bring about.
            if not action.done(host):
                raise MigratorError(
                    f"{host.name}: {action.name}: ran without an error, but is not done",
                    hint="run this again; the host's own journal tells more",
                )
        ran.append(action.name)
    return ran


def await_done(
    action: Action, host: Host, seconds: float, late: Callable[[], MigratorError], hopeless: Callable[[], bool] = lambda: False
) -> None:
    """Wait until an action is done by itself; raises `late()` when time is up, or once it is `hopeless`."""
    deadline = host.clock.monotonic() + seconds
    while not action.done(host):
        if host.clock.monotonic() > deadline or hopeless():
            raise late()
        host.clock.sleep(_POLL)


def first_undone(host: Host, actions: Sequence[Action]) -> str:
    """Return the name of the first action that is not done, empty when all are."""
    return next((action.name for action in actions if not action.done(host)), "")
