"""The command line on the hosts."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from migrator.volumes.agent.main import main


def test_a_survey_is_one_line_of_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Counts and the file system."""
    (tmp_path / "a").write_bytes(b"1234")
    assert main(["survey", str(tmp_path)]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["entries"], found["bytes"]) == (2, 4)


def test_what_cannot_be_done_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A pass ends with a line for the machine that waits; all else with words on stderr."""
    assert main(["survey", str(tmp_path / "no")]) == 1
    assert "No such file" in capsys.readouterr().err
    assert main(["pull", str(tmp_path / "none")]) == 1
    line = capsys.readouterr().out.splitlines()[-1]
    assert json.loads(line.removeprefix("RESULT "))["good"] is False
    assert main(["rm", "-rf"]) == 2
