"""How much memory a run takes for the objects of both clusters, told before it is taken."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from migrator.migration.inventory import Found
from migrator.model.events import Note
from migrator.ports import Reporter

MIB = 2**20
# The interpreter with its libraries, measured after the imports of a copy.
_BASE = 64 * MIB
# Bytes that an object takes beside its JSON: names, decisions, its place in the order.
_EACH = 16 * 1024
# How often its JSON is held: as blue has it, as green has it, and in part as a page that was just read.
_COPIES = 2.5
# What is much on a machine that does not tell how much it has.
_MUCH = 2**30
# Part of the memory that is free from which on a person is told.
_PART = 0.5


def needed(count: int, size: int) -> int:
    """Return about how many bytes a run takes for `count` objects of `size` bytes of JSON together.

    The constants fit benchmarks/results/copy.json (1,000 to 30,000 objects) within a tenth.
    """
    return round(_BASE + _EACH * count + _COPIES * size)


@dataclass(slots=True)
class Meter:
    """Counts what is read of blue, and tells once when the run will take much of this machine's memory."""

    free: Callable[[], int | None]
    """Bytes that this machine can still give; None: it does not tell."""
    reporter: Reporter
    warning: str = ""
    """What was told; empty while there is room."""
    _count: int = 0
    _sizes: Counter[str] = field(default_factory=Counter)
    _room: int | None = None

    def add(self, objects: Iterable[Found]) -> None:
        """Count the objects of a kind that are kept."""
        if self._room is None:
            free = self.free()
            self._room = _MUCH if free is None else round(free * _PART)
        for item in objects:
            if item.body:
                self._count += 1
                self._sizes[item.ref.type_name] += len(item.body) + len(item.managed_fields)
        if not self.warning and needed(self._count, self._sizes.total()) > self._room:
            self._tell(self._room)

    def _tell(self, room: int) -> None:
        largest, size = self._sizes.most_common(1)[0]
        self.warning = (
            f"blue's objects will take about {needed(self._count, self._sizes.total()) // MIB} MiB of memory or more here, and "
            f"{round(room / _PART) // MIB} MiB are free; most of it are objects of {largest} ({size // MIB} MiB): "
            "use a machine with more memory, or move namespaces one after the other (move.namespaces.include)"
        )
        self.reporter.emit(Note(self.warning, warning=True))
