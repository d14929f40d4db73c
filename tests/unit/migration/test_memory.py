"""A run that will take much memory says so while it reads, and names what takes it (review of safety, finding 53)."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from migrator.migration.inventory import Found
from migrator.migration.memory import MIB, Meter, needed
from migrator.model.kinds import SERVICES
from migrator.model.ref import ObjectRef
from tests.support.recorder import Recorder


def found(kind: str, size: int, count: int = 1) -> list[Found]:
    """Return objects of one size."""
    return [Found(ObjectRef("", kind, "shop", f"{kind}-{number}"), SERVICES, "u", "", b"x" * size) for number in range(count)]


@pytest.mark.parametrize("point", json.loads((Path(__file__).parents[3] / "benchmarks/results/copy.json").read_text())["points"])
def test_the_estimate_fits_what_was_measured(point: dict[str, float]) -> None:
    """Objects of the benchmark are about 1.5 KB of JSON; a fifth more or less is still a good warning."""
    objects = int(point["objects"])
    assert needed(objects, objects * 1500) / MIB == pytest.approx(point["peak_rss_mib"], rel=0.25)


@pytest.mark.parametrize(
    ("free", "objects", "told"),
    [
        (1000 * MIB, found("Secret", 100, 1000), False),
        (100 * MIB, found("Secret", 100, 1000), True),
        (1000 * MIB, found("Secret", MIB, 200), True),
        (None, found("Secret", MIB, 200), False),
        (None, found("Secret", MIB, 400), True),
    ],
)
def test_much_is_measured_by_what_is_free(free: int | None, objects: list[Found], told: bool) -> None:  # noqa: FBT001
    """Half of it, or 1 GiB where nobody knows."""
    shown = Recorder()
    meter = Meter(lambda: free, shown)
    meter.add(objects)
    assert (bool(meter.warning), shown.notes) == (told, [meter.warning] if told else [])


def test_it_is_told_once_with_the_kind_that_takes_most() -> None:
    """What stays on blue takes nothing: its body is not kept."""
    shown = Recorder()
    meter = Meter(lambda: 400 * MIB, shown)
    meter.add([Found(ObjectRef("", "Event", "shop", "e"), SERVICES, "u", "stays")])
    meter.add(found("ConfigMap", MIB, 20))
    assert shown.notes == []
    meter.add(found("Secret", MIB, 60))
    meter.add(found("Secret", MIB, 60))
    assert len(shown.notes) == 1
    assert "265 MiB of memory or more here, and 400 MiB are free; most of it are objects of Secret (60 MiB)" in shown.notes[0]
