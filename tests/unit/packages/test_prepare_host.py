"""What a record says is undone only if a build could have written it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from migrator.errors import BlockedError
from migrator.packages.prepare_host import undo_leftovers


@pytest.mark.parametrize(
    ("kind", "target"),
    [("swap-file", "/etc/passwd"), ("swap-file", "swap"), ("cpu", "../../x"), ("zram", "0/../1"), ("zram", ""), ("what", "1")],
)
def test_a_step_that_no_build_makes_is_refused(tmp_path: Path, kind: str, target: str) -> None:
    """A file that a record named was deleted as root."""
    record = tmp_path / "preparation.json"
    record.write_text(json.dumps({"pid": 4194999, "steps": [{"kind": kind, "target": target}]}))
    with pytest.raises(BlockedError, match="has a step that no build makes"):
        undo_leftovers(tmp_path, root=tmp_path)
    assert record.exists()
