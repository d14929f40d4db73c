"""`completion` prints a script for the person's shell."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.support.command_line import run


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_gets_its_own_script(shell: str) -> None:
    """It asks the tool itself for the words."""
    code, out, _ = run("completion", shell)
    assert (code, "_MIGRATOR_COMPLETE" in out, f"{shell}_complete" in out) == (0, True, True)


def test_another_shell_is_refused_with_those_that_there_are() -> None:
    """Exit code 2, as for every wrong word."""
    code, _, err = run("completion", "tcsh")
    assert code == 2
    assert all(shell in err for shell in ("bash", "zsh", "fish"))


@pytest.mark.parametrize("line", ["migrator xyz ", "migrator data xyz --", "migrator no 'such"])
def test_a_line_with_a_verb_that_there_is_not_prints_no_error_into_it(line: str) -> None:
    """The person presses a key in the middle of a line."""
    environment = {**os.environ, "_MIGRATOR_COMPLETE": "bash_complete", "COMP_WORDS": line, "COMP_CWORD": "2"}
    program = "from migrator.cli.main import main; main()"
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=False)
    assert done.stderr == ""
