"""The program for the hosts is one file."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from migrator.volumes import bundle


def test_it_runs_with_nothing_but_python(tmp_path: Path) -> None:
    """In isolated mode, without the packages of this project."""
    (tmp_path / "agent.pyz").write_bytes(bundle.bundle())
    (tmp_path / "volume").mkdir()
    command = [sys.executable, "-I", "-S", str(tmp_path / "agent.pyz"), "survey", str(tmp_path / "volume")]
    done = subprocess.run(command, capture_output=True, check=True, cwd="/")
    assert json.loads(done.stdout)["entries"] == 1


def test_the_same_code_has_the_same_name() -> None:
    """The name is of the content, so that a unit that runs keeps the code it began with."""
    bundle.bundle.cache_clear()
    first = bundle.bundle_name()
    bundle.bundle.cache_clear()
    assert bundle.bundle_name() == first
    assert first.startswith("agent-")
