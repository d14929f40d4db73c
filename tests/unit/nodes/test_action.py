"""Actions are run in order, only where they are not done, and seen to be done after."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest

from migrator.errors import MigratorError
from migrator.nodes.action import await_done, converge, first_undone
from migrator.ports import Host
from tests.support.hosts import FakeHost


@dataclass
class Step:
    """An action that counts how often it ran."""

    name: str
    is_done: bool = False
    works: bool = True
    runs: int = 0

    def done(self, host: Host) -> bool:
        """Return what was set, or what `run` has left."""
        del host
        return self.is_done

    def run(self, host: Host) -> None:
        """Get done, unless it does not work."""
        del host
        self.runs += 1
        self.is_done = self.works


def test_only_what_is_not_done_runs_in_order_and_is_told() -> None:
    """A second time nothing runs."""
    steps, said = [Step("a"), Step("b", is_done=True), Step("c")], list[str]()
    assert converge(FakeHost("h"), steps, said.append) == ["a", "c"]
    assert said == ["h: a (1 of 3)", "h: c (3 of 3)"]
    assert converge(FakeHost("h"), steps, said.append) == []
    assert [step.runs for step in steps] == [1, 0, 1]


def test_an_action_that_ran_and_is_not_done_stops_those_behind_it() -> None:
    """An exit code of 0 is not believed."""
    steps = [Step("a", works=False), Step("b")]
    with pytest.raises(MigratorError, match="h: a: ran without an error, but is not done"):
        converge(FakeHost("h"), steps, lambda _: None)
    assert steps[1].runs == 0


def test_what_is_put_around_an_action_sees_its_failure() -> None:
    """So an outcome is recorded after it is seen to be done, never before."""
    events: list[str] = []

    @contextmanager
    def around(host: Host, step: Step) -> Iterator[None]:
        events.append(f"{host.name} {step.name} begins")
        yield
        events.append(f"{host.name} {step.name} ended")

    with pytest.raises(MigratorError):
        converge(FakeHost("h"), [Step("a"), Step("b", works=False)], lambda _: None, around)
    assert events == ["h a begins", "h a ended", "h b begins"]


def test_the_first_that_is_not_done_is_named() -> None:
    """Empty when all are."""
    assert first_undone(FakeHost(), [Step("a", is_done=True), Step("b"), Step("c")]) == "b"
    assert first_undone(FakeHost(), [Step("a", is_done=True)]) == ""


def test_an_action_is_waited_for_until_it_is_done_or_hopeless_or_late() -> None:
    """Time is that of the host; what is hopeless is not waited for."""
    host, step = FakeHost(), Step("a")
    host.clock.after(10, lambda: step.run(host))
    await_done(step, host, 60, lambda: MigratorError("late"))
    assert host.clock.monotonic() == 10
    with pytest.raises(MigratorError, match="late"):
        await_done(Step("b"), host, 60, lambda: MigratorError("late"))
    assert 70 <= host.clock.monotonic() < 72
    before = host.clock.monotonic()
    with pytest.raises(MigratorError, match="late"):
        await_done(Step("c"), host, 60, lambda: MigratorError("late"), hopeless=lambda: True)
    assert host.clock.monotonic() == before
