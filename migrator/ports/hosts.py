"""What the phases need from hosts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from migrator.model.volumes import Job, PassResult, Place, TakenBack
from migrator.ports.run import Clock


class Host(Protocol):
    """A machine that commands run on, as root."""

    name: str

    @property
    def clock(self) -> Clock:
        """The time by which what runs on the machine is waited for."""

    def run(self, command: str, *, stdin: bytes = b"", timeout: float = 120.0) -> str:
        """Run a line of shell and return its output; secrets go through `stdin`.

        Raises CommandFailedError when it fails, HostError when the host is not reached or the time is over.
        """

    def ok(self, command: str, *, timeout: float = 60.0) -> bool:
        """Return whether a line of shell ends well."""

    def read(self, path: str) -> bytes:
        """Return a file's content; raises CommandFailedError when there is none."""

    def write(self, path: str, content: bytes, *, mode: int = 0o644) -> None:
        """Put a file in place at once, with its folders."""


@dataclass(slots=True, frozen=True)
class RelayEnd:
    """One end of a relay."""

    name: str
    login: tuple[str, ...]
    """The command of ssh that logs in to the host."""
    port: int
    """On the host's loopback."""


class Closing(Protocol):
    """What stands until it is closed."""

    def close(self) -> None:
        """End it."""


class Relay(Protocol):
    """Joins hosts that do not reach each other, through this machine."""

    def open(self, source: RelayEnd, target: RelayEnd) -> Closing:
        """Lead the target's port to the source's; raises HostError. It ends with this program, but for what goes through then."""


class VolumeMover(Protocol):
    """Moves folders of volumes in one direction between the hosts of both clusters."""

    def survey(self, place: Place, *, source: bool, exclude: Sequence[str] = ()) -> Mapping[str, object]:
        """Return what a folder holds, but for what is left out, and how full its file system is; raises MigratorError."""

    def move(self, job: Job, say: Callable[[str], None]) -> PassResult:
        """Run one pass, or join the one that still runs.

        Raises BlockedError with why it stopped, SourceInUseError where a last pass finds its source in use, HostError when it was
        cut off.
        """

    def prepare(self, job: Job, *, connected: bool) -> None:
        """Do what can be done before a pass while the workload runs; raises MigratorError.

        With `connected`, the pass needs only to be let begin then; until that its programs take memory of both hosts.
        """

    def release(self) -> None:
        """Take back what was prepared and not used."""

    def users(self, place: Place, *, source: bool) -> tuple[str, ...]:
        """Return who uses a folder on its host, in words; raises MigratorError."""

    def take_back(self, job: Job, say: Callable[[str], None], *, everything: bool) -> TakenBack:
        """End a pass that runs, and put back what it has changed in its target, or what all passes since the switch have.

        Raises MigratorError; it may be done again.
        """

    def running(self, job: Job) -> bool:
        """Return whether a pass of this volume runs now."""

    def read_list(self, job: Job) -> bytes:
        """Return the list of entries that the last pass that finished has proven."""

    def clean(self, job: Job) -> None:
        """End what runs for this volume, and remove what is kept of it on both hosts; the volumes themselves stay."""
