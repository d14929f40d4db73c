"""The report of a migration: what happened, in the keys that 0.1.0 gave it."""

from __future__ import annotations

import orjson

from migrator.journal.file import iter_entries
from migrator.journal.records.migration import MIGRATION, CopyStarted, ObjectOutcome, VerdictGiven
from migrator.journal.records.traffic import CutoverEnded, RollbackEnded
from migrator.model.outcome import Action
from migrator.model.ref import ObjectRef
from migrator.report.html import page
from migrator.report.summary import Milestone, document, summarize
from tests.support.journals import JOURNALS_0_1_0, REPORTS_0_1_0, entries

JOURNAL = JOURNALS_0_1_0 / "migration-0.1.0.jsonl"


def outcome(name: str, action: Action, message: str = "") -> ObjectOutcome:
    """Return the record of what came of a ConfigMap."""
    ref = ObjectRef("", "ConfigMap", "n", name)
    return ObjectOutcome(ref=ref, action=action, uid="", green_token="", blue_token="", made=False, message=message)


def test_the_json_of_a_journal_of_0_1_0_is_what_0_1_0_made_of_it() -> None:
    """Key by key, value by value: programs read it."""
    expected = orjson.loads((REPORTS_0_1_0 / "migration-0.1.0.json").read_bytes())
    found = document(summarize("shop", iter_entries(JOURNAL, MIGRATION)))
    assert orjson.loads(orjson.dumps(found)) == expected


def test_a_journal_that_is_cut_off_anywhere_has_a_page() -> None:
    """`report` is asked for when something went wrong, too."""
    known = list(iter_entries(JOURNAL, MIGRATION))
    first = [entry.record.WORD for entry in known].index("shifted")
    for count in range(len(known) + 1):
        text = page(summarize("shop", known[:count]))
        assert text.endswith("</html>\n")
        assert ("<h2>Traffic</h2>" in text) is (count > first)


def test_the_page_shows_what_a_person_looks_for() -> None:
    """The verdict, the share of green, each problem with its reason, what stays and why."""
    known = list(iter_entries(JOURNAL, MIGRATION))
    words = [entry.record.WORD for entry in known]
    first = page(summarize("shop", known[: words.index("verdict") + 1]))
    for text in (
        "9 objects move",
        '<b class="bad">bad</b>',
        "exceeded quota",
        "move it to networking.k8s.io/v1",
        "history of blue",
    ):
        assert text in first
    last = page(summarize("shop", known))
    for text in ("6 objects move", '<b class="good">good</b>', "<b>100 %</b>", "<code>ConfigMap/shop/kube-root-ca.crt</code>"):
        assert text in last


def test_problems_are_those_of_the_last_copy() -> None:
    """What an earlier copy could not do and this one could is not a problem any more."""
    refused = outcome("a", Action.FAILED, "refused")
    again = (refused, CopyStarted({}, 1), outcome("b", Action.CONFLICT, "theirs"), outcome("c", Action.CREATED))
    assert [item.ref.name for item in summarize("m", entries(refused)).problems] == ["a"]
    assert [(item.ref.name, item.message) for item in summarize("m", entries(*again)).problems] == [("b", "theirs")]


def test_milestones_say_how_it_went() -> None:
    """Good and bad, done and undone, in words; what is not a milestone is left out."""
    found = summarize(
        "m",
        entries(
            VerdictGiven(good=True, seconds=1.0, findings=()),
            outcome("a", Action.CREATED),
            CutoverEnded(good=False, reason="too slow"),
            RollbackEnded(0.25, (), ("this still runs", "and that")),
        ),
    ).milestones
    assert found == (
        Milestone(0.0, "validated", "good"),
        Milestone(2.0, "cutover ended", "undone: too slow"),
        Milestone(3.0, "rollback ended", "traffic on blue after 250 ms; this still runs; and that"),
    )
