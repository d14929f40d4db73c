"""What is known about the data of claims."""

from __future__ import annotations

from migrator.journal.records.data import DataCleaned, DataPassAnnounced, DataPassEnded, DataProven
from migrator.migration.data_state import ClaimData, Data, after

ANNOUNCED = DataPassAnnounced(claim="s/c", direction="to-green", source="b:/x", target="g:/y")
ENDED = DataPassEnded(claim="s/c", direction="to-green", entries=3, bytes=10, received=5, seconds=2.0, left=1)
PROVEN = DataProven(claim="s/c", direction="to-green", digest="ab", entries=3, bytes=10, seconds=1.0, proof="p.gz")


def known(*records: DataPassAnnounced | DataPassEnded | DataProven | DataCleaned) -> ClaimData:
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


def test_a_proof_counts_until_the_next_pass_begins() -> None:
    """And only in the direction of green; its digest stays known, so that a rollback may follow."""
    assert known(ANNOUNCED, ENDED, PROVEN).proven
    again = known(ANNOUNCED, ENDED, PROVEN, ANNOUNCED)
    assert (again.proven, again.digest) == (False, "ab")
    back = DataProven(claim="s/c", direction="to-blue", digest="cd", entries=3, bytes=10, seconds=1.0, proof="q.gz")
    returned = DataPassAnnounced(claim="s/c", direction="to-blue", source="g:/y", target="b:/x")
    assert not known(ANNOUNCED, ENDED, PROVEN, returned, back).proven
