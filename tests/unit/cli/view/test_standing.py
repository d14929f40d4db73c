"""The state of a migration is shown with what somebody else has done to it meanwhile."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from migrator.cli.view import standing as view
from migrator.migration.data.loss import Loss, Losses
from migrator.migration.one_side.now import Now
from migrator.migration.one_side.sides import Sides
from migrator.migration.standing import Standing
from migrator.migration.state import Stage, State
from migrator.model.one_side import Where
from tests.support.one_side import NIGHTLY, PARTS

LOST = Losses("shop/db", "nothing", "what green wrote", 40.0, "it is brought back")
STATE = State(Stage.ON_GREEN, green_percent=100.0, sides=Sides(handed={NIGHTLY: PARTS[0]}))


def standing(*running: Where, silent: tuple[str, ...] = ()) -> Standing:
    """Return where a migration stands whose nightly CronJob was handed over, and runs there now."""
    now = Now({NIGHTLY: running}, {NIGHTLY: {"blue": "kubectl at noon"}}, silent)
    return Standing(100.0, STATE, 50.0, 100.0, "", {NIGHTLY: PARTS[0]}, now, (LOST,))


def lines(found: Standing, capsys: pytest.CaptureFixture[str]) -> list[str]:
    """Return what is shown."""
    view.show(found, view.as_document(found, "shop", Path("j")))
    return capsys.readouterr().out.splitlines()


def test_what_somebody_has_started_is_told_with_who(capsys: pytest.CaptureFixture[str]) -> None:
    """It runs on a side that the journal does not say."""
    shown = lines(standing("blue", "green"), capsys)
    warning = f"warning {NIGHTLY} runs now on blue and green: somebody has started or stopped it (last written on blue by kubectl at noon)"
    assert warning in shown
    assert "the load balancer has 100 % of traffic on green" in shown
    assert lines(standing(), capsys).count(warning.replace("blue and green", "neither side")) == 1
    assert not [line for line in lines(standing("green"), capsys) if line.startswith("warning")]


def test_a_silent_side_makes_no_statement_of_who_runs(capsys: pytest.CaptureFixture[str]) -> None:
    """It is named instead."""
    found = standing("green", silent=("what runs on blue: it is away",))
    (side,) = view.as_document(found, "shop", Path("j"))["oneSide"]
    assert side["runsOnNow"] is None
    assert "unknown what runs on blue: it is away" in lines(found, capsys)


def test_a_loss_counts_from_when_green_wrote_alone(capsys: pytest.CaptureFixture[str]) -> None:
    """In the text and in the document."""
    found = standing("green")
    assert view.as_document(found, "shop", Path("j"))["rollbackLoses"][0]["seconds"] == 60.0
    assert "    without green: what green wrote since 1970-01-01T00:00:40+00:00 (60 s)" in lines(found, capsys)
    assert view.as_document(replace(found, losses=()), "shop", Path("j"))["rollbackLoses"] == []


def test_where_a_migration_stands_is_told_with_what_nobody_knows(capsys: pytest.CaptureFixture[str]) -> None:
    """A load balancer that does not answer, what an interrupted run has left, and what continues it."""
    state = replace(STATE, announced_percent=50.0, going_back=True)
    found = replace(standing("green"), state=state, percent_now=None, silence="haproxy: s: nobody listens")
    shown = lines(found, capsys)
    assert "unknown what the load balancer does: haproxy: s: nobody listens" in shown
    assert "unknown 50 % of the traffic on green was announced and not confirmed" in shown
    assert "run `migrator rollback` to continue" in shown
    assert not [line for line in shown if line.startswith("the load balancer has")]


def test_what_guards_hold_is_told_by_side(capsys: pytest.CaptureFixture[str]) -> None:
    """With the rows that nobody else may start."""
    found = standing("green")
    document = {**view.as_document(found, "shop", Path("j")), "guards": {"green": ["database", "jobs"]}}
    view.show(found, document)
    assert "guard on green: nobody else may start database, jobs there" in capsys.readouterr().out.splitlines()


@pytest.mark.parametrize(("since", "without", "told"), [(None, "unknown", 0), (40.0, "nothing", 0), (40.0, "unknown", 1)])
def test_without_a_time_or_a_loss_there_is_no_second_line(
    capsys: pytest.CaptureFixture[str], since: float | None, without: Loss, told: int
) -> None:
    """A clock that runs behind makes no negative age."""
    found = replace(standing("green"), losses=(replace(LOST, since=since, without_green=without),))
    assert sum(line.startswith("    without green: ") for line in lines(found, capsys)) == told
    early = replace(found, at=10.0)
    assert view.as_document(early, "shop", Path("j"))["rollbackLoses"][0]["seconds"] == (None if since is None else 0.0)


def test_names_of_a_cluster_reach_no_terminal_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    """Whoever has written an object chooses what its writer is called."""
    found = standing("blue", "green")
    assert found.now is not None
    found = replace(found, now=replace(found.now, writers={NIGHTLY: {"blue": "x\x1b[2J"}}))
    assert "\x1b" not in "\n".join(lines(found, capsys))
