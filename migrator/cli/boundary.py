"""The error boundary: print one line for an expected error; write the trace of a bug to a file."""

from __future__ import annotations

import errno
import os
import tempfile
import traceback
from collections.abc import Callable

import click

from migrator.adapters.signals import SIGNALS
from migrator.cli import render
from migrator.cli.streams import STREAMS, reader_is_gone
from migrator.errors import MigratorError
from migrator.untrusted import printable_lines

_SHORT = {
    errno.EMFILE: "file descriptor",
    errno.ENFILE: "file descriptor",
    errno.ENOMEM: "memory",
    errno.EAGAIN: "process",
    errno.ENOSPC: "disk space",
    errno.EDQUOT: "disk space",
}

# Of a file or folder that a person has named, or that lies beside such a one.
_PLACES = {
    *(errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.EACCES, errno.EPERM, errno.EROFS),
    *(errno.ELOOP, errno.ENAMETOOLONG, errno.EIO, errno.ESTALE),
}

BUG, INTERRUPTED, READER_GONE = 70, 130, 141


def guarded(run: Callable[[], None], *, last: bool = False) -> int:
    """Run the command line and return its exit code; SIGTERM, SIGHUP and SIGQUIT have the effect of ^C.

    With `last` the process ends after it, and nothing interrupts that.
    """
    code = _ended(run, last=last)
    lost = STREAMS.lost()
    if lost is None:
        return code
    if reader_is_gone(lost):
        return code or READER_GONE
    # What was done is done; only its words are missing.
    click.echo(f"migrator: standard output did not take the result: {lost.strerror}", err=True)
    click.echo("  → the command has run to its end; `migrator status` tells where things stand", err=True)
    return code or MigratorError.exit_code


def _ended(run: Callable[[], None], *, last: bool) -> int:
    try:
        with SIGNALS.handled(last=last):
            run()
    except MigratorError as error:
        render.error(error)
        return error.exit_code
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except click.exceptions.Exit as error:
        return error.exit_code
    except (KeyboardInterrupt, click.Abort):
        return _interrupted()
    except Exception as error:  # noqa: BLE001 - the boundary
        # orjson makes an error of its own of what comes while it asks for a default.
        if isinstance(error.__cause__, KeyboardInterrupt):
            return _interrupted()
        if short := _short_of(error):
            click.echo(f"migrator: the machine has no {short} left for this command", err=True)
            click.echo("  → end what uses it or raise the limit (ulimit -a), then run the same command again", err=True)
            return MigratorError.exit_code
        if words := _place_of(error):
            for text in printable_lines(f"migrator: {words}"):
                click.echo(text, err=True)
            click.echo("  → name another place, or let this user read or write there, then run the same command again", err=True)
            return MigratorError.exit_code
        click.echo(f"migrator: a bug: {type(error).__name__}; please report it with {_trace(error)}", err=True)
        return BUG
    return 0


def _interrupted() -> int:
    click.echo("interrupted; run the same command again to continue", err=True)
    return INTERRUPTED


def _short_of(error: Exception) -> str:
    """Return what the machine has too little of, or nothing where the error says something else."""
    if isinstance(error, OSError):
        return _SHORT.get(error.errno or 0, "")
    # CPython says only this much where a thread gets no stack.
    return "memory" if isinstance(error, MemoryError) else "thread" if str(error) == "can't start new thread" else ""


def _place_of(error: Exception) -> str:
    """Return which file or folder of this machine cannot be used, and why; nothing where the error says something else."""
    if isinstance(error, OSError) and error.errno in _PLACES and isinstance(error.filename, str | bytes):
        return f"{os.fsdecode(error.filename)}: {error.strerror}"
    # pathlib says only this much of `~` without HOME where the user has no entry in passwd, as in many containers.
    no_home = isinstance(error, RuntimeError) and str(error) == "Could not determine home directory."
    return "a path begins with ~, but this user, or the one that is named there, has no home folder here" if no_home else ""


def _trace(error: Exception) -> str:
    """Write the trace to a file of its own (0600) and return its name; where no folder takes it, return the place in the code."""
    try:
        with tempfile.NamedTemporaryFile("w", prefix="migrator-bug-", suffix=".log", delete=False) as file:
            traceback.print_exception(error, file=file)
    except OSError:
        frame = traceback.extract_tb(error.__traceback__)[-1]
        return f"its place, {frame.filename}:{frame.lineno}"
    return file.name
