"""A reporter that keeps what a person would see."""

from __future__ import annotations

from migrator.model.events import Event, Note


class Recorder:
    """Keeps what a person would see."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def emit(self, event: Event) -> None:
        """Keep an event."""
        self.events.append(event)

    @property
    def notes(self) -> list[str]:
        """The texts of notes."""
        return [event.text for event in self.events if isinstance(event, Note)]
