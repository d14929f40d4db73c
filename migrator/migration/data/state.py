"""What is known about the data of each claim, folded from the journal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import assert_never

from migrator.journal.records import data as records
from migrator.model.one_side import Where
from migrator.model.volumes import Place, VolumePlan, Way

_TO_GREEN = "to-green"


@dataclass(slots=True, frozen=True)
class ClaimData:
    """The data of one claim."""

    direction: str = ""
    """Of the last pass that was announced."""
    open: bool = False
    """Whether a pass was announced and has no outcome: it may still run on the target's host."""
    passes: int = 0
    left: int = 0
    """Objects that differed when the last pass ended."""
    entries: int = 0
    bytes: int = 0
    passed_at: float | None = None
    seconds: float = 0.0
    """What the last pass took on the target's host, or the last hand-over."""
    around: float = 0.0
    """What came around that: the start and the end of its unit."""
    proven_at: float | None = None
    """When both sides were equal and the source stood still; None since the next pass was announced."""
    digest: str = ""
    proof: str = ""
    on_blue: str = ""
    """`node:path` of the last pass that was announced."""
    on_green: str = ""
    switched_at: float | None = None
    """When green had what blue had at its stop, proven, the last time."""
    switch_digest: str = ""
    green_writes: bool = False
    """Whether green's workload was told to start since, and blue's was not."""
    back_at: float | None = None
    """When the last whole pass to blue since then has ended."""
    half: bool = False
    """Whether a pass to blue was announced and is neither whole nor taken back: blue's folder may be a mixture."""
    volume: str = ""
    """What is handed over; empty where data is copied."""
    handed: bool = False
    """Whether green has ever had it."""
    holders: frozenset[tuple[Where, str]] = frozenset()
    """Pods of this tool, by side and `namespace/name`, that were announced and are not known to be gone."""

    @property
    def proven(self) -> bool:
        """Whether green has what blue had when it stopped."""
        return self.proven_at is not None and self.direction == _TO_GREEN

    def plan_from_passes(self, plan: VolumePlan) -> VolumePlan:
        """Return the plan of a claim with the folders of its passes, where only a pod told of them that has stopped by now."""
        if plan.way is Way.OWN or not (self.on_blue and self.on_green):
            return plan
        return replace(plan, way=Way.COPY, reason="", blue=Place.of(self.on_blue), green=Place.of(self.on_green))

    def came(self, volume: str) -> bool:
        """Return whether green has ever had this volume, or with an empty name a proven copy."""
        return self.volume == volume and (self.handed if volume else self.digest != "")


Data = Mapping[str, ClaimData]
"""By `namespace/name` of the claim on blue."""


def after(known: Data, record: records.DataRecord, at: float) -> Data:
    """Return what is known after one more record."""
    old = known.get(record.claim, ClaimData())
    match record:
        case records.DataPassAnnounced():
            new = _announced(old, record)
        case records.DataPassEnded():
            new = replace(
                old,
                open=False,
                passes=old.passes + 1,
                left=record.left,
                entries=record.entries,
                bytes=record.bytes,
                passed_at=at,
                seconds=record.seconds,
                around=record.around or old.around,
                back_at=old.back_at if record.direction == _TO_GREEN else at,
            )
        case records.DataProven():
            new = replace(_proven(old, record, at), open=False, left=0, proven_at=at, digest=record.digest, proof=record.proof)
        case records.DataSwitched():
            new = replace(old, green_writes=record.direction == _TO_GREEN)
        case records.DataTakenBack():
            new = replace(old, open=False, half=False, back_at=None if record.everything else old.back_at)
        case records.VolumeHandOverAnnounced():
            new = replace(old, direction=record.direction, open=True, proven_at=None, volume=record.volume)
        case records.VolumeHandedOver():
            new = replace(old, open=False, left=0, proven_at=at, seconds=record.seconds, volume=record.volume, handed=True)
        case records.DataCleaned():
            new = replace(old, open=False)
        case records.HolderAnnounced() | records.HolderRemoved():
            new = replace(old, holders=_holders(old, record))
        case _:
            assert_never(record)
    return {**known, record.claim: new}


def _holders(old: ClaimData, record: records.HolderAnnounced | records.HolderRemoved) -> frozenset[tuple[Where, str]]:
    one = {(record.side, record.pod)}
    return old.holders | one if isinstance(record, records.HolderAnnounced) else old.holders - one


def _announced(old: ClaimData, record: records.DataPassAnnounced) -> ClaimData:
    new = replace(old, direction=record.direction, open=True, proven_at=None, volume="", handed=False)
    if record.direction == _TO_GREEN:
        return replace(new, on_blue=record.source, on_green=record.target)
    return replace(new, on_blue=record.target, on_green=record.source, half=True)


def _proven(old: ClaimData, record: records.DataProven, at: float) -> ClaimData:
    if record.direction == _TO_GREEN:
        return replace(old, switched_at=at, switch_digest=record.digest, back_at=None, half=False)
    return replace(old, back_at=at, half=False)
