"""Shift all traffic back to blue in one step, whatever state green is in, before anything else is read or imported.

It needs the load balancer and a journal that can be read. Everything else comes afterwards, and stops nothing (`rollback.py`).
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from migrator.errors import BlockedError
from migrator.journal.records.base import Entry, Header, Record
from migrator.journal.records.decisive import Retired
from migrator.migration.bounded import reason
from migrator.model.events import Step
from migrator.model.traffic import Withdrawal

if TYPE_CHECKING:
    from migrator.ports import Reporter, TrafficSwitch


@dataclass(slots=True, frozen=True)
class TrafficMoved:
    """All traffic is on blue, or there is no load balancer."""

    seconds: float = 0.0
    """From the start of the process until this was read back; 0 without a load balancer."""
    withdrawal: Withdrawal | None = None
    complaint: str = ""
    """What the load balancer could not do besides, such as keep the weights across a restart."""
    waits_for: TrafficSwitch | None = None
    """Where connections on green may end by themselves, within `limit`."""
    limit: float = 0.0
    switch: TrafficSwitch | None = None
    """Where the traffic was moved; looked at once more at the end."""

    @property
    def connections(self) -> tuple[dict[str, int], dict[str, int]]:
        """Those that were open on green and were ended, and those that were not, by server."""
        return (self.withdrawal.ended, self.withdrawal.reading.green_sessions) if self.withdrawal else ({}, {})


def move_traffic(
    name: str,
    entries: Iterable[Entry[Record]],
    switch: TrafficSwitch | None,
    reporter: Reporter,
    age: Callable[[], float],
    *,
    graceful: float | None = None,
) -> TrafficMoved:
    """Shift all traffic to blue before anything else; `age` returns the seconds since the process began.

    What is open on green is ended, or with `graceful` gets that many seconds, which `finish` waits for.

    Raises BlockedError when the entries say that blue is retired, or are another migration's, TrafficError when the traffic
    cannot be shifted.
    """
    for entry in entries:
        if isinstance(entry.record, Header) and entry.record.migration != name:
            raise BlockedError(f"the journal belongs to migration {entry.record.migration}, not {name}", hint="--state-dir")
        if isinstance(entry.record, Retired):
            raise BlockedError("blue is retired: there is nothing to go back to", hint="its archive is beside the journal")
    if switch is None:
        return TrafficMoved()
    withdrawal, complaint = traffic_to_blue(switch, end_connections=graceful is None)
    waits_for = None if graceful is None else switch
    # Since the start of the process: what a person waits for, imports included.
    moved = TrafficMoved(round(age(), 3), withdrawal, complaint, waits_for, graceful or 0.0, switch)
    reporter.emit(Step(f"all traffic is on blue, after {moved.seconds * 1000:.0f} ms"))
    return moved


def traffic_to_blue(switch: TrafficSwitch, *, end_connections: bool = True) -> tuple[Withdrawal, str]:
    """Move all traffic to blue; return what came of it, and what the load balancer could not do besides.

    Raises its error while green has traffic, and when nobody can tell.
    """
    try:
        return switch.withdraw(end_connections=end_connections), ""
    except Exception as error:
        # The error may be of what comes after the shift; what the load balancer says now decides.
        with contextlib.suppress(Exception):
            reading = switch.read()
            if not reading.green_percent:
                return Withdrawal(reading, {}), reason(error)
        raise
