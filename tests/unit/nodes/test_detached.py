"""A command that outlives the connection, and is joined."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from migrator.errors import CommandFailedError, HostError
from migrator.nodes.detached import Detached, SecretFile, end_units, running_units
from tests.support.hosts import FakeHost
from tests.support.shell_host import ShellHost

INACTIVE = "ActiveState=inactive\nSubState=dead\nExecMainStatus=0\n"
RUNNING = "ActiveState=active\nSubState=running\nExecMainStatus=0\nat work\n"
ENDED = "ActiveState=active\nSubState=exited\nExecMainStatus=0\n"
FAILED = "ActiveState=failed\nSubState=failed\nExecMainStatus=7\n"
JOB = Detached("job", "kubeadm upgrade apply", 60.0)


def unit(*states: str) -> FakeHost:
    """Return a host on which a unit is in these states, one after the other; the last one stays."""
    host = FakeHost("cp", accepts=["systemd-run"])
    left = list(states)

    def show(_: str) -> str:
        return left.pop(0) if len(left) > 1 else left[0]

    host.answers["systemctl show -p ActiveState"] = show
    host.answers["cat /var/log/migrator/job.log"] = "what it said"
    return host


def test_a_unit_is_started_once_and_its_progress_shown() -> None:
    """Nothing runs yet: it is started, watched and taken away; what it says last is shown once."""
    host, said = unit(INACTIVE, RUNNING, RUNNING, ENDED), list[str]()
    assert JOB.run(host, said.append) == "what it said"
    assert sum("systemd-run" in command for command in host.commands) == 1
    assert said == ["cp: at work"]
    assert "systemctl stop job" in host.commands[-1]


def test_what_a_unit_says_is_in_the_words_that_are_looked_for() -> None:
    """A service speaks the language of the host, and pacman has many."""
    host = unit(INACTIVE, ENDED)
    JOB.run(host, lambda _: None)
    (begun,) = (command for command in host.commands if "systemd-run" in command)
    assert {"--setenv=LC_ALL=C", "--setenv=HOME=/root"} <= set(begun.split())


def test_a_unit_of_an_earlier_run_that_still_runs_is_joined_and_not_begun_again() -> None:
    """Two of one command never meet."""
    host = unit(RUNNING, RUNNING, ENDED)
    assert JOB.run(host, lambda _: None) == "what it said"
    assert not any("systemd-run" in command for command in host.commands)


@pytest.mark.parametrize("left", [ENDED, FAILED])
def test_what_an_earlier_run_has_left_is_neither_success_nor_failure_of_this_one(left: str) -> None:
    """A unit stays `active (exited)` until somebody looks: it is cleared away and begun anew."""
    host = unit(left, RUNNING, ENDED)
    assert JOB.run(host, lambda _: None) == "what it said"
    (begun,) = (command for command in host.commands if "systemd-run" in command)
    assert begun.index("systemctl stop job") < begun.index("systemd-run")


def test_of_two_that_begin_at_once_the_slower_one_joins() -> None:
    """Systemd refuses a second unit of a name: the first one is waited for."""
    host = unit(INACTIVE, RUNNING, ENDED)
    host.fails("systemd-run", "Unit job.service was already loaded")
    assert JOB.run(host, lambda _: None) == "what it said"


def test_a_unit_that_fails_is_an_error_with_its_words() -> None:
    """The exit code and the output are kept."""
    with pytest.raises(CommandFailedError, match="ended with 7: what it said"):
        JOB.run(unit(INACTIVE, FAILED), lambda _: None)


def away(host: FakeHost, seconds: float) -> None:
    """Let a host be unreachable for a while, once its unit was started."""

    def show(_: str) -> str:
        if not any("systemd-run" in command for command in host.commands):
            return INACTIVE
        if host.clock.monotonic() < seconds:
            raise HostError("cp: no route to host")
        return ENDED

    host.answers["systemctl show -p ActiveState"] = show


@pytest.mark.parametrize(("seconds", "waited"), [(100.0, True), (130.0, False)])
def test_a_host_that_is_away_is_waited_for_two_minutes(seconds: float, waited: bool) -> None:  # noqa: FBT001
    """The command continues without us; a host that stays away is an error."""
    host = unit(INACTIVE)
    away(host, seconds)
    if waited:
        assert JOB.run(host, lambda _: None) == "what it said"
    else:
        with pytest.raises(HostError, match="no route"):
            JOB.run(host, lambda _: None)
    assert host.clock.monotonic() == pytest.approx(min(seconds, 121.0), abs=1.0)


def test_a_command_that_does_not_end_is_an_error_that_says_where_it_still_runs() -> None:
    """Time is counted from when it is first seen; the unit is neither stopped nor forgotten."""
    host = unit(RUNNING)
    with pytest.raises(HostError, match="job is not done after 60 s: at work") as caught:
        JOB.run(host, lambda _: None)
    assert "journalctl -u job" in caught.value.hint
    assert not any("systemctl stop" in command for command in host.commands)
    assert 60 < host.clock.monotonic() < 65


def test_a_command_with_quotes_is_one_word_of_the_unit_s_shell() -> None:
    """What the command quotes stays quoted when the unit runs it."""
    host = unit(INACTIVE, ENDED)
    Detached("job", "echo 'a b'", 60.0).run(host, lambda _: None)
    started = next(command for command in host.commands if "systemd-run" in command)
    script = shlex.split(started)[-1]
    assert shlex.split(script) == ["exec", "echo", "a b", ">", "/var/log/migrator/job.log", "2>&1"]


SECRET = SecretFile("/run/migrator/config", b"token: abc")


@pytest.mark.parametrize(("command", "said"), [("cat /run/migrator/config", "token: abc"), ("false", None)])
def test_a_secret_file_is_there_for_the_command_alone(tmp_path: Path, command: str, said: str | None) -> None:
    """It is gone when the command has ended, well or not."""
    host = ShellHost(tmp_path)
    job = Detached("job", command, 60.0, secret=SECRET)
    if said is None:
        with pytest.raises(CommandFailedError, match="ended with 1"):
            job.run(host, lambda _: None)
    else:
        assert job.run(host, lambda _: None) == said
    assert host.started == ["job"]
    assert not host.path(SECRET.path).exists()


def test_a_secret_file_is_private_while_it_is_there(tmp_path: Path) -> None:
    """Readable for root only, from its first byte on."""
    host = ShellHost(tmp_path)
    shown = Detached("job", "stat -c %a /run/migrator/config /run/migrator", 60.0, secret=SECRET).run(host, lambda _: None)
    assert shown.split() == ["600", "700"]


def test_nothing_starts_with_half_a_secret_file(tmp_path: Path) -> None:
    """The line was cut while it was sent: the rest of the command line must not run with what came."""
    host = ShellHost(tmp_path)
    whole = host.run
    host.run = lambda command, *, stdin=b"", timeout=120.0: whole(command, stdin=stdin[:-1], timeout=timeout)  # type: ignore[method-assign]
    with pytest.raises(CommandFailedError):
        Detached("job", "true", 60.0, secret=SECRET).run(host, lambda _: None)
    assert host.started == []
    assert not host.path(SECRET.path).exists()


def test_a_secret_file_does_not_stay_when_its_unit_cannot_start(tmp_path: Path) -> None:
    """Systemd refuses it: nobody else would remove the file."""
    host = ShellHost(tmp_path)
    host.program("systemd-run", "#!/bin/sh\nexit 1\n")
    with pytest.raises(CommandFailedError):
        Detached("job", "true", 60.0, secret=SECRET).run(host, lambda _: None)
    assert not host.path(SECRET.path).exists()


LISTED = """migrator-control-plane-1.37.2.service loaded active running /usr/bin/sh -c exec kubeadm
migrator-packages-0123456789ab.service loaded active exited /usr/bin/sh -c exec pacman
migrator-etcd-restore.service loaded activating start /usr/bin/sh -c
migrator-node-1.37.2.service loaded failed failed /usr/bin/sh -c
migrator-routes.service loaded active running Routes to pods of other nodes
"""


def test_units_that_still_run_are_found_and_ended() -> None:
    """What has ended, well or not, does not run; the routes are not the command of a run."""
    host = FakeHost("cp", accepts=["systemctl stop "])
    host.answers["systemctl list-units"] = LISTED
    units = running_units(host)
    assert units == ["migrator-control-plane-1.37.2.service", "migrator-etcd-restore.service"]
    end_units(host, units)
    assert host.commands[-1] == f"systemctl stop {units[0]} {units[1]}"
