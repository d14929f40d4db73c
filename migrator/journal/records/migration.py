"""The records of a migration from blue to green."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from migrator.journal.records.base import Bound, Header, Record, Ref, Strict
from migrator.model.outcome import Action, Outcome
from migrator.model.plan import PlanItem
from migrator.model.traffic import SideCounters
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
    """Whether this migration created the object."""
    message: str = ""
    fields: tuple[str, ...] = ()
    """Paths of the fields that differed; their values stay out of the journal."""

    @classmethod
    def of(cls, outcome: Outcome) -> ObjectOutcome:
        """Return the record of an outcome."""
        return cls(
            ref=outcome.ref,
            action=outcome.action,
            uid=outcome.uid if outcome.action is not Action.FAILED else "",
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
        return cls(item.blue, item.reason, item.cure)


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
        return cls(finding.check, finding.subject, finding.severity, finding.reason, finding.cure)


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
class CutoverStarted(Record):
    """A cutover begins."""

    WORD = "cutover-started"


@dataclass(slots=True, frozen=True)
class FenceAnnounced(Record):
    """These CronJobs are about to be suspended on blue and resumed on green."""

    WORD = "fence"
    cronjobs: dict[Ref, Ref]
    """Name on blue to name on green."""


@dataclass(slots=True, frozen=True)
class UnfenceAnnounced(Record):
    """These CronJobs are about to be suspended on green and resumed on blue."""

    WORD = "unfence"
    cronjobs: dict[Ref, Ref]
    """Name on blue to name on green."""


@dataclass(slots=True, frozen=True)
class Unfenced(Record):
    """All fenced CronJobs run on blue again."""

    WORD = "unfenced"


@dataclass(slots=True, frozen=True)
class ShiftAnnounced(Record):
    """The load balancer is about to send this share of the traffic to green."""

    WORD = "shift"
    percent: float


@dataclass(slots=True, frozen=True)
class Shifted(Record):
    """The weights that were read back after a shift."""

    WORD = "shifted"
    percent: float
    servers: dict[str, int]
    """Weight of each server."""


@dataclass(slots=True, frozen=True)
class SideSample(Strict):
    """Counters of one side since its step began."""

    requests: int
    errors: int
    latency_ms: Annotated[float, Field(alias="latency")]
    sessions: int

    @classmethod
    def of(cls, side: SideCounters) -> SideSample:
        """Return the record of counters."""
        return cls(side.requests, side.errors, side.latency_ms, side.sessions)


@dataclass(slots=True, frozen=True)
class Sampled(Record):
    """The traffic counters at one moment of a step."""

    WORD = "sample"
    percent: float
    green: SideSample
    blue: SideSample


@dataclass(slots=True, frozen=True, kw_only=True)
class GatePassed(Record):
    """A step of the cutover passed its gates."""

    WORD = "gate-passed"
    percent: float
    requests: int
    errors: int
    latency_ms: Annotated[float, Field(alias="latency")]


@dataclass(slots=True, frozen=True)
class GateFailed(Record):
    """A step of the cutover failed a gate; all traffic is about to go back to blue."""

    WORD = "gate-failed"
    reason: str
    percent: float


@dataclass(slots=True, frozen=True)
class CutoverEnded(Record):
    """A cutover has ended: all traffic is on green, or all of it is back on blue."""

    WORD = "cutover-ended"
    good: bool
    reason: str = ""
    undone: tuple[str, ...] = ()
    """What could not be undone, one sentence each."""


@dataclass(slots=True, frozen=True)
class RollbackStarted(Record):
    """A rollback begins."""

    WORD = "rollback-started"


@dataclass(slots=True, frozen=True)
class RollbackEnded(Record):
    """A rollback has ended: all traffic is on blue."""

    WORD = "rollback-ended"
    seconds: float
    """Time until all traffic was on blue; 0 without a load balancer."""
    cronjobs: tuple[Ref, ...]
    """CronJobs that the cutover had fenced, by their names on blue."""
    undone: tuple[str, ...]
    """What could not be undone, one sentence each."""


@dataclass(slots=True, frozen=True)
class Retired(Record):
    """Blue is archived, and the migration is closed."""

    WORD = "retired"
    archive: str
    """Path of the archive."""
    objects: int


CopyRecord = CopyStarted | WaveAnnounced | ObjectOutcome | PruneAnnounced | CopyEnded
CutoverRecord = CutoverStarted | ShiftAnnounced | Shifted | Sampled | GatePassed | GateFailed | CutoverEnded
FenceRecord = FenceAnnounced | UnfenceAnnounced | Unfenced
RollbackRecord = RollbackStarted | RollbackEnded
MigrationRecord = Header | Bound | HookStarted | CopyRecord | VerdictGiven | CutoverRecord | FenceRecord | RollbackRecord | Retired
"""Every record of a migration's journal; no other record can be written or read."""
