"""A pass that is prepared waits, connected, until it is let begin."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from migrator.volumes.agent.begin import await_begin
from migrator.volumes.agent.channel import SourceError
from migrator.volumes.agent.guards import PassError
from migrator.volumes.agent.settings import Settings


class Greeted:
    """A channel that counts its greetings; it may be away."""

    def __init__(self, *, away: bool = False) -> None:
        self.greetings = 0
        self.away = away

    def greet(self) -> None:
        """Count it."""
        self.greetings += 1
        if self.away:
            raise SourceError("away", lost=True)


def waited(channel: Greeted, wait_while: str, seconds: float = 60.0) -> list[str]:
    """Wait, and return what was said."""
    said: list[str] = []
    await_begin(Settings("/r", "/m", wait_while=wait_while, wait_seconds=seconds), channel, said.append)  # type: ignore[arg-type]
    return said


def test_a_pass_that_nobody_has_prepared_begins_at_once() -> None:
    """Without a greeting, which would only take time."""
    channel = Greeted()
    assert (waited(channel, ""), channel.greetings) == ([], 0)


@pytest.mark.parametrize("away", [False, True])
def test_a_prepared_pass_goes_on_when_its_file_is_gone(tmp_path: Path, *, away: bool) -> None:
    """Also where the other host is away: the pass itself says why, with what to do."""
    channel = Greeted(away=away)
    assert waited(channel, f"{tmp_path}/gone") == ["ready to begin"]
    assert channel.greetings == 1


def test_a_prepared_pass_looks_again_until_its_file_is_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It begins no earlier."""
    wait = tmp_path / "wait"
    wait.touch()
    looks: list[float] = []

    def sleep(seconds: float) -> None:
        looks.append(seconds)
        if len(looks) == 3:
            wait.unlink()

    monkeypatch.setattr(time, "sleep", sleep)
    assert (waited(Greeted(), str(wait)), len(looks)) == (["ready to begin"], 3)


def test_a_prepared_pass_that_nobody_lets_begin_ends(tmp_path: Path) -> None:
    """Its server on the other host is not kept for ever, and the file is not its own to remove."""
    (tmp_path / "wait").touch()
    with pytest.raises(PassError, match="was prepared and never begun") as caught:
        waited(Greeted(), f"{tmp_path}/wait", -1.0)
    assert caught.value.hint == "run this again"
    assert (tmp_path / "wait").exists()
