"""The page of an upgrade: every step is there, and what was cut off shows."""

from __future__ import annotations

import orjson

from migrator.journal.file import iter_entries
from migrator.journal.records.base import Bound
from migrator.journal.records.upgrade import (
    UPGRADE,
    AcceptedFinding,
    HopEnded,
    RecordedHop,
    StepEnded,
    StepStarted,
    UpgradeEnded,
    UpgradeRecord,
    UpgradeStarted,
)
from migrator.model.upgrade import Workers
from migrator.model.version import Version
from migrator.report.upgrade import Bar, UpgradeSummary, document, gantt, summarize_upgrades, upgrade_page
from tests.support.facts import hop
from tests.support.journals import JOURNALS_0_1_0, REPORTS_0_1_0, entries

STEP = StepStarted(hop="h", node="cp", role="control-plane", action="etcd snapshot")
RECORDS: tuple[UpgradeRecord, ...] = (
    Bound({}),
    UpgradeStarted(
        target=Version(1, 37, 2),
        workers=Workers.EACH_HOP,
        hops=(RecordedHop.of(hop()),),
        findings=(AcceptedFinding("runtime", "hop", "<old>"),),
    ),
    STEP,
    STEP,
    StepEnded(hop="h", node="cp", role="control-plane", action="etcd snapshot", seconds=4.0),
    HopEnded("h", ("w1: kubelet.maxPods: 40 → 110",)),
    UpgradeEnded(),
)


def summaries() -> tuple[UpgradeSummary, ...]:
    """Return what the report of these records shows."""
    return summarize_upgrades(entries(*RECORDS, at=1.0))


def test_a_step_that_was_cut_off_stays_beside_the_one_that_ended() -> None:
    """Killed at the first try, done at the second."""
    (upgrade,) = summaries()
    assert [(step.begun, step.seconds, step.cut_off) for step in upgrade.steps] == [(3.0, 0.0, True), (4.0, 4.0, False)]
    assert upgrade.ended == "upgrade done"


def test_the_page_shows_what_a_person_looks_for_and_escapes_it() -> None:
    """Versions, findings, differences; nothing of them is taken for HTML."""
    page = upgrade_page("blue", summaries())
    for words in ("1.36.3 → 1.37.2", "&lt;old&gt;", "kubelet.maxPods: 40 → 110", "2 steps", "cut off"):
        assert words in page
    assert "<old>" not in page


def test_the_json_of_a_journal_of_0_1_0_is_what_0_1_0_made_of_it() -> None:
    """Key by key, value by value: programs read it."""
    expected = orjson.loads((REPORTS_0_1_0 / "upgrade-0.1.0.json").read_bytes())
    found = document(summarize_upgrades(iter_entries(JOURNALS_0_1_0 / "upgrade-0.1.0.jsonl", UPGRADE)))
    assert orjson.loads(orjson.dumps(found)) == expected


def test_each_node_has_a_row_and_bars_lie_in_time() -> None:
    """The second bar begins where it should: half way."""
    drawn = gantt([Bar("a", "x", 0.0, 50.0, cut_off=False), Bar("b", "y", 50.0, 50.0, cut_off=False)])
    assert drawn.count("<rect") == 2
    assert 'x="120.0"' in drawn
    assert 'x="435.0"' in drawn
    assert gantt([]) == ""
