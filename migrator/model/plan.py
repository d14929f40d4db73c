"""The plan: every object of blue with its decision, in waves."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from migrator.model.manifest import Manifest, get
from migrator.model.one_side import OneSide, Part
from migrator.model.ref import ObjectRef, ResourceType


class Decision(StrEnum):
    """What happens to one object."""

    MOVE = "move"
    SKIP = "skip"
    BLOCKED = "blocked"


class DataPlan(StrEnum):
    """What happens to the data of a claim."""

    NONE = "none"
    """The object has no data in a volume."""
    NOT_COPIED = "not-copied"
    """The claim had a volume on blue and is empty on green."""
    ACCOUNTED_FOR = "accounted-for"
    """The person moved it, or it may be empty (volumes.dataMoved)."""
    COPIED = "copied"
    """`migrator data finish` has copied and proven it."""
    AT_CUTOVER = "at-cutover"
    """It was copied while blue served; the cutover brings the rest and proves it."""
    TO_HAND_OVER = "to-hand-over"
    """The cutover gives green the volume itself, once blue no longer uses it."""
    TO_ADOPT = "to-adopt"
    """Green gets the folder where it lies, by `migrator data finish`."""
    HANDED_OVER = "handed-over"
    """Green has got the volume itself."""
    SAME_VOLUME = "same-volume"
    """The volume itself moves with the claim."""

    @property
    def is_left(self) -> bool:
        """Whether green does not have the data yet."""
        return self in (DataPlan.NOT_COPIED, DataPlan.TO_ADOPT)


class EndMark(NamedTuple):
    """The place in a status that tells that a run has ended."""

    path: tuple[str, ...]
    """Below `status`; `("conditions", TYPE)` means the condition of that type."""
    value: str | bool | int

    def is_in(self, manifest: Manifest) -> bool:
        """Return whether the status of an object shows this mark."""
        if self.path[0] != "conditions":
            return bool(get(manifest, "status", *self.path) == self.value)
        conditions = get(manifest, "status", "conditions") or []
        return any((item["type"], item["status"]) == (self.path[1], self.value) for item in conditions)


class Ended(NamedTuple):
    """How a run to completion has ended: a Job, or a custom resource that is carried out once."""

    how: str
    """The word of its own kind: Complete, Failed, Succeeded."""
    mark: EndMark


@dataclass(slots=True, frozen=True)
class PlanItem:
    """One object of blue and what is to be done with it."""

    blue: ObjectRef
    """The object as blue knows it."""
    green: ObjectRef
    """The same object as green will know it: another namespace where one is mapped."""
    decision: Decision
    reason: str = ""
    """Why it is skipped or blocked; empty for a move."""
    hint: str = ""
    """What a person can do about a block."""
    transforms: tuple[str, ...] = ()
    """Names of the rules that change it, in order."""
    notes: tuple[str, ...] = ()
    """What a person should know about the move."""
    danger: str = ""
    """Why a person should think twice about the move; always shown."""
    no_node: str = ""
    """What its pods ask of their nodes, and no node of green has."""
    shrinks: str = ""
    """What becomes of blue's pods while it has no traffic, where a rollback would meet fewer of them."""
    data: DataPlan = DataPlan.NONE
    """What happens to the data behind a claim."""
    resource: ResourceType | None = None
    """The type and version it is written at."""
    body: bytes = field(default=b"", repr=False)
    """The transformed manifest as JSON; owner UIDs are still blue's."""
    original: bytes = field(default=b"", repr=False)
    """Blue's object as JSON, where it has more than `body`: what its servers wrote is left to green's. Empty: it has not."""
    manager: str = ""
    """The name to write it under, so that its fields keep their owner."""
    managed_fields: bytes = field(default=b"", repr=False)
    """Blue's field ownership as JSON, where writing under one name cannot carry it over."""
    status: bytes = field(default=b"", repr=False)
    """The status to write as JSON, where `ended` is set."""
    ended: Ended | None = None
    """How a run has ended whose status is written after its creation."""
    hold: bytes = field(default=b"", repr=False)
    """A merge patch (RFC 7396) that it is created with; once its status is written, or its pods are made, `body` holds."""
    unheld: bool = False
    """Whether a controller on green may carry it out before its status is written."""
    last_run: float | None = None
    """When a CronJob ran last on blue, in seconds since 1970; None where it has not, and for other kinds."""
    works: int | None = None
    """How many of its pods do their work on blue; None where its status does not count them."""
    well: bool = False
    """Whether a controller on blue has said in a condition that a custom resource is well."""
    late_labels: tuple[str, ...] = ()
    """Labels of a namespace that are set once the pods in it are made: they would refuse some that blue has."""
    volatile: tuple[tuple[str, ...], ...] = ()
    """Paths whose values controllers set on each cluster."""
    one_side: OneSide | None = None
    """Why it may run on one side only, and how it is held there."""
    question: str = ""
    """Why a person is asked whether it may run on both sides."""
    answer: str = ""
    """The entry of `cutover.oneSide` that says it may not; `hold: both` says that it may."""
    unready: str = ""
    """Why it is not ready on blue either; empty when it is."""
    uid: str = ""
    """UID on blue."""
    token: str = ""
    """Changes when the object's content on blue changes."""


class Wait(NamedTuple):
    """A webhook that changes pods when they are made."""

    configuration: ObjectRef
    service: ObjectRef | None = None
    """What answers for it, as named on green; None where that is outside of the clusters."""


@dataclass(slots=True, frozen=True)
class Unreadable:
    """A kind that could not be listed."""

    type_name: str
    reason: str
    failed: bool = False
    """Whether the server failed; else it refused."""


@dataclass(slots=True, frozen=True)
class Plan:
    """What a copy will do, before it is done."""

    items: tuple[PlanItem, ...]
    waves: tuple[tuple[PlanItem, ...], ...]
    """Moves in the order they are written; each wave only needs what stands in earlier ones."""
    owners: Mapping[ObjectRef, tuple[ObjectRef, ...]]
    """Hard dependencies: without them the object must not be written."""
    kinds_skipped: Mapping[str, str]
    """Kinds that are not moved at all, with the reason."""
    unreadable: tuple[Unreadable, ...]
    warnings: tuple[str, ...]
    kinds_read: Mapping[str, ResourceType] = field(default_factory=dict)
    """Kinds of which all of blue's objects are known."""
    after_pods: Mapping[ObjectRef, tuple[ObjectRef, ...]] = field(default_factory=dict)
    """What refuses pods that blue has, and the workloads whose pods are made before it."""
    waits: Mapping[ObjectRef, tuple[Wait, ...]] = field(default_factory=dict)
    """Workloads whose pods a webhook changes: they are written once it is there and answers."""

    def of(self, decision: Decision) -> Iterator[PlanItem]:
        """Yield the items with this decision."""
        return (item for item in self.items if item.decision is decision)

    def parts(self) -> Iterator[Part]:
        """Yield what runs on blue only until it is handed over."""
        for item in self.items:
            if item.one_side and item.one_side.part and item.one_side.active:
                yield item.one_side.part

    @property
    def counts(self) -> Counter[str]:
        """How many objects have each decision."""
        return Counter(item.decision.value for item in self.items)
