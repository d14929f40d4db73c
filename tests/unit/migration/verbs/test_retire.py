"""Blue is retired after its time, with an archive."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from migrator.errors import BlockedError
from migrator.journal.records.decisive import Retired
from migrator.migration.copy import CopyOptions
from migrator.migration.state import Stage
from migrator.migration.verbs.cutover import run_cutover
from migrator.migration.verbs.retire import run_retire
from tests.support.verb_stand import Stand


def test_blue_is_retired_after_its_time_with_an_archive(stand: Stand, tmp_path: Path) -> None:
    """And not before; what was archived is counted in the journal."""
    stand.ready()
    run_cutover(stand.session, CopyOptions())
    path = tmp_path / "archive.gz"
    with pytest.raises(BlockedError, match=r"retire\.soak"):
        run_retire(stand.session, path)
    assert not path.exists()
    stand.clock.pass_time(60)
    done = run_retire(stand.session, path)
    assert done.archived.objects == len(gzip.decompress(path.read_bytes()).splitlines())
    assert stand.journal.records[-1] == Retired(str(path), done.archived.objects, done.archived.sha256)
    assert "Event" in done.left_out
    assert stand.state is Stage.RETIRED


def test_blue_is_not_retired_beside_another_run(stand: Stand, tmp_path: Path) -> None:
    """Somebody else's cutover or rollback may be moving traffic to blue."""
    stand.ready()
    run_cutover(stand.session, CopyOptions())
    stand.clock.pass_time(60)
    with (
        stand.green.lock("anna@a/1", stand.session.run.reporter),
        pytest.raises(BlockedError, match="green is locked by anna@a/1"),
    ):
        run_retire(stand.session, tmp_path / "archive.gz")
    assert stand.state is Stage.ON_GREEN
    assert list(tmp_path.glob("archive*")) == []
