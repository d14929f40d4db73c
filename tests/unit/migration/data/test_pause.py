"""How long a group will stand still."""

from __future__ import annotations

from migrator.journal.records.one_side import Paused
from migrator.migration.data.pause import Pause, predicted_seconds
from migrator.migration.data.state import ClaimData


def test_passes_run_beside_each_other_as_far_as_the_file_says() -> None:
    """Each takes what it took, with slack, and what was around it."""
    known = [ClaimData(seconds=2.0, around=1.0), ClaimData(seconds=4.0, around=0.5)]
    assert predicted_seconds([], 2) == 0.0
    assert predicted_seconds(known, 1) == 10.5
    assert predicted_seconds(known, 2) == 6.5


def test_what_was_measured_of_a_group_is_in_its_pause() -> None:
    """A volume that was handed over before takes as long again."""
    copied = {"s/a": ClaimData(seconds=2.0, around=1.0)}
    handed = [ClaimData(seconds=3.0, handed=True), ClaimData(seconds=99.0)]
    first = Pause.of(copied, handed, 2, None)
    assert (first.data, first.ends, first.seconds) == (7.0, None, 7.0)
    again = Pause.of(copied, [], 2, Paused("data of s", 6000, 800, 4000, 1200))
    assert (again.ends, again.seconds) == (2.0, 6.0)
