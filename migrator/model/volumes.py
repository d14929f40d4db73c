"""What is decided about the data of claims, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Way(StrEnum):
    """How the data of a claim gets to green."""

    COPY = "copy"
    """Its folder is copied from host to host."""
    SAME = "same"
    """The volume itself moves with the claim; both clusters reach the same storage."""
    HAND_OVER = "handOver"
    """Green gets the same volume of storage that both clusters reach, once blue no longer uses it."""
    ADOPT = "adopt"
    """Its disk is in a machine that has changed sides: green gets a volume for the same folder."""
    REPLICATE = "replicate"
    """What runs on it brings its data by its own means, such as a replica of a database."""
    OWN = "own"
    """The person moves it, or said that it may be empty."""
    SKIP = "skip"
    """It is not moved; the reason says why."""


class PlaceKind(StrEnum):
    """What a place is; but for a folder it stands before the path in the place's text."""

    FOLDER = ""
    BLOCK = "block"
    """A block device of the host."""
    CSI = "csi"
    """A volume of a CSI driver, where the kubelet has mounted it."""
    CSI_BLOCK = "csi-block"
    """A block device of a CSI driver, where the kubelet has it for a pod."""


class Direction(StrEnum):
    """Where data goes."""

    TO_GREEN = "to-green"
    TO_BLUE = "to-blue"


@dataclass(slots=True, frozen=True)
class Place:
    """A folder of one claim on one host, a block device, or a volume of a driver that a pod uses there."""

    node: str
    """Empty where it is not known yet: no pod uses a CSI volume now."""
    path: str
    """Of a CSI volume `DRIVER/NAME OF THE PERSISTENTVOLUME/HANDLE`."""
    kind: PlaceKind = PlaceKind.FOLDER
    pod: str = field(default="", compare=False)
    """UID of the pod of this tool whose mount of a CSI volume is taken; empty: that of any pod."""

    def __str__(self) -> str:
        return f"{self.node}:{self.where}"

    @property
    def where(self) -> str:
        """What it is, without the node."""
        return f"{self.kind}:{self.path}" if self.kind else self.path

    @property
    def key(self) -> str:
        """What it is known by from pass to pass: a volume that a driver keeps may be mounted on any node."""
        return self.where if self.of_driver else str(self)

    @property
    def block(self) -> bool:
        """Whether it is a block device."""
        return self.kind in (PlaceKind.BLOCK, PlaceKind.CSI_BLOCK)

    @property
    def of_driver(self) -> bool:
        """Whether a CSI driver keeps it, so that a host has it only while a pod there uses it."""
        return self.kind in (PlaceKind.CSI, PlaceKind.CSI_BLOCK)

    @staticmethod
    def of(text: str) -> Place:
        """Return the place of a text such as `board-1:/srv/data`; a node's name has no colon, and a folder begins with `/`."""
        node, _, where = text.partition(":")
        kind, colon, path = where.partition(":")
        if where.startswith("/") or not colon:
            return Place(node, where)
        return Place(node, path, PlaceKind(kind))


@dataclass(slots=True, frozen=True)
class VolumePlan:
    """A claim of blue, and what happens to its data."""

    claim: str
    """`namespace/name` on blue."""
    green_claim: str
    way: Way
    reason: str = ""
    """Why it is not copied; empty for a copy."""
    hint: str = ""
    blue: Place | None = None
    green: Place | None = None
    used_by: tuple[str, ...] = ()
    """Pods of blue that have it mounted."""
    used_on_green: tuple[str, ...] = ()
    limit: int = 0
    """KiB a second; 0: none."""
    devices: bool = False
    exclude: tuple[str, ...] = ()
    """What is left out of it (`agent/exclude.py`)."""
    volume: str = ""
    """PersistentVolume of blue."""
    storage: str = ""
    """What is handed over or adopted, in words."""
    alone: bool = False
    """Whether no second pod can have it mounted."""
    notes: tuple[str, ...] = ()
    """What green's volume does otherwise (`rules/volume_notes.py`)."""

    @property
    def handed(self) -> bool:
        """Whether the volume itself goes to green, and nothing forbids it."""
        return self.way in (Way.HAND_OVER, Way.ADOPT) and not self.reason

    @property
    def ready(self) -> bool:
        """Whether both folders are known, so that a copy can begin."""
        return self.way is Way.COPY and self.blue is not None and self.green is not None and not self.reason


@dataclass(slots=True, frozen=True)
class Job:
    """One pass of one volume."""

    claim: str
    source: Place
    target: Place
    direction: Direction = Direction.TO_GREEN
    finish: bool = False
    full: bool = False
    accept_deletions: bool = False
    known_target: bool = False
    """Whether the target may hold objects at the first pass in this direction."""
    undo: int = 0
    """Number of the switch since which all changes to the target are kept on its host, to be taken back; 0: none are kept."""
    devices: bool = False
    limit: int = 0
    exclude: tuple[str, ...] = ()

    @property
    def opposite(self) -> Job:
        """The same volume in the other direction, as a copy."""
        there = Direction.TO_GREEN if self.direction is Direction.TO_BLUE else Direction.TO_BLUE
        return Job(self.claim, self.target, self.source, there)


@dataclass(slots=True, frozen=True)
class PassResult:
    """What a pass said at its end."""

    document: Mapping[str, Any] = field(repr=False)

    @property
    def equal(self) -> bool:
        """Whether both sides were equal when they were read last."""
        return bool(self.document["equal"])

    @property
    def digest(self) -> str:
        """Root digest of the source's tree."""
        return str(self.document["root"]["source"])

    def number(self, name: str) -> int:
        """Return one of its numbers."""
        return int(self.document[name])

    @property
    def seconds(self) -> float:
        """How long it took on the target's host."""
        return float(self.document["seconds"])

    @property
    def around(self) -> float:
        """Seconds for the start and the end of its unit; 0 where an earlier run has begun it."""
        return float(self.document.get("around", 0.0))


@dataclass(slots=True, frozen=True)
class TakenBack:
    """What came of taking passes back."""

    objects: int = 0
    """How many were put back or removed; 0: nothing had been changed."""
    digest: str = ""
    """Root digest of the folder afterwards; empty when nothing had been changed."""
