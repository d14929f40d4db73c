"""Programs that are run to their end."""

from __future__ import annotations

from pathlib import Path

import pytest

from migrator.adapters.commands import run
from migrator.errors import CommandFailedError


def test_a_program_gets_folder_and_environment(tmp_path: Path) -> None:
    """What it says on stdout is returned, what it reads is nothing."""
    said = run(["sh", "-c", "pwd; echo $WORD; cat"], folder=tmp_path, environment={"WORD": "hello"})
    assert said == f"{tmp_path}\nhello\n"


def test_a_failure_has_its_words_and_the_hint() -> None:
    """Stderr comes before stdout."""
    with pytest.raises(CommandFailedError, match="bad luck") as caught:
        run(["sh", "-c", "echo out; echo bad luck >&2; exit 3"], hint="try again")
    assert caught.value.hint == "try again"


def test_a_program_that_is_not_installed_is_named() -> None:
    """It is the same class of error."""
    with pytest.raises(CommandFailedError, match="no-such-program is not installed"):
        run(["no-such-program"])


def test_a_program_that_does_not_end_is_ended() -> None:
    """Pulumi that waits for a passphrase, gpg for its agent, scp for a host: none holds a verb for ever."""
    with pytest.raises(CommandFailedError, match=r"not done within 0\.1 s") as caught:
        run(["sleep", "1000"], timeout=0.1)
    assert caught.value.code == 124


def test_bytes_that_are_no_text_are_no_failure() -> None:
    """They are replaced."""
    assert run(["printf", "\\351"]) == "\ufffd"


def test_a_program_of_another_architecture_is_told(tmp_path: Path) -> None:
    """A plugin for x86 on an ARM board; it was reported as a bug."""
    program = tmp_path / "pulumi"
    program.write_bytes(b"\x7fELF\x02\x01\x01" + bytes(64))
    program.chmod(0o755)
    with pytest.raises(CommandFailedError, match="pulumi cannot be run: Exec format error") as caught:
        run([program])
    assert caught.value.code == 127
