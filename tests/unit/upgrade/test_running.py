"""What earlier runs have left running on hosts."""

from __future__ import annotations

import pytest

from migrator.errors import HostError
from migrator.upgrade.running import await_running
from tests.support.hosts import FakeHost
from tests.support.nodes import FIRST, WORKER
from tests.support.sessions import session_of

UNIT = "migrator-control-plane-1.37.2.service"
RUNNING = f"{UNIT} loaded active running /usr/bin/sh -c exec kubeadm\n"


def idle(name: str) -> FakeHost:
    """Return a host on which nothing runs."""
    return FakeHost(name, accepts=["systemctl list-units"])


def busy(name: str, times: int) -> FakeHost:
    """Return a host whose unit is seen so many times; 0: for ever."""
    host = FakeHost(name, accepts=["systemctl stop "])
    seen = 0

    def listed(_: str) -> str:
        nonlocal seen
        seen += 1
        return RUNNING if not times or seen <= times else ""

    host.answers["systemctl list-units"] = listed
    return host


def test_what_runs_is_waited_for_and_named() -> None:
    """Nothing is ended that nobody has agreed to."""
    first = busy(FIRST.name, 5)
    session, shown, _ = session_of(first, idle(WORKER.name))
    await_running(session)
    assert session.clock.monotonic() == pytest.approx(5.0)
    assert not any("systemctl stop" in command for command in first.commands)
    assert any(
        f"{FIRST.name}: {UNIT} still runs and is waited for" in event.text for event in shown.events if hasattr(event, "text")
    )


def test_what_runs_is_ended_where_a_person_says_so() -> None:
    """And then looked for again."""
    first = busy(FIRST.name, 1)
    session, _, _ = session_of(first, idle(WORKER.name))
    await_running(session, end=True)
    assert f"systemctl stop {UNIT}" in first.commands
    assert "list-units" in first.commands[-1]
    assert session.clock.monotonic() == 0.0


@pytest.mark.parametrize("end", [False, True])
def test_what_never_ends_is_an_error_that_names_it(end: bool) -> None:  # noqa: FBT001
    """Also when systemd does not get it ended."""
    session, _, _ = session_of(busy(FIRST.name, 0), idle(WORKER.name))
    with pytest.raises(HostError, match=f"{FIRST.name}: {UNIT} still runs"):
        await_running(session, end=end)


def test_a_host_that_cannot_be_asked_is_named_unless_it_is_needed() -> None:
    """A dead worker does not keep an upgrade from being given up; a rollback needs every control plane."""
    dead = FakeHost(WORKER.name)
    dead.answers["systemctl list-units"] = HostError(f"{WORKER.name}: no route to host")
    session, shown, _ = session_of(idle(FIRST.name), dead)
    await_running(session)
    assert shown.notes == [f"{WORKER.name}: no route to host: what still runs there is not known"]
    with pytest.raises(HostError, match="no route to host"):
        await_running(session, required=(WORKER,))
