"""The records of the data in volumes."""

from __future__ import annotations

from dataclasses import dataclass

from migrator.journal.records.base import Record
from migrator.model.one_side import Where


@dataclass(slots=True, frozen=True, kw_only=True)
class DataPassAnnounced(Record):
    """A pass of one volume is about to begin; its target's folder will change."""

    WORD = "data-pass"
    claim: str
    """`namespace/name` on blue."""
    direction: str
    """`to-green` or `to-blue`."""
    source: str
    """`node:path`."""
    target: str
    finish: bool = False
    """Whether the source stands still and the pass proves that both sides are equal."""


@dataclass(slots=True, frozen=True, kw_only=True)
class DataPassEnded(Record):
    """A pass has ended well; what differs still, because the source is in use, is counted."""

    WORD = "data-pass-ended"
    claim: str
    direction: str
    entries: int
    bytes: int
    """Of all files, not of what was sent."""
    received: int
    """Bytes that came over the line."""
    seconds: float
    """On the target's host."""
    left: int
    """Objects that differed when they were read last."""
    around: float = 0.0
    """Seconds for what is around it: its unit's start and end, and the end of the server; 0: not known."""


@dataclass(slots=True, frozen=True, kw_only=True)
class DataProven(Record):
    """Both sides were equal while the source stood still."""

    WORD = "data-proven"
    claim: str
    direction: str
    digest: str
    """Root digest of both trees."""
    entries: int
    bytes: int
    seconds: float
    """How long the workload had to stand still for it."""
    proof: str
    """Path of the proof."""


@dataclass(slots=True, frozen=True, kw_only=True)
class DataSwitched(Record):
    """The workload is about to start on the side that the data went to, and will write there."""

    WORD = "data-switched"
    claim: str
    direction: str
    how: str
    """What it went by.

    `pass`: proven by a last pass; `hand-over`: the volume itself, of which the other side has let go; `switch` and `last-pass`:
    chosen by a person who gave up what green has written since.
    """


@dataclass(slots=True, frozen=True, kw_only=True)
class DataTakenBack(Record):
    """What passes to blue had changed was put back: the one that broke, or `everything` since the switch."""

    WORD = "data-taken-back"
    claim: str
    everything: bool
    objects: int


@dataclass(slots=True, frozen=True, kw_only=True)
class VolumeHandOverAnnounced(Record):
    """A volume itself is about to go to the other side; on blue its reclaim policy is about to be Retain, on green it is made."""

    WORD = "volume-hand-over"
    claim: str
    direction: str
    volume: str
    storage: str
    """In words, such as `NFS export nas:/export/a`."""
    policy: str = ""
    """What blue's reclaim policy was; empty where it is not changed."""


@dataclass(slots=True, frozen=True, kw_only=True)
class VolumeHandedOver(Record):
    """The giving side no longer uses the volume, and the other one has it."""

    WORD = "volume-handed-over"
    claim: str
    direction: str
    volume: str
    seconds: float
    """From the announcement on."""


@dataclass(slots=True, frozen=True)
class DataCleaned(Record):
    """What was kept on hosts for this claim is about to be removed."""

    WORD = "data-clean"
    claim: str


@dataclass(slots=True, frozen=True, kw_only=True)
class HolderAnnounced(Record):
    """A pod of this tool is about to be made, which holds the volume of a claim mounted."""

    WORD = "volume-holder"
    claim: str
    """`namespace/name` on blue."""
    side: Where
    pod: str
    """`namespace/name` on its side."""


@dataclass(slots=True, frozen=True, kw_only=True)
class HolderRemoved(Record):
    """It is gone, and the volume is no longer mounted for it."""

    WORD = "volume-holder-removed"
    claim: str
    side: Where
    pod: str


DataRecord = (
    DataPassAnnounced
    | DataPassEnded
    | DataProven
    | DataSwitched
    | DataTakenBack
    | VolumeHandOverAnnounced
    | VolumeHandedOver
    | DataCleaned
    | HolderAnnounced
    | HolderRemoved
)
