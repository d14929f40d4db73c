"""A database moves with its data at a cutover, and comes back at a rollback: real control planes, real sshd and rsync."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.data_stand import DataStand, data_stand
from tests.support.sandbox import TYPES, Sandbox, freeze_when, one_line

SECONDS = 180


@pytest.fixture
def stand(sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[DataStand]:
    """Return a database that runs on blue, copied and validated."""
    with data_stand(sandbox, tmp_path, monkeypatch) as made:
        yield made


def test_a_database_goes_there_and_back_and_there_again(stand: DataStand) -> None:
    """No committed write is lost or done twice; the pause is printed; nothing is left on a host but what the next pass needs."""
    (group,) = stand.sandbox.json("plan").document["oneSide"]
    assert (group["group"], group["claims"]) == (f"data of {stand.sandbox.namespace}", [stand.claim])
    assert stand.replicas() == (1, 0)
    for _ in range(2):
        cut = stand.ok("cutover", "--yes")
        assert "downtime " in cut.out
        assert stand.replicas() == (0, 1)
        stand.require_nothing_lost("green")
        back = stand.ok("rollback")
        assert "handed back to blue" in back.out
        assert stand.replicas() == (1, 0)
        stand.require_nothing_lost("blue")
        stand.ok("copy")
        stand.ok("validate")
    paused = stand.sandbox.events("paused")
    assert len(paused) == 2
    assert all(item["milliseconds"] >= item["data"] > 0 for item in paused)
    assert (stand.hosts.blue.units, stand.hosts.green.units) == ([], [])


def killed_at(stand: DataStand, verb: list[str], event: str, number: int) -> None:
    """Kill a verb once the journal has so many of an event."""
    child = stand.sandbox.start(*verb)
    freeze_when(child, lambda: len(stand.sandbox.events(event)) >= number)
    child.kill()
    child.communicate()


@pytest.mark.parametrize(
    ("event", "more"),
    [
        ("data-pass", 2),
        ("data-switched", 1),
        *(pytest.param("hand-over-step", number, marks=pytest.mark.on_demand) for number in (1, 2, 3)),
    ],
)
def test_a_cutover_that_is_killed_goes_on(stand: DataStand, event: str, more: int) -> None:
    """Whatever it was doing: stopping, waiting, in the last pass, about to start green, starting it."""
    before = len(stand.sandbox.events(event))
    killed_at(stand, ["cutover", "--yes"], event, before + more)
    stand.ok("cutover", "--yes")
    assert stand.replicas() == (0, 1)
    stand.require_nothing_lost("green")


@pytest.mark.parametrize(
    ("event", "more"),
    [
        ("data-proven", 1),
        *(pytest.param(event, 1, marks=pytest.mark.on_demand) for event in ("rollback-started", "data-pass", "data-switched")),
    ],
)
def test_a_rollback_that_is_killed_goes_on(stand: DataStand, event: str, more: int) -> None:
    """Blue starts only when all that green has written is there."""
    stand.ok("cutover", "--yes")
    stand.require_nothing_lost("green")
    before = len(stand.sandbox.events(event))
    killed_at(stand, ["rollback"], event, before + more)
    stand.ok("rollback")
    assert stand.replicas() == (1, 0)
    stand.require_nothing_lost("blue")


def failed_after(stand: DataStand, act: Callable[[], object]) -> str:
    """Cut over, do something once blue has stopped, and return why the cutover has failed; blue runs again and has lost nothing."""
    child = stand.sandbox.start("cutover", "--yes")
    freeze_when(child, lambda: any(item["step"] == "stopped" for item in stand.sandbox.events("hand-over-step")))
    act()
    child.send_signal(signal.SIGCONT)
    _, error = child.communicate()
    assert child.returncode == 3, error
    assert stand.replicas() == (1, 0)
    return error.decode()


def test_a_workload_that_is_woken_in_the_pause_stays_on_blue(stand: DataStand) -> None:
    """An autoscaler of its own, an operator or a person sets its replicas: nothing is switched."""
    scale = {"spec": {"replicas": 1}}

    def wake() -> None:
        stand.sandbox.pair.blue.patch(
            TYPES["StatefulSet"], stand.sandbox.namespace, "db", scale, manager="hpa", subresource="scale"
        )
        stand.program.until_more()

    assert "has come up on blue: somebody has started it again" in failed_after(stand, wake)
    stand.require_nothing_lost("blue")


def test_a_volume_that_is_empty_at_the_last_pass_deletes_nothing_on_green(stand: DataStand) -> None:
    """A disk that somebody has unmounted in the pause: green keeps its copy, and the person is told."""
    blue, green = stand.program.folders["blue"], stand.program.folders["green"]
    with stand.program.stopped():
        error = failed_after(stand, lambda: (blue / "log").rename(blue.parent / "away"))
        assert "is empty, and the target is not: nothing was deleted" in error
        assert (green / "log").read_text()
        (blue.parent / "away").rename(blue / "log")
    stand.require_nothing_lost("blue")


def test_a_stop_that_hangs_ends_at_its_limit(sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pod that does not end keeps green's from starting; blue is told to go on."""
    with data_stand(sandbox, tmp_path, monkeypatch, hangs=True, cutover={"stopTimeout": "3s"}) as stand:
        result = stand.sandbox.run("cutover", "--yes")
        assert result.code == 3
        assert "is not stopped on blue after 3 s" in one_line(result)
        assert stand.replicas() == (1, 0)
        assert stand.sandbox.events("data-switched") == []
