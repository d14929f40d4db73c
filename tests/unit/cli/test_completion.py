"""`completion` prints a script for the person's shell."""

from __future__ import annotations

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
