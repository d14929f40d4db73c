"""How long to try again, and when not to."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TypeVar

from tenacity import RetryCallState, Retrying, retry_if_exception

from migrator.errors import ConflictError, ThrottledError, UnavailableError
from migrator.ports import Clock

T = TypeVar("T")
# The one error of a server or a connection that says that nothing was done.
_TOO_MANY = 429
_HOPELESS = frozenset({"SSLCertVerificationError", "gaierror"})


def noting_silence(attempt: Callable[[], T]) -> Callable[[], T]:
    """Return the attempt, which says of a conflict whether an earlier one of the same request may have been carried out."""
    lost = False

    def noted() -> T:
        nonlocal lost
        try:
            return attempt()
        except ConflictError as error:
            error.repeated = lost
            raise
        except (UnavailableError, ThrottledError) as error:
            lost = lost or error.status != _TOO_MANY
            raise

    return noted


def patiently(
    call: Callable[[], T],
    clock: Clock,
    *,
    limit: float,
    left: Callable[[], float] = lambda: math.inf,
    on_throttle: Callable[[], None] = lambda: None,
    retry_throttled: bool = True,
) -> T:
    """Return what `call` returns; 429, 5xx and lost connections are tried again for `limit` seconds.

    `left` says for how many seconds anything else allows to try; it is asked after each failure. `Retry-After` is obeyed
    up to the limit, with a last try at its end; otherwise the wait doubles from 0.2 s to 5 s. Raises the last error.
    Without `retry_throttled` a 429 is raised at once: it is an answer to an eviction.
    """
    deadline = clock.monotonic() + limit

    def remaining() -> float:
        return min(deadline - clock.monotonic(), left())

    def may_pass(error: BaseException) -> bool:
        if isinstance(error, ThrottledError):
            return retry_throttled
        return isinstance(error, UnavailableError) and error.reason not in _HOPELESS

    def wait(state: RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        if isinstance(error, ThrottledError):
            on_throttle()
            # Retry-After: 0 is valid (RFC 9110, 10.2.3), and would be a loop without a pause.
            wanted = max(error.retry_after, 0.1)
        else:
            wanted = min(5.0, 0.2 * 2 ** (state.attempt_number - 1))
        return max(0.0, min(wanted, remaining()))

    def is_late(_: RetryCallState) -> bool:
        return remaining() <= 0

    retrying = Retrying(retry=retry_if_exception(may_pass), wait=wait, stop=is_late, sleep=clock.sleep, reraise=True)
    return retrying(call)
