"""The error boundary: print one line for an expected error; write the trace of a bug to a file."""

from __future__ import annotations

import os
import sys
import tempfile
import traceback
from collections.abc import Callable

import click

from migrator.adapters.signals import SIGNALS
from migrator.cli import render
from migrator.errors import MigratorError

BUG, INTERRUPTED = 70, 130


def guarded(run: Callable[[], None]) -> int:
    """Run the command line and return its exit code; SIGTERM and SIGHUP have the effect of ^C."""
    try:
        with SIGNALS.handled():
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
        click.echo("interrupted; run the same command again to go on", err=True)
        return INTERRUPTED
    except BrokenPipeError:
        # The reader of our output has ended; without this, Python reports the error again when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except Exception as error:  # noqa: BLE001 - the boundary
        with tempfile.NamedTemporaryFile("w", prefix="migrator-bug-", suffix=".log", delete=False) as file:
            traceback.print_exc(file=file)
        click.echo(f"migrator: a bug: {type(error).__name__}; please report it with {file.name}", err=True)
        return BUG
    return 0
