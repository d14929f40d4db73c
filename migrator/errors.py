"""Every error that the tool expects, with the exit code that it ends in; imports nothing of the project."""


class MigratorError(Exception):
    """Say what happened, to what, why, and in `hint` what to do next."""

    exit_code = 1

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class ConfigError(MigratorError):
    """The person's file, or an option, is wrong: all `issues` at once, one line each."""

    exit_code = 2

    def __init__(self, issues: list[str], *, hint: str = "") -> None:
        super().__init__("\n".join(issues), hint=hint)
        self.issues = issues


class BlockedError(MigratorError):
    """A precondition is not met; nothing was changed."""

    exit_code = 3


class GateFailedError(MigratorError):
    """A verdict or a gate said no; traffic is where the message says."""

    exit_code = 3


class JournalError(MigratorError):
    """The journal can't be read, written or belongs to something else."""

    exit_code = 3


class TrafficError(MigratorError):
    """The load balancer did not answer, or did not do what it was told."""


class HostError(MigratorError):
    """A host was not reached, did not let us in, or did not answer in time."""


class CommandFailedError(MigratorError):
    """A program ended badly; keeps what can be pasted to see it again."""

    def __init__(self, command: str, code: int, output: str, *, hint: str = "") -> None:
        tail = output.strip()[-800:]
        super().__init__(f"`{command}` ended with {code}: {tail}" if tail else f"`{command}` ended with {code}", hint=hint)
        self.command = command
        self.code = code
        self.output = output


class ApiError(MigratorError):
    """An API server said no; `status` is its HTTP status (0: no answer came) and `reason` its own word for it."""

    def __init__(self, message: str, *, status: int = 0, reason: str = "", hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.status = status
        self.reason = reason


class NotFoundError(ApiError):
    """404: the object, or its kind, is not there."""


class ConflictError(ApiError):
    """409: it exists already, or was changed under the write."""


class ForbiddenError(ApiError):
    """401 or 403: this account may not do that."""


class InvalidError(ApiError):
    """400 or 422: the server's validation refused the object."""


class ThrottledError(ApiError):
    """429, or 503 with Retry-After: `retry_after` seconds were asked for."""

    def __init__(self, message: str, *, status: int, reason: str, retry_after: float) -> None:
        super().__init__(message, status=status, reason=reason)
        self.retry_after = retry_after


class UnavailableError(ApiError):
    """No connection, or a 5xx: the server may come back."""
