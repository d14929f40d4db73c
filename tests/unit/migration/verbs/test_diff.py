"""What a copy would change is asked of green by dry runs."""

from __future__ import annotations

from migrator.migration.copy import CopyOptions
from migrator.migration.verbs.copy import run_copy
from migrator.migration.verbs.diff import run_diff
from migrator.model.kinds import CONFIG_MAPS
from tests.support.objects import config_map
from tests.support.verb_stand import Stand


def test_what_is_new_and_what_has_changed_is_told(stand: Stand) -> None:
    """And nothing is written: the copy after it still does the same."""
    run_copy(stand.session, CopyOptions())
    stand.blue.hold(config_map("more", namespace="shop"))
    stand.blue.patch(CONFIG_MAPS, "shop", "settings", {"data": {"key": "other"}}, manager="kubectl")
    before = list(stand.journal.records)
    found = {entry.ref.name: entry.action for entry in run_diff(stand.session) if entry.action != "unchanged"}
    assert found == {"more": "create", "settings": "change"}
    assert list(stand.journal.records) == before
