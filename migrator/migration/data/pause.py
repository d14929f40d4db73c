"""Predict the downtime of a group with data from what was measured before: its passes, hand-overs, stops and starts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from migrator.journal.records.one_side import Paused
from migrator.migration.data.state import ClaimData

SLACK = 1.5
"""The last pass looks at both sides once more than the passes before it, and who uses the source."""


def predicted_seconds(known: Iterable[ClaimData], parallel: int) -> float:
    """Return how long the last pass of some claims will take with all around it, by their passes before."""
    seconds = [SLACK * item.seconds + item.around for item in known]
    return max(*seconds, sum(seconds) / parallel) if seconds else 0.0


@dataclass(slots=True, frozen=True)
class Pause:
    """The pause that is expected of one group."""

    data: float
    """Seconds from its stop to its start."""
    ends: float | None
    """Seconds that its stop and its start took the last time; None where it never changed sides."""

    @staticmethod
    def of(
        copied: Mapping[str, ClaimData],
        handed: Iterable[ClaimData],
        parallel: int,
        before: Paused | None,
    ) -> Pause:
        """Return what is known."""
        data = predicted_seconds(copied.values(), parallel) + sum(item.seconds for item in handed if item.handed)
        return Pause(data, (before.stop + before.start) / 1000 if before else None)

    @property
    def seconds(self) -> float:
        """All that is known of it."""
        return self.data + (self.ends or 0.0)

    def __str__(self) -> str:
        data = f"{self.data * 1000:.0f} ms for the data"
        if self.ends is None:
            return f"predicted downtime: {data}, plus stop and start, which were not measured yet"
        return f"predicted downtime: {self.seconds * 1000:.0f} ms ({data}, the rest for stop and start, as the last time)"
