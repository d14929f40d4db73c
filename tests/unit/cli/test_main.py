"""The command line's edges."""

from __future__ import annotations

import contextlib
import errno
import io
import subprocess
import sys
from pathlib import Path

import orjson
import pytest

from migrator.cli.boundary import guarded
from migrator.cli.main import group
from migrator.errors import ConfigError
from tests.support.command_line import run


@pytest.mark.parametrize("verb", list(group.list_commands(None)))  # type: ignore[arg-type]
def test_every_verb_has_help(verb: str) -> None:
    """Each verb explains itself."""
    code, out, _ = run(verb, "--help")
    assert code == 0
    assert "Usage: migrator " + verb in out


def test_help_imports_nothing_heavy() -> None:
    """`--help` answers at once, for it loads no client library, no schema and no rich."""
    program = "import sys; sys.argv=['migrator','--help']\nfrom migrator.cli.main import main\ntry: main()\nexcept SystemExit: pass\nprint(sorted({'kubernetes','pydantic','rich','yaml','pulumi'} & sys.modules.keys()), file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"


def test_mistyped_verb() -> None:
    """The nearest verb is named."""
    code, _, err = run("rolback")
    assert (code, "did you mean rollback?" in err) == (2, True)


def test_missing_file_is_one_line(tmp_path: Path) -> None:
    """No trace, exit code 2, and what to do."""
    code, _, err = run("plan", "-c", str(tmp_path / "none.yaml"))
    assert code == 2
    assert err.splitlines() == [
        f"migrator: {tmp_path}/none.yaml: no such file",
        "  → `migrator init` writes one; --config names another",
    ]


@pytest.mark.parametrize(
    ("error", "short"),
    [
        (OSError(errno.EMFILE, "Too many open files"), "file descriptor"),
        (OSError(errno.ENOSPC, "No space left on device"), "disk space"),
        (MemoryError(), "memory"),
        (RuntimeError("can't start new thread"), "thread"),
    ],
)
def test_a_machine_that_has_too_little_is_no_bug(error: Exception, short: str, capsys: pytest.CaptureFixture[str]) -> None:
    """One line with what is missing, and that the same command goes on."""

    def run() -> None:
        raise error

    assert guarded(run) == 1
    assert capsys.readouterr().err.splitlines()[0] == f"migrator: the machine has no {short} left for this command"


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (PermissionError(errno.EACCES, "Permission denied", "/srv/page.html"), "/srv/page.html: Permission denied"),
        (FileNotFoundError(errno.ENOENT, "No such file or directory", b"/srv/\xff"), "/srv/\\udcff: No such file or directory"),
        (OSError(errno.EROFS, "Read-only file system", "/srv/a\x1b[2J"), "/srv/a\\x1b[2J: Read-only file system"),
        (RuntimeError("Could not determine home directory."), "a path begins with ~, but this user"),
    ],
)
def test_a_place_that_cannot_be_used_is_no_bug(error: Exception, words: str, capsys: pytest.CaptureFixture[str]) -> None:
    """It is named, with the reason: a folder that is not there, one that is read only, a user without a home."""

    def run() -> None:
        raise error

    assert guarded(run) == 1
    lines = capsys.readouterr().err.splitlines()
    assert lines[0].startswith(f"migrator: {words}")
    assert lines[1].startswith("  → ")


def test_bugs_and_interrupts_have_their_own_codes() -> None:
    """A bug leaves its trace in a file that is named; ^C is 130."""

    def bug() -> None:
        raise ZeroDivisionError

    def interrupt() -> None:
        raise KeyboardInterrupt

    err = io.StringIO()
    with contextlib.redirect_stderr(err):
        assert guarded(bug) == 70
        assert guarded(interrupt) == 130
    trace = Path(err.getvalue().split("report it with ")[1].split()[0])
    assert "ZeroDivisionError" in trace.read_text()
    trace.unlink()
    with contextlib.redirect_stderr(io.StringIO()) as lines:
        guarded(lambda: (_ for _ in ()).throw(ConfigError(["a", "b"])))
    assert lines.getvalue().splitlines() == ["migrator: a", "migrator: b"]


def test_an_interruption_that_a_library_has_made_an_error_of_is_one(capsys: pytest.CaptureFixture[str]) -> None:
    """Orjson does when it comes while a value is written that it asks about."""

    def interrupted(_: object) -> str:
        raise KeyboardInterrupt("SIGTERM")

    def write() -> None:
        orjson.dumps({"at": object()}, default=interrupted)

    assert guarded(write) == 130
    assert capsys.readouterr().err.splitlines() == ["interrupted; run the same command again to continue"]


_TOLD_TWICE = """
import signal, sys
from migrator.cli.boundary import guarded
signal.signal(signal.SIGINT, signal.default_int_handler)
code = guarded(lambda: signal.raise_signal(signal.SIGINT), last=True)
for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
    signal.raise_signal(number)
sys.exit(code)
"""


def test_a_second_interruption_does_not_replace_the_exit_code() -> None:
    """The process is about to end with what it has to tell; Python would die of the signal instead."""
    ended = subprocess.run([sys.executable, "-c", _TOLD_TWICE], capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stderr.splitlines()) == (130, ["interrupted; run the same command again to continue"])


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion(shell: str) -> None:
    """Each shell gets its script."""
    code, out, _ = run("completion", shell)
    assert (code, "_MIGRATOR_COMPLETE" in out) == (0, True)
