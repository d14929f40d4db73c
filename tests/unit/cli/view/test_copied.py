"""The result of a copy is shown with all that a person must do."""

from __future__ import annotations

from collections import Counter

import pytest

from migrator.cli.view import copied as view
from migrator.migration.copy import CopyResult
from migrator.model.difference import FieldDifference
from migrator.model.outcome import Action, Outcome
from migrator.model.plan import Decision, PlanItem
from migrator.model.ref import ObjectRef

REF = ObjectRef("", "ConfigMap", "shop", "settings")
RESULT = CopyResult(
    Counter(created=3, conflict=1),
    [Outcome(REF, Action.CONFLICT, "somebody has changed it", (FieldDifference("data.key", "theirs", "ours"),))],
    [PlanItem(REF, REF, Decision.BLOCKED, "it cannot be", "change it")],
    [REF],
    ["shop/db"],
    ["Secret: forbidden"],
)


def test_each_problem_is_shown_and_then_the_counts(capsys: pytest.CaptureFixture[str]) -> None:
    """A conflict with the fields that differ."""
    view.show(RESULT)
    lines = capsys.readouterr().out.splitlines()
    assert lines[:2] == ["conflict ConfigMap/shop/settings: somebody has changed it", "    data.key: theirs → ours"]
    assert lines[2:5] == ["blocked ConfigMap/shop/settings: it cannot be", "    hint: change it", "blocked Secret: forbidden"]
    assert lines[5].startswith("warning claim shop/db: its data is not copied yet")
    assert lines[6] == "3 created, 1 conflict"


def test_the_document_has_the_same() -> None:
    """Its keys are read by programs."""
    assert view.as_document(RESULT) == {
        "complete": False,
        "counts": {"created": 3, "conflict": 1},
        "problems": [
            {
                "object": "ConfigMap/shop/settings",
                "action": "conflict",
                "message": "somebody has changed it",
                "fields": [{"path": "data.key", "green": "theirs", "wanted": "ours"}],
            }
        ],
        "blocked": [{"object": "ConfigMap/shop/settings", "reason": "it cannot be", "cure": "change it"}],
        "goneFromBlue": ["ConfigMap/shop/settings"],
        "dataLeft": ["shop/db"],
        "unreadable": ["Secret: forbidden"],
    }
