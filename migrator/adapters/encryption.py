"""Encryption with the person's own key, by `age` or `gpg`; what is encrypted reaches the program through a pipe only."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import BinaryIO, cast

from migrator.errors import BlockedError, CommandFailedError
from migrator.ports import ByteSink

# How recipients of age begin (age(1)); all others are gpg's.
_AGE = ("age1", "ssh-ed25519 ", "ssh-rsa ")
# gpg may ask its agent, and an agent that waits for a person at another terminal never answers.
_SECONDS = 60.0
_CHUNK = 1 << 16


class ProgramSealer:
    """Encrypts to a recipient whose key the program knows."""

    def __init__(self, recipient: str) -> None:
        """Raises BlockedError when the program is not there, or knows no such recipient."""
        is_age = recipient.startswith(_AGE)
        self.suffix = ".age" if is_age else ".gpg"
        self._command = (
            ["age", "--encrypt", "--recipient", recipient]
            if is_age
            else ["gpg", "--batch", "--no-tty", "--encrypt", "--recipient", recipient]
        )
        if not recipient or recipient.startswith("-"):
            raise BlockedError(f"{recipient!r} is not a recipient", hint="age1..., an SSH public key, or a key that gpg knows")
        if shutil.which(self._command[0]) is None:
            raise BlockedError(f"{self._command[0]} is not on PATH", hint="install it, or archive without --encrypt-to")
        # Tried with nothing at first: a key that is not trusted must not be found out after an hour of reading.
        try:
            tried = subprocess.run(self._command, input=b"", capture_output=True, timeout=_SECONDS, check=False)
        except subprocess.TimeoutExpired:
            raise BlockedError(
                f"{self._command[0]} does not encrypt to {recipient}: not done within {_SECONDS:g} s",
                hint="does it wait for a person, such as its agent for a passphrase? Run it by hand once",
            ) from None
        if tried.returncode or not tried.stdout:
            raise BlockedError(
                f"{self._command[0]} does not encrypt to {recipient}: {_last_line(tried.stderr)}",
                hint="a key of gpg must be known and trusted: gpg --import, then gpg --lsign-key",
            )

    @contextmanager
    def sealing(self, target: ByteSink) -> Iterator[ByteSink]:
        """Yield what encrypts all that is written to it into `target`; raises CommandFailedError when it cannot."""
        with tempfile.TemporaryFile() as said:
            child = subprocess.Popen(
                self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=said, start_new_session=True
            )
            lost: list[OSError] = []
            pump = threading.Thread(target=_pump, args=(cast("BinaryIO", child.stdout), target, lost))
            pump.start()
            try:
                yield _Pipe(cast("BinaryIO", child.stdin))
                with suppress(BrokenPipeError):
                    cast("BinaryIO", child.stdin).close()
                child.wait(timeout=_SECONDS)
            except (BrokenPipeError, subprocess.TimeoutExpired):
                child.kill()
            finally:
                if child.poll() is None:
                    child.kill()
                with suppress(BrokenPipeError):
                    cast("BinaryIO", child.stdin).close()
                child.wait()
                pump.join()
                cast("BinaryIO", child.stdout).close()
            if child.returncode:
                said.seek(0)
                raise CommandFailedError(self._command[0], child.returncode, _last_line(said.read()))
            if lost:
                raise lost[0]


class _Pipe:
    """The standard input of a program."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def write(self, data: bytes) -> int:
        """Write to the program."""
        return self._file.write(data)

    def flush(self) -> None:
        """Do nothing: the program gets all at the end at the latest."""


def _pump(source: BinaryIO, target: ByteSink, lost: list[OSError]) -> None:
    """Bring what the program says to its place; on a full disk, let it go on and remember why."""
    while chunk := source.read(_CHUNK):
        if not lost:
            try:
                target.write(chunk)
            except OSError as error:
                lost.append(error)


def _last_line(said: bytes) -> str:
    lines = said.decode(errors="replace").strip().splitlines()
    return lines[-1] if lines else "it said nothing"
