"""A database moves with its data at a cutover, and comes back at a rollback: real control planes, real sshd and rsync."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.data_stand import DataStand, data_stand
from tests.support.sandbox import Sandbox, freeze_when


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
        assert "stood still for" in cut.out
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
    ("event", "more"), [("hand-over-step", 1), ("hand-over-step", 2), ("data-pass", 2), ("data-switched", 1), ("hand-over-step", 3)]
)
def test_a_cutover_that_is_killed_goes_on(stand: DataStand, event: str, more: int) -> None:
    """Whatever it was doing: stopping, waiting, in the last pass, about to start green, starting it."""
    before = len(stand.sandbox.events(event))
    killed_at(stand, ["cutover", "--yes"], event, before + more)
    stand.ok("cutover", "--yes")
    assert stand.replicas() == (0, 1)
    stand.require_nothing_lost("green")


@pytest.mark.parametrize(("event", "more"), [("rollback", 1), ("data-pass", 1), ("data-proven", 1), ("data-switched", 1)])
def test_a_rollback_that_is_killed_goes_on(stand: DataStand, event: str, more: int) -> None:
    """Blue starts only when all that green has written is there."""
    stand.ok("cutover", "--yes")
    stand.require_nothing_lost("green")
    before = len(stand.sandbox.events(event))
    killed_at(stand, ["rollback"], event, before + more)
    stand.ok("rollback")
    assert stand.replicas() == (1, 0)
    stand.require_nothing_lost("blue")
