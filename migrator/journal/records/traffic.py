"""The records of a migration's traffic: cutover and rollback; and of CronJobs, as older versions wrote them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated

from pydantic import Field

from migrator.journal.records.base import Record, Ref, Strict
from migrator.model.traffic import SideCounters


@dataclass(slots=True, frozen=True)
class ClocksCompared(Record):
    """What green's clock says at the time of this entry, so that a jump of this machine's is seen."""

    WORD = "clocks"
    green: float
    """Seconds since 1970."""


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
class Fenced(Record):
    """These CronJobs are suspended on blue and run on green. Journals of 0.1.0 do not have it."""

    WORD = "fenced"
    cronjobs: tuple[Ref, ...]
    """Their names on blue."""


@dataclass(slots=True, frozen=True)
class UnfenceAnnounced(Record):
    """These CronJobs were told to be suspended on green and resumed on blue; `unfenced` says that all of them are."""

    WORD = "unfence"
    cronjobs: dict[Ref, Ref]
    """Name on blue to name on green."""


@dataclass(slots=True, frozen=True)
class Unfenced(Record):
    """All fenced CronJobs run on blue again."""

    WORD = "unfenced"


@dataclass(slots=True, frozen=True)
class PrepareAnnounced(Record):
    """The time that clients may stay behind is about to be shortened; until then they keep what they know for this long."""

    WORD = "prepare"
    seconds: float
    """From the time of this entry."""


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
    ended: dict[str, int] = field(default_factory=dict)
    """Connections that were open on green and were ended, by server."""


@dataclass(slots=True, frozen=True)
class ConfigurationAnnounced(Record):
    """A file of the load balancer's configuration is about to be changed, so that a restart gives these weights."""

    WORD = "configuration"
    file: str
    copy: str
    """What it was before is kept in this file."""
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
    """A rollback has begun; its traffic may have been shifted already."""

    WORD = "rollback-started"


@dataclass(slots=True, frozen=True)
class RollbackEnded(Record):
    """A rollback has ended: all traffic is on blue."""

    WORD = "rollback-ended"
    seconds: float
    """Time from the start of the process until all traffic was on blue; 0 without a load balancer."""
    cronjobs: tuple[Ref, ...]
    """What the cutover had handed over, by its names on blue; in older journals CronJobs only."""
    undone: tuple[str, ...]
    """What could not be undone, one sentence each."""


CutoverRecord = (
    ClocksCompared
    | CutoverStarted
    | PrepareAnnounced
    | ShiftAnnounced
    | Shifted
    | ConfigurationAnnounced
    | Sampled
    | GatePassed
    | GateFailed
    | CutoverEnded
)
# What older versions wrote, for CronJobs alone; the records of `one_side` have taken their place.
FenceRecord = FenceAnnounced | Fenced | UnfenceAnnounced | Unfenced
RollbackRecord = RollbackStarted | RollbackEnded
