"""The expected errors, each with the exit code of the process; imports nothing of the project."""


class MigratorError(Exception):
    """The base: what happened, to which object, and why; `hint` is what to do next."""

    exit_code = 1

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class ConfigError(MigratorError):
    """A file or an option is wrong; `issues` holds every mistake, one line each."""

    exit_code = 2

    def __init__(self, issues: list[str], *, hint: str = "") -> None:
        super().__init__("\n".join(issues), hint=hint)
        self.issues = issues


class BlockedError(MigratorError):
    """A precondition is not met; nothing was changed."""

    exit_code = 3


class SourceInUseError(BlockedError):
    """Somebody still uses the volume that a last pass reads, so that it would prove nothing."""


class LockLostError(MigratorError):
    """Another run has taken the lock on a cluster; this one writes nothing more there."""

    exit_code = 3


class GateFailedError(MigratorError):
    """A verdict or a gate failed; the message names the cluster that has the traffic."""

    exit_code = 3


class JournalError(MigratorError):
    """The journal cannot be read or written, or belongs to another migration."""

    exit_code = 3


class TrafficError(MigratorError):
    """The load balancer did not answer, or did not apply a change."""


class ReloadedError(TrafficError):
    """The load balancer does not have what was set a moment ago, or ended within an answer: a reload explains both."""


class HostError(MigratorError):
    """A host is not reachable, refuses the login, or did not answer in time."""


class CommandFailedError(MigratorError):
    """A program failed; `command` is its command line, or its name where arguments may hold secrets."""

    def __init__(self, command: str, code: int, output: str, *, hint: str = "") -> None:
        self.brief = f"`{command}` ended with {code}"
        tail = output.strip()[-800:]
        super().__init__(f"{self.brief}: {tail}" if tail else self.brief, hint=hint)
        self.command = command
        self.code = code
        self.output = output


class ApiError(MigratorError):
    """An API server refused a request; `status` is the HTTP status (0: no answer), `reason` the server's reason."""

    def __init__(self, message: str, *, status: int = 0, reason: str = "", hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.status = status
        self.reason = reason
        self.webhook = ""
        """Name of the admission webhook that did not answer the API server."""


class NotFoundError(ApiError):
    """404: the object, or its kind, does not exist."""


class ConflictError(ApiError):
    """409: the object exists, or was changed since it was read."""

    repeated = False
    """Whether an earlier attempt of the same request got no answer, so that the object may be the one that it created."""


class ForbiddenError(ApiError):
    """401 or 403: this account has no permission."""


class InvalidError(ApiError):
    """400 or 422: the server's validation refused the object."""


class ThrottledError(ApiError):
    """429, or 503 with Retry-After: the server asks for a wait of `retry_after` seconds."""

    def __init__(self, message: str, *, status: int, reason: str, retry_after: float) -> None:
        super().__init__(message, status=status, reason=reason)
        self.retry_after = retry_after


class UnavailableError(ApiError):
    """No connection, or a 5xx status; a retry may succeed."""
