"""The result of a rollback: what is on blue again, and what another run has to finish."""

from __future__ import annotations

import json

import pytest

from migrator.cli.view import rollback as view
from migrator.migration.rollback import RollbackResult


def test_what_could_not_be_taken_back_is_said_last(capsys: pytest.CaptureFixture[str]) -> None:
    """With what finishes it."""
    view.show(RollbackResult(0.25, ("CronJob.batch/shop/nightly",), ("green is away",)), "text", traffic=True)
    assert capsys.readouterr().out.splitlines() == [
        "all traffic is on blue, after 250 ms",
        "handed back to blue: CronJob.batch/shop/nightly",
        "warning green is away",
        "run `migrator rollback` again when that is fixed: it finishes what is left",
    ]


def test_nothing_to_take_back_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    """Without traffic, and without anything on one side only."""
    view.show(RollbackResult(0.0, (), ()), "text", traffic=False)
    assert capsys.readouterr().out == "nothing of this migration was on green only: blue is as it was\n"


def test_the_document_has_what_was_ended_and_what_is_open(capsys: pytest.CaptureFixture[str]) -> None:
    """Its keys are read by programs."""
    view.show(RollbackResult(0.25, (), (), {"g1": 2}, {"g1": 1}), "json", traffic=True)
    found = json.loads(capsys.readouterr().out)
    assert found == {
        "trafficSeconds": 0.25,
        "handedBack": [],
        "connectionsEnded": {"g1": 2},
        "connectionsLeft": {"g1": 1},
        "undone": [],
    }
