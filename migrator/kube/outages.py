"""Which outages of a cluster are under way, and for how long requests may still wait for their ends."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from migrator.errors import ApiError
from migrator.ports import Clock

T = TypeVar("T")
_GROUP_PATIENCE = 20.0
"""Seconds to wait for a server behind the API server; the pod of a webhook may just be replaced."""


def group_in(path: str) -> str:
    """Return the API group of a URL path, empty for the core group and for paths without one."""
    parts = path.split("?", maxsplit=1)[0].split("/")
    return parts[2] if parts[1] == "apis" and len(parts) > 2 else ""


class Outages:
    """All requests to a cluster share the patience with one outage: else each of a thousand would wait for what is gone.

    An API server that is away has a patience of its own, and so has each API group that it cannot serve although it is
    ready: its conversion webhook or its aggregated API server is gone.
    """

    def __init__(self, clock: Clock, healthy: Callable[[], bool], *, patience: float, first_patience: float) -> None:
        self._clock = clock
        self._healthy = healthy
        self._patience, self._first_patience = patience, first_patience
        self._answered = False
        self._away_since: float | None = None
        self._ill_since: dict[str, float] = {}

    def noticed(self, send: Callable[[], T], group: str) -> T:
        """Return what `send` returns; an outage begins or ends by what it does."""
        try:
            answer = send()
        except ApiError as error:
            self._notice_failure(error, group)
            raise
        self._answered, self._away_since = True, None
        self._ill_since.pop(group, None)
        return answer

    def limit(self) -> float:
        """Return how many seconds a request may try.

        A server that has answered before may be restarting; one that never did is a mistake in the kubeconfig.
        """
        return self._patience if self._answered else min(self._patience, self._first_patience)

    def left(self, group: str) -> float:
        """Return how many seconds are left for what is under way."""
        now = self._clock.monotonic()
        away, ill = self._away_since, self._ill_since.get(group)
        left = self.limit() if away is None else self.limit() - (now - away)
        return left if ill is None else min(left, _GROUP_PATIENCE - (now - ill))

    def _notice_failure(self, error: ApiError, group: str) -> None:
        if 0 < error.status < 500:
            self._away_since = None
            self._ill_since.pop(group, None)
        elif self._may_be_of_group(error) and self._healthy():
            self._away_since = None
            self._ill_since.setdefault(group, self._clock.monotonic())
        elif self._away_since is None:
            self._away_since = self._clock.monotonic()

    def _may_be_of_group(self, error: ApiError) -> bool:
        """Return whether a server behind the API server can be the cause: it fails, or it hangs (asked once in an outage)."""
        hangs = error.reason == "TimeoutError" and self._answered and self._away_since is None
        return error.status >= 500 or hangs
