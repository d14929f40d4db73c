"""The command line, run in this process."""

from __future__ import annotations

import contextlib
import io

from migrator.cli.boundary import guarded
from migrator.cli.main import group


def run(*arguments: str) -> tuple[int, str, str]:
    """Run the command line; return exit code and both streams."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = guarded(lambda: group.main(list(arguments), standalone_mode=False, prog_name="migrator"))
    return code, out.getvalue(), err.getvalue()
