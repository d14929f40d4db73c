"""A person reads before anything happens what is handed over, why, and in which order."""

from __future__ import annotations

from dataclasses import replace

import pytest

from migrator.config.load import parse_migration
from migrator.errors import ConfigError
from migrator.migration.copy import CopyOptions
from migrator.migration.one_side.groups import groups_of
from migrator.migration.verbs.copy import run_copy
from migrator.migration.verbs.plan import run_plan
from tests.support.one_side import CONFIG, DNS, PARTS, Stand


def test_the_plan_tells_why_how_and_when(stand: Stand) -> None:
    """A person reads it before anything happens."""
    _, document = run_plan(stand.session)
    (group,) = document["oneSide"]
    assert (group["group"], group["objects"], group["held"]) == ("external-dns", [str(DNS)], ["spec.replicas: 0"])
    assert "DNS" in group["why"]
    assert group["cutover"].startswith("is stopped on blue")
    assert group["rollback"].startswith("is stopped on green")
    (item,) = [entry for entry in document["objects"] if entry["object"] == str(DNS)]
    assert item["transforms"] == ["hold"]
    assert item["notes"] == ["is held on green (spec.replicas: 0) and runs on blue until the cutover"]


def test_a_selector_that_matches_nothing_is_one_line_and_nothing_is_written(stand: Stand) -> None:
    """The plan is refused."""
    stand.session.config = parse_migration(CONFIG + "cutover: {oneSide: [{name: mail, target: {name: mail}}]}\n", "m.yaml")
    with pytest.raises(ConfigError, match=r"cutover\.oneSide mail: selects no object of blue that moves"):
        run_copy(stand.session, CopyOptions())
    assert not any(line.startswith("create") for line in stand.green.requests)


def test_what_could_start_others_comes_first() -> None:
    """Else Git's state would be applied to what is stopped."""
    parts = [replace(PARTS[0], row=row, first=first) for row, first in (("b", False), ("z", True), ("a", False), ("y", True))]
    assert [(group.row, group.first) for group in groups_of(parts)] == [("y", True), ("z", True), ("a", False), ("b", False)]
