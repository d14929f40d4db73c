"""What is known about the data of each claim, folded from the journal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import assert_never

from migrator.journal.records import data as records


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
    """What the last pass took."""
    proven_at: float | None = None
    """When both sides were equal and the source stood still; None since the next pass was announced."""
    digest: str = ""
    proof: str = ""

    @property
    def proven(self) -> bool:
        """Whether green has what blue had when it stopped."""
        return self.proven_at is not None and self.direction == "to-green"


Data = Mapping[str, ClaimData]
"""By `namespace/name` of the claim on blue."""


def after(known: Data, record: records.DataRecord, at: float) -> Data:
    """Return what is known after one more record."""
    old = known.get(record.claim, ClaimData())
    match record:
        case records.DataPassAnnounced():
            new = replace(old, direction=record.direction, open=True, proven_at=None)
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
            )
        case records.DataProven():
            new = replace(old, open=False, left=0, proven_at=at, digest=record.digest, proof=record.proof)
        case records.DataCleaned():
            new = replace(old, open=False)
        case _:
            assert_never(record)
    return {**known, record.claim: new}
