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
