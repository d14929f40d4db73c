"""A command that outlives the connection, and is joined."""

from __future__ import annotations

import shlex

import pytest

from migrator.errors import CommandFailedError, HostError
from migrator.nodes.detached import Detached
from tests.support.hosts import FakeHost

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


@pytest.mark.parametrize("state", [RUNNING, ENDED])
def test_a_unit_of_an_earlier_run_is_joined_and_not_begun_again(state: str) -> None:
    """It runs, or has ended while nobody looked."""
    host = unit(state, ENDED)
    assert JOB.run(host, lambda _: None) == "what it said"
    assert not any("systemd-run" in command for command in host.commands)


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
