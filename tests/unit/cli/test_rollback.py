"""`rollback` imports little before the traffic has moved, and says what it could not take back."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from migrator.journal.file import FileJournal
from migrator.journal.records.migration import MIGRATION
from tests.support.clock import FakeClock
from tests.support.command_line import run


def test_it_begins_with_what_the_traffic_needs() -> None:
    """Neither clusters, nor the whole schema, nor the phases are imported with the verb."""
    program = "import sys, migrator.cli.rollback\nprint(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()
    late = ("pydantic", "yaml", "rich", "kubernetes", "migrator.kube", "migrator.migration", "migrator.wiring.migration")
    assert [name for name in loaded if name.startswith(late)] == []


def test_a_duration_that_is_none_is_refused_before_anything_is_moved() -> None:
    """No file is read yet."""
    code, _, err = run("rollback", "--graceful", "soon", "-c", "no-such.yaml")
    assert code == 2
    assert err.startswith("migrator: --graceful: ")


@pytest.mark.parametrize(("names", "code"), [("", 0), ("hooks: much\n", 2)])
def test_a_migration_without_traffic_has_nothing_to_move(tmp_path: Path, names: str, code: int) -> None:
    """A mistake in its file is an error then, since nothing was done."""
    (tmp_path / "migration.yaml").write_text(f"name: shop\nblue: {{kubeconfig: none}}\ngreen: {{kubeconfig: none}}\n{names}")
    with FileJournal(tmp_path / "journal.jsonl", MIGRATION, tool="0.2.0", migration="shop", clock=FakeClock()):
        pass
    found, out, err = run("rollback", "-c", str(tmp_path / "migration.yaml"), "--state-dir", str(tmp_path))
    assert (found, "blue is as it was" in out, "hooks" in err) == (code, code == 0, code == 2)
