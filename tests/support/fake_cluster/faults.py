"""Refusals that a test plans for a fake cluster."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from migrator.errors import ApiError, ConflictError, ForbiddenError, InvalidError, NotFoundError, ThrottledError, UnavailableError


@dataclass(slots=True)
class Fault:
    """One kind of request that fails, for some times."""

    verb: str
    """Name of the port's method: get, list, create, replace, patch, delete, evict."""
    error: Callable[[], ApiError]
    kind: str = ""
    """Kind that it is limited to; empty: all."""
    times: int = 1_000_000
    after: int = 0
    """Requests of that kind that succeed first; for `list`, objects that are yielded first."""
    lost_answer: bool = False
    """The server carries the request out, and only its answer is lost."""

    def meets(self, verb: str, kind: str) -> bool:
        """Return whether this request fails, and count it."""
        if verb != self.verb or self.kind not in ("", kind) or not self.times:
            return False
        if self.after and verb != "list":
            self.after -= 1
            return False
        self.times -= 1
        return True


def killed() -> ApiError:
    """End the run as ^C does, in place of an answer."""
    raise KeyboardInterrupt


def throttled() -> ApiError:
    """Return the error of a server that asks for a pause."""
    return ThrottledError("green answered 429", status=429, reason="TooManyRequests", retry_after=1.0)


def unavailable() -> ApiError:
    """Return the error of a server that does not answer."""
    return UnavailableError("green answered 503", status=503, reason="ServiceUnavailable")


def silent() -> ApiError:
    """Return the error of a request without any answer."""
    return UnavailableError("green does not answer", status=0)


def uncalled(webhook: str) -> Callable[[], ApiError]:
    """Return the error of a server that has got no answer from a webhook."""
    why = f'failed calling webhook "{webhook}": failed to call webhook: tls: unknown authority'
    return lambda: UnavailableError(f"green answered 500: Internal error occurred: {why}", status=500, reason="InternalError")


def denied(webhook: str) -> Callable[[], ApiError]:
    """Return the error of a server whose webhook has said no."""
    return lambda: ForbiddenError(f'green answered 403: admission webhook "{webhook}" denied the request', status=403)


def forbidden() -> ApiError:
    """Return the error of an account without permission."""
    return ForbiddenError("green answered 403", status=403, reason="Forbidden")


def gone() -> ApiError:
    """Return the error of a list whose snapshot was compacted."""
    return ApiError("green answered 410", status=410, reason="Expired")


def conflict() -> ApiError:
    """Return the error of an object that was changed meanwhile."""
    return ConflictError("green answered 409: the object has been modified", status=409, reason="Conflict")


def there_already() -> ApiError:
    """Return the error of a create that a client has sent twice: the first attempt had no answer."""
    error = ConflictError("green answered 409: already exists", status=409, reason="AlreadyExists")
    error.repeated = True
    return error


def quota_changed() -> ApiError:
    """Return the error of a create that was counted while another one was."""
    text = 'green answered 409: Operation cannot be fulfilled on resourcequotas "full": the object has been modified'
    return ConflictError(text, status=409, reason="Conflict")


def not_found() -> ApiError:
    """Return the error of a missing object or kind."""
    return NotFoundError("green answered 404: not found", status=404, reason="NotFound")


def invalid() -> ApiError:
    """Return the error of an object that validation refuses."""
    return InvalidError("green answered 422: is invalid", status=422, reason="Invalid")
