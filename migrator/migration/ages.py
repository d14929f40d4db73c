"""How long ago something was, by two clocks: this machine's, and green's. Either may jump; both at once hardly do."""

from __future__ import annotations

from dataclasses import dataclass

# A Date header has whole seconds, and an entry of the journal milliseconds.
_ROUNDING_SECONDS = 2.0


@dataclass(slots=True, frozen=True)
class Moment:
    """One moment, by both clocks, in seconds since 1970."""

    here: float
    there: float | None = None
    """By green's clock; None in journals of 0.1.0."""

    def ages(self, now: Moment) -> tuple[float, ...]:
        """Return how old this is by each clock that is known; below zero by one that went back."""
        found = [now.here - self.here]
        if self.there is not None and now.there is not None:
            found.append(now.there - self.there)
        return tuple(0.0 if -_ROUNDING_SECONDS <= age < 0 else age for age in found)
