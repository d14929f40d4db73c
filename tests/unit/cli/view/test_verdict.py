"""A verdict is shown with its findings, the worst first."""

from __future__ import annotations

import pytest

from migrator.cli.view import verdict as view
from migrator.model.verdict import Finding, Severity, Verdict


def test_the_worst_comes_first_with_what_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    """What a person's own program said is shown, too."""
    good = Finding("probe", "front", Severity.OK)
    bad = Finding("probe", "back", Severity.FAILURE, "it is down", "start it", "connection refused")
    view.show(Verdict((good, bad), 1.25))
    assert capsys.readouterr().out.splitlines() == [
        "failure probe back: it is down",
        "    it said: connection refused",
        "    hint: start it",
        "ok probe front",
        "verdict: bad, after 1.2 s",
    ]


def test_what_to_do_is_told_once_for_findings_that_share_it(capsys: pytest.CaptureFixture[str]) -> None:
    """Before the first copy, each object lacks the same."""
    absent = [Finding("parity", name, Severity.FAILURE, "is not on green", "copy") for name in ("a", "b")]
    other = Finding("parity", "c", Severity.FAILURE, "differs", "look")
    view.show(Verdict((*absent, other), 1.0))
    assert capsys.readouterr().out.splitlines() == [
        "failure parity a: is not on green",
        "failure parity b: is not on green",
        "    hint for these 2: copy",
        "failure parity c: differs",
        "    hint: look",
        "verdict: bad, after 1.0 s",
    ]
