"""A retirement tells where the archive is, and what is left to do by hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from migrator.cli.view import retirement as view
from migrator.migration.archive import Archived
from migrator.migration.verbs.retire import Retirement

DONE = Retirement(Path("blue.gz"), Archived(7, "abc"), {"Event": "it is written anew"})


def test_the_lines_and_the_document_name_the_same_steps(capsys: pytest.CaptureFixture[str]) -> None:
    """The document's keys are read by programs."""
    view.show(DONE)
    lines = capsys.readouterr().out.splitlines()
    assert lines[:2] == ["7 objects of blue archived in blue.gz", "sha256: abc"]
    assert "delete no object or namespace of blue" in lines[4]
    document = view.as_document(DONE, encrypted=True)
    assert lines[4:] == [f"  - {step}" for step in document.pop("next")]
    left_out = {"Event": "it is written anew"}
    assert document == {"archive": "blue.gz", "objects": 7, "sha256": "abc", "encrypted": True, "leftOut": left_out}
