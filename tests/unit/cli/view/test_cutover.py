"""The result of a cutover: what moved, how long it stood still, and what is still open on blue."""

from __future__ import annotations

from dataclasses import replace

import pytest

from migrator.cli.view import cutover as view
from migrator.journal.records.one_side import Paused
from migrator.migration.copy import CopyResult
from migrator.migration.verbs.cutover import CutoverResult

RESULT = CutoverResult(
    CopyResult.nothing(),
    ("CronJob.batch/shop/nightly",),
    {"b1": 3},
    {"b2": 1},
    (Paused("database", 90, 20, 30, 40),),
    ("dns shop",),
)


def test_the_lines_of_a_cutover(capsys: pytest.CaptureFixture[str]) -> None:
    """What a person does next is among them."""
    view.show(RESULT)
    assert capsys.readouterr().out.splitlines() == [
        "last copy: nothing",
        "handed over to green: CronJob.batch/shop/nightly",
        "database: downtime 90 ms",
        "all traffic is on green; `migrator rollback` moves it back at once",
        "1 connections on blue were ended",
        "3 open connections (b1 3) on blue; `migrator retire` needs them to have ended",
        "dns shop: nobody counts what is still open on blue",
    ]


def test_what_nobody_counts_is_null_and_not_zero() -> None:
    """Its keys are read by programs."""
    found = view.as_document(RESULT)
    assert (found["openOnBlue"], found["openOnBlueByServer"], found["pauseMs"]) == (3, {"b1": 3}, {"database": 90})
    unknown = view.as_document(replace(RESULT, open_on_blue=None))
    assert (unknown["openOnBlue"], unknown["openOnBlueByServer"]) == (None, None)


def test_what_did_not_happen_is_not_told(capsys: pytest.CaptureFixture[str]) -> None:
    """No connection was ended, none is open, all are counted, nothing was handed over."""
    view.show(CutoverResult(CopyResult.nothing(), (), {}, {}, (), ()))
    assert capsys.readouterr().out.splitlines() == [
        "last copy: nothing",
        "handed over to green: nothing",
        "all traffic is on green; `migrator rollback` moves it back at once",
    ]
