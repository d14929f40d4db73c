"""Where a migration stands, from its journal; cut off at any record, it is known what comes next."""

from __future__ import annotations

from migrator.journal.records.migration import (
    CopyEnded,
    CutoverEnded,
    CutoverStarted,
    MigrationRecord,
    ObjectOutcome,
    RollbackEnded,
    VerdictGiven,
    WaveAnnounced,
)
from migrator.migration.state import Stage, fold
from migrator.model.outcome import Action
from migrator.model.ref import ObjectRef
from tests.support.journals import entries

A, B = ObjectRef("", "ConfigMap", "n", "a"), ObjectRef("", "ConfigMap", "n", "b")
COPIED = CopyEnded(counts={}, complete=True, kinds={}, skipped={}, blocked=(), kinds_skipped={}, data_left=())


def outcome(ref: ObjectRef, action: Action, uid: str = "u", *, made: bool = True) -> ObjectOutcome:
    """Return the record of what came of an object."""
    return ObjectOutcome(ref=ref, action=action, uid=uid, green_token="g", blue_token="b", made=made)


def test_objects_are_intended_then_written_then_gone() -> None:
    """What was announced and has no outcome may be on green; what was deleted is not."""
    lines: list[MigrationRecord] = [WaveAnnounced(1, (A, B), ()), outcome(A, Action.CREATED)]
    state = fold(entries(*lines))
    assert state.intended == {B}
    assert state.written[A].made
    assert fold(entries(*lines, outcome(A, Action.DELETED))).written == {}


def test_each_verb_moves_the_stage_on() -> None:
    """The stage follows what ended last."""
    story: list[tuple[MigrationRecord, Stage]] = [
        (COPIED, Stage.COPIED),
        (VerdictGiven(good=True, seconds=1.0, findings=()), Stage.VALIDATED),
        (CutoverStarted(), Stage.CUTTING_OVER),
        (CutoverEnded(good=True), Stage.ON_GREEN),
        (RollbackEnded(0.0, (), ()), Stage.ROLLED_BACK),
    ]
    for count, (_, stage) in enumerate(story, start=1):
        assert fold(entries(*(record for record, _ in story[:count]))).stage is stage
