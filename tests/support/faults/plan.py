"""What each round does: drawn from the seed and the round's number alone, so that any round can be repeated by itself."""

from __future__ import annotations

import random
from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What goes wrong."""

    KILL = "SIGKILL"
    TERM = "SIGTERM"
    HUP = "SIGHUP"
    INT_TWICE = "SIGINT twice"
    STOP = "SIGSTOP"
    STOP_BEYOND_LEASE = "SIGSTOP for longer than the lease"
    DISK_FULL = "ENOSPC on the journal"
    DISK_BROKEN = "EIO on the journal"
    BALANCER_KILLED = "HAProxy killed"
    BALANCER_RELOADED = "HAProxy reloaded"
    BALANCER_GARBAGE = "HAProxy answers garbage"
    BALANCER_SILENT = "HAProxy does not answer"
    BALANCER_LOST = "HAProxy's answer lost"
    API_KILLED = "API server killed"
    API_BLACK_HOLE = "API server black-holed"
    API_SLOW = "API server slow"
    API_DRIPS = "API server drips"
    """Each byte of an answer comes in time, and the answer does not."""
    API_429 = "429 storm"
    API_500 = "500 storm"
    API_LOST = "answers lost after the write"
    API_500_AFTER = "500 after the write"
    """As etcd's `request timed out` looks, when the write was done all the same."""


class Counted(StrEnum):
    """What is counted until the fault begins."""

    REQUEST = "request"
    """To either API server."""
    LINE = "line"
    """Of the journal, since the verb began."""
    COMMAND = "command"
    """To HAProxy."""


_SIGNALS = (Kind.KILL, Kind.TERM, Kind.HUP, Kind.INT_TWICE, Kind.STOP)
_DISK = (Kind.DISK_FULL, Kind.DISK_BROKEN)
_API = (
    Kind.API_KILLED,
    Kind.API_BLACK_HOLE,
    Kind.API_SLOW,
    Kind.API_DRIPS,
    Kind.API_429,
    Kind.API_500,
    Kind.API_LOST,
    Kind.API_500_AFTER,
)
_BALANCER = (
    Kind.BALANCER_KILLED,
    Kind.BALANCER_RELOADED,
    Kind.BALANCER_GARBAGE,
    Kind.BALANCER_SILENT,
    Kind.BALANCER_LOST,
)
OF_BALANCER = frozenset(_BALANCER)
OF_API = frozenset(_API)
VERBS: dict[str, tuple[Kind, ...]] = {
    "copy": (*_SIGNALS, Kind.STOP_BEYOND_LEASE, *_DISK, *_API),
    "cutover": (*_SIGNALS, Kind.STOP_BEYOND_LEASE, *_DISK, *_API, *_BALANCER),
    "rollback": (*_SIGNALS, *_DISK, *_API, *_BALANCER),
    "retire": (*_SIGNALS, *_DISK, *_API, *_BALANCER),
}
"""Which faults each verb is tried with."""
ON_DEMAND = frozenset({Kind.STOP_BEYOND_LEASE})
"""Takes more than half a minute each."""
SPANS: dict[str, dict[Counted, int]] = {
    "copy": {Counted.REQUEST: 130, Counted.LINE: 50},
    "cutover": {Counted.REQUEST: 62, Counted.LINE: 30, Counted.COMMAND: 30},
    "rollback": {Counted.REQUEST: 8, Counted.LINE: 7, Counted.COMMAND: 8},
    "retire": {Counted.REQUEST: 80, Counted.LINE: 2, Counted.COMMAND: 4},
}
"""What each verb does without a fault, measured: a fault begins somewhere before that."""


@dataclass(slots=True, frozen=True)
class RoundPlan:
    """One round."""

    seed: int
    number: int
    verb: str
    kind: Kind
    counted: Counted
    count: int
    """How many of them pass before the fault begins; 0: it is there before the verb."""
    side: str
    """`blue` or `green`; meant for faults of one API server."""
    amount: float
    """0 to 1: how long or how often, as the kind understands it."""

    def __str__(self) -> str:
        where = f" of {self.side}" if self.kind in OF_API else ""
        return f"{self.verb}: {self.kind}{where} at {self.counted} {self.count}"


def drawn(seed: int, number: int, *, on_demand: bool) -> RoundPlan:
    """Return the plan of one round. Verbs and kinds take turns, so that a few hundred rounds hold each pair; the rest is random."""
    rng = random.Random(f"{seed}/{number}")
    pairs = [(verb, kind) for verb, kinds in VERBS.items() for kind in kinds if on_demand or kind not in ON_DEMAND]
    turn, place = divmod(number - 1, len(pairs))
    random.Random(f"{seed}/turn {turn}").shuffle(pairs)
    verb, kind = pairs[place]
    counted = rng.choice([Counted.COMMAND] if kind in OF_BALANCER else [item for item in Counted if item in SPANS[verb]])
    first = 0 if kind in OF_BALANCER | OF_API else 1
    return RoundPlan(
        seed, number, verb, kind, counted, rng.randint(first, SPANS[verb][counted]), rng.choice(["blue", "green"]), rng.random()
    )
