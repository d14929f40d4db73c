"""Where a migration stands, from its journal; cut off at any record, it is known what comes next."""

from __future__ import annotations

from dataclasses import replace

import pytest

from migrator.journal.records.decisive import Retired
from migrator.journal.records.migration import (
    CopyEnded,
    CopyStarted,
    MigrationRecord,
    ObjectOutcome,
    VerdictGiven,
    WaveAnnounced,
)
from migrator.journal.records.traffic import (
    ClocksCompared,
    CutoverEnded,
    CutoverStarted,
    FenceAnnounced,
    Fenced,
    GateFailed,
    RollbackEnded,
    RollbackStarted,
    ShiftAnnounced,
    Shifted,
    UnfenceAnnounced,
    Unfenced,
)
from migrator.migration.ages import Moment
from migrator.migration.state import Attempt, MigrationFold, Stage, State, Written, fold
from migrator.model.outcome import Action
from migrator.model.ref import ObjectRef
from tests.support.journals import entries

A, B, C = (ObjectRef("", "ConfigMap", "n", name) for name in "abc")
COPIED = CopyEnded(
    counts={"created": 1, "unchanged": 2}, complete=True, kinds={}, skipped={}, blocked=(), kinds_skipped={}, data_left=()
)
UNCHANGED = replace(COPIED, counts={"unchanged": 3})


def outcome(ref: ObjectRef, action: Action, uid: str = "u", *, made: bool = True) -> ObjectOutcome:
    """Return the record of what came of an object."""
    return ObjectOutcome(ref=ref, action=action, uid=uid, green_token="g", blue_token="b", made=made)


def after(*records: MigrationRecord) -> State:
    """Return the state after these records, the first at second 1."""
    return fold(entries(*records, at=1.0))


def take(building: MigrationFold, *records: MigrationRecord) -> None:
    """Fold these records, too."""
    for entry in entries(*records):
        building.take(entry)


def test_objects_are_intended_then_written_then_gone() -> None:
    """What was announced and has no outcome may be on green; what was deleted is not."""
    lines: tuple[MigrationRecord, ...] = (WaveAnnounced(1, (A, B), ()), outcome(A, Action.CREATED))
    assert set(after(*lines).intended) == {B}
    assert after(*lines).written == {A: Written("u", "g", "b", made=True)}
    assert after(*lines, outcome(A, Action.DELETED)).written == {}


def test_what_was_made_stays_made_while_it_is_the_same_object() -> None:
    """A later change does not make it another's; another UID does."""
    made = outcome(A, Action.CREATED)
    assert after(made, outcome(A, Action.CHANGED, made=False)).written[A].made
    assert not after(made, outcome(A, Action.CHANGED, "other", made=False)).written[A].made
    assert not after(outcome(A, Action.CHANGED, made=False)).written[A].made


def test_an_outcome_without_an_object_leaves_what_was_known() -> None:
    """A refusal says nothing of what lies on green; it is no longer waited for."""
    refused = [outcome(ref, Action.FAILED, "", made=False) for ref in (A, B)]
    state = after(outcome(A, Action.CREATED), WaveAnnounced(1, (B,), (A,)), *refused)
    assert state.written[A].uid == "u"
    assert (state.intended, B in state.written) == ({}, False)


def test_an_intention_without_an_answer_stays() -> None:
    """Green may have created the object although its answer is lost: the next run takes it as its own."""
    state = after(WaveAnnounced(1, (B,), ()), outcome(B, Action.FAILED, ""))
    assert (set(state.intended), B in state.written) == ({B}, False)


def test_an_object_that_failed_after_its_create_is_ours() -> None:
    """A later request for it was refused; it may be finished, and deleted, by this migration."""
    state = after(WaveAnnounced(1, (B,), ()), outcome(B, Action.FAILED))
    assert (state.intended, state.written) == ({}, {B: Written("u", "g", "b", made=True, finished=False)})


def test_the_time_of_an_attempt_is_told_by_green_s_clock_and_ends_with_its_run() -> None:
    """From the announcement to the last that the run did; a later run has attempts of its own."""
    killed = (CopyStarted({}, 1, ahead=100.0), WaveAnnounced(1, (A, B), ()), outcome(A, Action.CREATED))
    assert after(*killed).intended == {B: Attempt(-98.0, -97.0)}
    again = (CopyStarted({}, 1, ahead=0.0), WaveAnnounced(1, (C,), ()), outcome(A, Action.CHANGED))
    assert after(*killed, *again).intended == {B: Attempt(-98.0, -97.0), C: Attempt(5.0, 6.0)}
    announced_again = (CopyStarted({}, 1), WaveAnnounced(1, (B,), ()))
    assert after(*killed, *announced_again).intended == {B: Attempt(5.0, 5.0)}


GOOD, BAD = (VerdictGiven(good=good, seconds=1.0, findings=()) for good in (True, False))
BACK = RollbackEnded(0.0, (), ())


@pytest.mark.parametrize(
    ("story", "stage"),
    [
        ((), Stage.NEW),
        ((COPIED,), Stage.COPIED),
        ((COPIED, BAD), Stage.COPIED),
        ((COPIED, GOOD), Stage.VALIDATED),
        ((COPIED, GOOD, COPIED), Stage.COPIED),
        ((COPIED, GOOD, UNCHANGED), Stage.VALIDATED),
        ((COPIED, UNCHANGED), Stage.COPIED),
        ((COPIED, GOOD, CutoverStarted()), Stage.CUTTING_OVER),
        ((COPIED, CutoverStarted(), COPIED, GOOD), Stage.CUTTING_OVER),
        ((CutoverStarted(), CutoverEnded(good=True)), Stage.ON_GREEN),
        ((CutoverEnded(good=True), COPIED, GOOD), Stage.ON_GREEN),
        ((CutoverStarted(), CutoverEnded(good=False)), Stage.ROLLED_BACK),
        ((CutoverEnded(good=True), BACK), Stage.ROLLED_BACK),
        ((CutoverEnded(good=True), BACK, COPIED), Stage.COPIED),
        ((CutoverEnded(good=True), BACK, GOOD), Stage.VALIDATED),
        ((CutoverEnded(good=True), Retired("a", 1)), Stage.RETIRED),
    ],
)
def test_each_verb_moves_the_stage_on(story: tuple[MigrationRecord, ...], stage: Stage) -> None:
    """The stage follows what ended last; a copy or a verdict does not take back a cutover."""
    assert after(*story).stage is stage


def test_a_verdict_is_good_until_something_is_written_or_taken_back() -> None:
    """A copy, a bad verdict and a rollback end it; it carries its time."""
    assert after(COPIED, GOOD).good_verdict == Moment(2.0)
    incomplete = replace(UNCHANGED, complete=False)
    assert [after(GOOD, later).good_verdict for later in (COPIED, incomplete, BAD, BACK)] == [None] * 4


def test_a_copy_that_changes_nothing_leaves_the_verdict() -> None:
    """A cutover copies first: one that was killed then goes on when it is run again."""
    assert after(COPIED, GOOD, UNCHANGED).good_verdict == Moment(2.0)


def test_times_are_those_of_the_records() -> None:
    """Since when all traffic is on green; when the last copy ended."""
    state = after(COPIED, CutoverEnded(good=True))
    assert (state.copied_at, state.on_green) == (1.0, Moment(2.0))
    assert [after(CutoverEnded(good=True), later).on_green for later in (BACK, CutoverEnded(good=False))] == [None] * 2


def test_moments_are_kept_by_both_clocks() -> None:
    """Green's clock is as far ahead as when they were compared last."""
    state = after(ClocksCompared(501.0), GOOD, ClocksCompared(603.0), CutoverEnded(good=True))
    assert (state.good_verdict, state.on_green) == (Moment(2.0, 502.0), Moment(4.0, 604.0))


def test_an_announced_shift_counts_and_cronjobs_are_handed_over_until_all_are_back() -> None:
    """A run that was killed in between may have done what it announced."""
    announced = after(Shifted(5.0, {}), ShiftAnnounced(25.0))
    assert (announced.green_percent, announced.announced_percent, announced.most_percent) == (5.0, 25.0, 25.0)
    back = after(Shifted(50.0, {}), ShiftAnnounced(0.0))
    assert back.most_percent == 50.0
    done = after(ShiftAnnounced(25.0), Shifted(24.9, {}))
    assert (done.most_percent, done.unknown) == (24.9, ())
    fenced = after(FenceAnnounced({A: A}), FenceAnnounced({B: A}), UnfenceAnnounced({A: A})).handed
    assert {ref: part.green for ref, part in fenced.items()} == {A: A, B: A}
    assert after(FenceAnnounced({A: A}), Unfenced()).handed == {}


def test_a_state_does_not_change_when_more_is_folded() -> None:
    """What a run began with stays what it was, however many objects are written meanwhile."""
    building = MigrationFold()
    begun = building.state
    take(building, WaveAnnounced(1, (A, B), ()), outcome(A, Action.CREATED))
    middle = building.state
    take(building, outcome(A, Action.DELETED), outcome(B, Action.CREATED), ShiftAnnounced(5.0))
    assert begun == State()
    assert (list(middle.written), list(middle.intended), middle.green_percent) == ([A], [B], 0.0)
    assert (list(building.state.written), building.state.intended, building.state.most_percent) == ([B], {}, 5.0)


FENCE = FenceAnnounced({A: A})


@pytest.mark.parametrize(
    ("records", "words", "command"),
    [
        ((), (), ""),
        ((WaveAnnounced(1, (A,), ()),), ("1 objects were announced",), "migrator copy"),
        ((CutoverStarted(),), (), "migrator cutover"),
        ((CutoverStarted(), FENCE), ("1 objects were announced to change sides",), "migrator cutover"),
        ((CutoverStarted(), FENCE, Fenced((A,))), (), "migrator cutover"),
        ((CutoverStarted(), FENCE, ShiftAnnounced(5)), ("5 % of the traffic",), "migrator cutover"),
        ((CutoverStarted(), FENCE, ShiftAnnounced(5), Shifted(5, {})), (), "migrator cutover"),
        ((CutoverStarted(), GateFailed("x", 5)), ("going back has begun",), "migrator rollback"),
        ((CutoverStarted(), GateFailed("x", 5), CutoverEnded(good=False)), (), ""),
        (
            (CutoverStarted(), FENCE, GateFailed("x", 5), UnfenceAnnounced({A: A})),
            ("1 objects", "going back"),
            "migrator rollback",
        ),
        ((CutoverStarted(), FENCE, GateFailed("x", 5), CutoverEnded(good=False, undone=("a",))), (), "migrator rollback"),
        ((CutoverStarted(), FENCE, Fenced((A,)), CutoverEnded(good=True)), (), ""),
        ((CutoverEnded(good=True), RollbackStarted()), ("going back",), "migrator rollback"),
        ((CutoverEnded(good=True), RollbackStarted(), BACK), (), ""),
        ((CutoverStarted(), FENCE, Retired("archive", 1)), ("1 objects",), ""),
    ],
)
def test_after_an_interruption_one_command_goes_on(
    records: tuple[MigrationRecord, ...], words: tuple[str, ...], command: str
) -> None:
    """What was announced and has no outcome is not known; an end that was written says itself what it left."""
    state = after(*records)
    assert state.next_command == command
    assert [text for text, word in zip(state.unknown, words, strict=True) if not text.startswith(word)] == []
