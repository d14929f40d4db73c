"""What is known about the data of claims."""

from __future__ import annotations

from dataclasses import replace

from migrator.journal.records.data import (
    DataCleaned,
    DataPassAnnounced,
    DataPassEnded,
    DataProven,
    DataRecord,
    DataSwitched,
    DataTakenBack,
    VolumeHandedOver,
    VolumeHandOverAnnounced,
)
from migrator.migration.data.state import ClaimData, Data, after
from migrator.model.volumes import Place, VolumePlan, Way

ANNOUNCED = DataPassAnnounced(claim="s/c", direction="to-green", source="b:/x", target="g:/y")
ENDED = DataPassEnded(claim="s/c", direction="to-green", entries=3, bytes=10, received=5, seconds=2.0, left=1)
PROVEN = DataProven(claim="s/c", direction="to-green", digest="ab", entries=3, bytes=10, seconds=1.0, proof="p.gz")


def known(*records: DataRecord) -> ClaimData:
    """Return what is known of the claim after these records."""
    data: Data = {}
    for number, record in enumerate(records):
        data = after(data, record, float(number))
    return data["s/c"]


def test_a_pass_is_open_until_its_end_is_known() -> None:
    """A killed run leaves it open: it may still run on the host."""
    assert known(ANNOUNCED).open
    done = known(ANNOUNCED, ENDED)
    assert (done.open, done.passes, done.left, done.seconds, done.passed_at) == (False, 1, 1, 2.0, 1.0)
    assert not known(ANNOUNCED, DataCleaned("s/c")).open


def test_what_is_around_a_pass_stays_known_where_a_run_has_joined_one() -> None:
    """A run that joins a pass has not seen its start."""
    assert known(ANNOUNCED, replace(ENDED, around=1.5), ANNOUNCED, ENDED).around == 1.5


def test_a_proof_counts_until_the_next_pass_begins() -> None:
    """And only in the direction of green; its digest stays known, so that a rollback may follow."""
    assert known(ANNOUNCED, ENDED, PROVEN).proven
    again = known(ANNOUNCED, ENDED, PROVEN, ANNOUNCED)
    assert (again.proven, again.digest) == (False, "ab")
    back = DataProven(claim="s/c", direction="to-blue", digest="cd", entries=3, bytes=10, seconds=1.0, proof="q.gz")
    returned = DataPassAnnounced(claim="s/c", direction="to-blue", source="g:/y", target="b:/x")
    assert not known(ANNOUNCED, ENDED, PROVEN, returned, back).proven


RETURNS = DataPassAnnounced(claim="s/c", direction="to-blue", source="g:/y", target="b:/x")
RETURNED = DataPassEnded(claim="s/c", direction="to-blue", entries=3, bytes=10, received=5, seconds=2.0, left=0)


def test_a_pass_to_blue_leaves_a_mixture_until_it_is_whole_or_taken_back() -> None:
    """Where the data lies, when it was switched and when it came back are known without asking anybody."""
    there = (ANNOUNCED, ENDED, PROVEN)
    half = known(*there, RETURNS)
    assert (half.half, half.on_blue, half.on_green, half.switched_at, half.switch_digest) == (True, "b:/x", "g:/y", 2.0, "ab")
    assert not known(*there, RETURNS, DataTakenBack(claim="s/c", everything=False, objects=1)).half
    whole = known(*there, RETURNS, RETURNED, replace(PROVEN, direction="to-blue", digest="cd"))
    assert (whole.half, whole.back_at, whole.switch_digest) == (False, 5.0, "ab")
    assert known(*there, RETURNS, RETURNED, DataTakenBack(claim="s/c", everything=True, objects=1)).back_at is None
    assert known(*there, RETURNS, RETURNED, *there).back_at is None


def test_green_writes_from_the_switch_until_blue_starts_again() -> None:
    """Whatever was proven meanwhile."""
    to_green = DataSwitched(claim="s/c", direction="to-green", how="pass")
    assert not known(ANNOUNCED, ENDED, PROVEN).green_writes
    assert known(ANNOUNCED, ENDED, PROVEN, to_green, RETURNS).green_writes
    assert not known(ANNOUNCED, ENDED, PROVEN, to_green, replace(to_green, direction="to-blue", how="switch")).green_writes


def test_a_volume_that_was_handed_over_counts_as_proven_until_it_is_announced_again() -> None:
    """On the way back it is blue's."""
    there = VolumeHandOverAnnounced(claim="s/c", direction="to-green", volume="pv", storage="NFS export nas:/a")
    assert known(there).open
    done = known(there, VolumeHandedOver(claim="s/c", direction="to-green", volume="pv", seconds=1.0))
    assert (done.open, done.proven, done.volume, done.came("pv"), done.came("")) == (False, True, "pv", True, False)
    back = VolumeHandOverAnnounced(claim="s/c", direction="to-blue", volume="pv", storage="NFS export nas:/a")
    assert not known(there, back).proven


def test_folders_of_passes_are_a_plan_only_where_both_are_known() -> None:
    """A pod told of them that has stopped by now; a claim that a person moves stays theirs."""
    unknown = VolumePlan("s/c", "s/c", Way.SKIP, reason="no pod tells")
    passed = ClaimData(on_blue="b:/x", on_green="g:/y")
    planned = passed.plan_from_passes(unknown)
    assert (planned.way, planned.blue, planned.green) == (Way.COPY, Place("b", "/x"), Place("g", "/y"))
    assert replace(passed, on_green="").plan_from_passes(unknown) is unknown
    theirs = replace(unknown, way=Way.OWN)
    assert passed.plan_from_passes(theirs) is theirs
