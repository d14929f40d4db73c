"""A person's command runs to its end, or is ended with all that it started."""

from __future__ import annotations

import os
import select
from pathlib import Path

import pytest

from migrator.adapters.hooks import ShellRunner
from migrator.errors import CommandFailedError


def test_a_command_runs_with_its_arguments_as_they_are(tmp_path: Path) -> None:
    """No shell reads them: a semicolon is a character."""
    target = tmp_path / "a; b"
    ShellRunner().run(("touch", str(target)), 10)
    assert target.exists()


def test_a_failure_keeps_exit_code_and_words() -> None:
    """Both streams are kept: scripts write what is wrong to either."""
    with pytest.raises(CommandFailedError, match=r"(?s)ended with 7.*out.*err"):
        ShellRunner().run(("sh", "-c", "echo out; echo err >&2; exit 7"), 10)


def test_a_program_that_is_missing_is_named() -> None:
    """The message is the system's."""
    with pytest.raises(CommandFailedError, match="No such file"):
        ShellRunner().run(("no-such-program",), 10)


def test_a_command_that_waits_for_input_gets_none() -> None:
    """Nobody sits at a hook; it reads the end of the file at once."""
    with pytest.raises(CommandFailedError, match="ended with 1"):
        ShellRunner().run(("sh", "-c", "read answer"), 10)


def test_at_the_deadline_all_that_it_started_ends(tmp_path: Path) -> None:
    """A child that stays behind would hold the output open for ever."""
    line = tmp_path / "line"
    os.mkfifo(line)
    reader = os.open(line, os.O_RDONLY | os.O_NONBLOCK)
    with pytest.raises(CommandFailedError, match="not done within 1 s"):
        ShellRunner().run(("sh", "-c", f"echo begun >{line}; exec 3>{line}; sleep 1000 & wait"), 1.0)
    # Readable are the word, and the end of the file once the last process that could write has ended.
    heard = b""
    while (ended := bool(select.select([reader], [], [], 30)[0])) and (more := os.read(reader, 64)):
        heard += more
    os.close(reader)
    assert (heard, ended) == (b"begun\n", True)


def test_bytes_that_are_no_text_are_no_failure() -> None:
    """One Latin-1 letter after a good cutover was taken for a bug."""
    with pytest.raises(CommandFailedError, match="ended with 3: caf\ufffd"):
        ShellRunner().run(("sh", "-c", "printf 'caf\\351'; exit 3"), 10)
    ShellRunner().run(("printf", "\\351"), 10)


def test_arguments_are_not_told() -> None:
    """They may hold a password; the error may be recorded."""
    for command in (("sh", "-c", "exit 1", "hunter2"), ("no-such-program", "hunter2")):
        with pytest.raises(CommandFailedError) as caught:
            ShellRunner().run(command, 10)
        assert "hunter2" not in caught.value.message


def test_what_a_command_leaves_in_the_background_is_not_waited_for_and_not_ended(tmp_path: Path) -> None:
    """A forwarded port, or a server that a script starts, holds the output open: it was waited for, and then called a failure."""
    go, line = tmp_path / "go", tmp_path / "line"
    for pipe in (go, line):
        os.mkfifo(pipe)
    writer, reader = os.open(go, os.O_RDWR), os.open(line, os.O_RDONLY | os.O_NONBLOCK)
    ShellRunner().run(("sh", "-c", f"{{ read -r word <{go}; echo said; echo $word >{line}; }} & exit 0"), 60)
    os.write(writer, b"on\n")
    assert select.select([reader], [], [], 30)[0]
    assert os.read(reader, 64) == b"on\n"
    os.close(reader)
    os.close(writer)


def test_of_many_words_the_last_are_kept() -> None:
    """The reason stands at the end."""
    with pytest.raises(CommandFailedError) as caught:
        ShellRunner().run(("sh", "-c", "head -c 300000 /dev/zero | tr '\\0' x; echo reason; exit 1"), 60)
    assert (len(caught.value.output), caught.value.output.endswith("reason\n")) == (65_536, True)


def test_a_command_runs_in_the_folder_of_its_file(tmp_path: Path) -> None:
    """Where the paths in the file are relative to, whatever folder the tool is called in."""
    (tmp_path / "notify").write_text("#!/bin/sh\npwd > seen\n")
    (tmp_path / "notify").chmod(0o755)
    ShellRunner(tmp_path).run(("./notify",), 10)
    assert (tmp_path / "seen").read_text() == f"{tmp_path.resolve()}\n"
