"""Which outages of a cluster are under way, and for how long requests may still wait for their ends."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from migrator.errors import ApiError, UnavailableError
from migrator.ports import Clock

T = TypeVar("T")
# The answer to a request whose own time is over.
_TOO_LATE = 504
_WEBHOOK = "webhook "
# Seconds to wait for a server behind the API server; the pod of a webhook may just be replaced.
_GROUP_PATIENCE = 20.0
# The same for a dry run, which loses nothing and can be made again.
_TRIAL_PATIENCE = 5.0
# How long a dry run may take once a webhook was silent for longer; the webhook may take up to 30 s for each.
_HANGING_SECONDS = 2


def group_in(path: str) -> str:
    """Return the API group of a URL path, empty for the core group and for paths without one."""
    parts = path.split("?", maxsplit=1)[0].split("/")
    return parts[2] if parts[1] == "apis" and len(parts) > 2 else ""


def kind_in(path: str) -> tuple[str, str]:
    """Return the API group and the plural of an object's or a collection's path."""
    group = group_in(path)
    parts = path.split("?", maxsplit=1)[0].split("/")[4 if group else 3 :]
    return group, parts[2] if len(parts) > 2 and parts[0] == "namespaces" else parts[0] if parts else ""


class Outages:
    """All requests to a cluster share the patience with one outage: else each of a thousand would wait for what is gone.

    An API server that is away has a patience of its own, and so has each API group that it cannot serve although it is
    ready: its conversion webhook or its aggregated API server is gone. The same is true of an admission webhook, by its name.
    """

    def __init__(self, clock: Clock, healthy: Callable[[], bool], *, patience: float, first_patience: float) -> None:
        self.clock = clock
        self._healthy = healthy
        self._patience, self._first_patience = patience, first_patience
        self._answered = False
        self._away_since: float | None = None
        self._ill_since: dict[str, float] = {}
        self.hanging: dict[tuple[str, str], str] = {}
        """By kind, a webhook that was silent for long when it was asked about one."""

    def noticed(self, send: Callable[[], T], whom: str) -> T:
        """Return what `send` returns; an outage begins or ends by what it does. `whom`: a group, or who failed it before."""
        began = self.clock.monotonic()
        try:
            answer = send()
        except ApiError as error:
            if error.webhook:
                # Since it was asked: it may have been silent for longer than anybody waits for it.
                self._away_since = None
                self._ill_since.setdefault(_WEBHOOK + error.webhook, began)
            else:
                self._notice_failure(error, whom)
            raise
        self._answered, self._away_since = True, None
        self._ill_since.pop(whom, None)
        return answer

    def limit(self) -> float:
        """Return how many seconds a request may try.

        A server that has answered before may be restarting; one that never did is a mistake in the kubeconfig.
        """
        return self._patience if self._answered else min(self._patience, self._first_patience)

    def left(self, whom: str, *, trial: bool = False) -> float:
        """Return how many seconds are left for what is under way; `trial`: of a dry run."""
        now = self.clock.monotonic()
        away, ill = self._away_since, self._ill_since.get(whom)
        left = self.limit() if away is None else self.limit() - (now - away)
        patience = _TRIAL_PATIENCE if trial and whom.startswith(_WEBHOOK) else _GROUP_PATIENCE
        return left if ill is None else min(left, patience - (now - ill))

    def _notice_failure(self, error: ApiError, whom: str) -> None:
        # A refusal is an answer: the server is there, and so is what stands behind it.
        if 0 < error.status < 500:
            self._away_since = None
            self._ill_since.pop(whom, None)
        elif self._may_be_of_group(error) and self._healthy():
            self._away_since = None
            self._ill_since.setdefault(whom, self.clock.monotonic())
        elif self._away_since is None:
            self._away_since = self.clock.monotonic()

    def _may_be_of_group(self, error: ApiError) -> bool:
        """Return whether a server behind the API server can be the cause: it fails, or it hangs (asked once in an outage)."""
        hangs = error.reason == "TimeoutError" and self._answered and self._away_since is None
        return error.status >= 500 or hangs


class RequestPatience:
    """The part that one request has in outages, with the path that it is sent to."""

    def __init__(self, outages: Outages, path: str, *, trial: bool) -> None:
        self._outages = outages
        self._trial = trial
        self._kind = kind_in(path)
        # The group, or who failed it last.
        self._whom = self._kind[0]
        # Dry runs only: a write whose time is cut short may still be carried out.
        self._silent = outages.hanging.get(self._kind, "") if trial else ""
        self.path = f"{path}&timeout={_HANGING_SECONDS}s" if self._silent else path

    def noticed(self, send: Callable[[], T]) -> T:
        """Return what `send` returns; an outage begins or ends by what it does."""
        began = self._outages.clock.monotonic()
        try:
            return self._outages.noticed(send, self._whom)
        except UnavailableError as error:
            if self._silent and error.status == _TOO_LATE:
                error.webhook = self._silent
                error.message += f"; its webhook {self._silent} was silent before"
            if error.webhook:
                self._whom = _WEBHOOK + error.webhook
                if self._outages.clock.monotonic() - began > _HANGING_SECONDS:
                    self._outages.hanging[self._kind] = error.webhook
            raise

    def left(self) -> float:
        """Return how many seconds are left for what it waits for."""
        return self._outages.left(self._whom, trial=self._trial)
