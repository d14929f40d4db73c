"""The command line, run in this process."""

from __future__ import annotations

import contextlib
import io

import click

from migrator.cli.boundary import guarded
from migrator.cli.main import group


def run(*arguments: str) -> tuple[int, str, str]:
    """Run the command line; return exit code and both streams."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = guarded(lambda: _main(list(arguments)))
    return code, out.getvalue(), err.getvalue()


def _main(arguments: list[str]) -> None:
    """End with a verb's own exit code, which click returns here."""
    code = group.main(arguments, standalone_mode=False, prog_name="migrator")
    if isinstance(code, int) and code:
        raise click.exceptions.Exit(code)
