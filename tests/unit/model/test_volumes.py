"""What came of a pass."""

from __future__ import annotations

from dataclasses import replace

from migrator.model.volumes import PassResult, Place, VolumePlan, Way


def test_a_pass_says_its_numbers() -> None:
    """As the host has written them."""
    result = PassResult({"equal": True, "root": {"source": "ab"}, "seconds": 1.5, "bytes": 7})
    assert (result.equal, result.digest, result.seconds, result.number("bytes")) == (True, "ab", 1.5, 7)


def test_a_copy_needs_both_folders_and_no_reason_against_it() -> None:
    """Else it waits."""
    whole = VolumePlan("s/c", "s/c", Way.COPY, blue=Place("a", "/x"), green=Place("b", "/y"))
    assert whole.ready
    assert not replace(whole, reason="no").ready
    assert not replace(whole, green=None).ready
