"""The fake host is strict, so a test cannot pass on a command that nobody wrote down."""

from __future__ import annotations

import pytest

from migrator.errors import CommandFailedError
from tests.support.hosts import FakeHost


def test_an_unknown_command_is_refused_with_what_the_host_knows() -> None:
    """The refusal names the command and every key, also when only success was asked for."""
    host = FakeHost("cp", accepts=["systemctl stop"])
    host.answers["uname -m"] = "aarch64"
    for ask in (host.run, host.ok):
        with pytest.raises(AssertionError, match=r"(?s)cp was not told.*rm -rf /.*'uname -m'.*'systemctl stop'"):
            ask("rm -rf /")


def test_the_first_key_that_is_part_of_a_command_answers() -> None:
    """Answers come before files, files before what only succeeds."""
    host = FakeHost(accepts=["cat "])
    host.write("/a", b"kept")
    host.answers["cat /b"] = "told"
    host.fails("cat /c")
    assert [host.run(f"cat /{name}") for name in "abd"] == ["kept", "told", ""]
    assert host.ok("test -s /a")
    with pytest.raises(CommandFailedError):
        host.run("cat /c")
