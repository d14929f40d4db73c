"""The records of a migration from blue to green."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, get_args

from pydantic import Field

from migrator.journal.records.base import Bound, Header, Record, Ref, Strict
from migrator.journal.records.codec import Codec
from migrator.journal.records.data import DataRecord
from migrator.journal.records.decisive import Retired
from migrator.journal.records.one_side import GuardRecord, HandOverRecord
from migrator.journal.records.traffic import CutoverRecord, FenceRecord, RollbackRecord
from migrator.model.outcome import Action, Outcome
from migrator.model.plan import PlanItem
from migrator.model.verdict import Finding, Severity, Verdict


@dataclass(slots=True, frozen=True)
class HookStarted(Record):
    """A hook is about to run. Its arguments are not recorded, since they may hold secrets."""

    WORD = "hook"
    moment: str
    """The hook's key in migration.yaml, such as `beforeCutover`."""
    program: str


@dataclass(slots=True, frozen=True)
class CopyStarted(Record):
    """A copy begins."""

    WORD = "copy-started"
    counts: dict[str, int]
    """Decision to number of objects."""
    waves: int
    ahead: float = 0.0
    """Seconds that the clock of this machine is ahead of green's."""


@dataclass(slots=True, frozen=True)
class WaveAnnounced(Record):
    """These objects of green are about to be written."""

    WORD = "wave"
    wave: int
    create: tuple[Ref, ...]
    change: tuple[Ref, ...]


@dataclass(slots=True, frozen=True, kw_only=True)
class ObjectOutcome(Record):
    """The result for one object of green."""

    WORD = "outcome"
    ref: Ref
    action: Action
    uid: str
    """UID on green; empty when the object is not known to be there."""
    green_token: Annotated[str, Field(alias="green")]
    blue_token: Annotated[str, Field(alias="blue")]
    made: bool
    """Whether this migration created the object; without a UID, whether it may have, because green's answer is lost."""
    message: str = ""
    fields: tuple[str, ...] = ()
    """Paths of the fields that differed; their values stay out of the journal."""

    @classmethod
    def of(cls, outcome: Outcome) -> ObjectOutcome:
        """Return the record of an outcome."""
        return cls(
            ref=outcome.ref,
            action=outcome.action,
            uid=outcome.uid,
            green_token=outcome.green_token,
            blue_token=outcome.blue_token,
            made=outcome.made,
            message=outcome.message,
            fields=tuple(item.path for item in outcome.differences),
        )


@dataclass(slots=True, frozen=True)
class PruneAnnounced(Record):
    """These objects of green are about to be deleted."""

    WORD = "prune"
    refs: tuple[Ref, ...]


@dataclass(slots=True, frozen=True)
class BlockedObject(Strict):
    """An object of blue that could not be moved."""

    ref: Ref
    reason: str
    hint: Annotated[str, Field(alias="cure")]

    @classmethod
    def of(cls, item: PlanItem) -> BlockedObject:
        """Return the recorded part of a plan item."""
        return cls(item.blue, item.reason, item.hint)


@dataclass(slots=True, frozen=True, kw_only=True)
class CopyEnded(Record):
    """A copy has ended."""

    WORD = "copy-ended"
    counts: dict[str, int]
    """Action to number of objects."""
    complete: bool
    kinds: dict[str, dict[str, int]]
    """Kind to decision to number of objects."""
    skipped: dict[str, tuple[Ref, ...]]
    """Reason to the objects that stay on blue because of it."""
    blocked: tuple[BlockedObject, ...]
    kinds_skipped: Annotated[dict[str, str], Field(alias="kindsSkipped")]
    """Kind that stays on blue as a whole to the reason."""
    data_left: Annotated[tuple[str, ...], Field(alias="dataLeft")]
    """`namespace/name` of claims whose data stays on blue."""


@dataclass(slots=True, frozen=True)
class RecordedFinding(Strict):
    """A finding of a validation."""

    check: str
    subject: str
    severity: Severity
    reason: str
    hint: Annotated[str, Field(alias="cure")]

    @classmethod
    def of(cls, finding: Finding) -> RecordedFinding:
        """Return the record of a finding."""
        return cls(finding.check, finding.subject, finding.severity, finding.reason, finding.hint)


@dataclass(slots=True, frozen=True)
class VerdictGiven(Record):
    """Green was validated."""

    WORD = "verdict"
    good: bool
    seconds: float
    findings: tuple[RecordedFinding, ...]
    """All but those of severity `ok`."""

    @classmethod
    def of(cls, verdict: Verdict) -> VerdictGiven:
        """Return the record of a verdict with all its findings."""
        return cls(verdict.good, round(verdict.seconds, 2), tuple(map(RecordedFinding.of, verdict.findings)))


@dataclass(slots=True, frozen=True)
class AccountRemoval(Record):
    """The account that this migration had on green is about to be removed."""

    WORD = "remove-account"
    refs: tuple[Ref, ...]


CopyRecord = CopyStarted | WaveAnnounced | ObjectOutcome | PruneAnnounced | CopyEnded
EndRecord = Retired | AccountRemoval
MigrationRecord = (
    Header
    | Bound
    | HookStarted
    | CopyRecord
    | VerdictGiven
    | CutoverRecord
    | HandOverRecord
    | GuardRecord
    | FenceRecord
    | RollbackRecord
    | DataRecord
    | EndRecord
)
"""Every record of a migration's journal; no other record can be written or read."""

MIGRATION: Codec[MigrationRecord] = Codec(get_args(MigrationRecord), read_around_by="migrator rollback")
