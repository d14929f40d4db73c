"""A side of a way back may be away, or be another cluster by now."""

from __future__ import annotations

import pytest

from migrator.errors import BlockedError
from migrator.migration.fence import Limits, Side
from tests.support.clock import FakeClock
from tests.support.contexts import configured
from tests.support.fake_cluster import FakeCluster


def test_a_side_that_is_the_journal_s_is_returned() -> None:
    """By the identity of its cluster; one that is not known is taken as it is."""
    blue = FakeCluster("blue")
    for identity in (blue.identity(), ""):
        assert Side(lambda: blue, 1.0, identity).look(FakeClock()) is blue


def test_another_cluster_is_refused() -> None:
    """Nothing is changed there."""
    with pytest.raises(BlockedError, match="another cluster than the journal's"):
        Side(FakeCluster, 1.0, "another").look(FakeClock())


def test_a_person_sets_the_limits() -> None:
    """In the file; two and five minutes else."""
    assert Limits.of(configured().cutover) == Limits() == Limits(120, 300)
    assert Limits.of(configured("cutover: {stopTimeout: 10s, startTimeout: 1m}").cutover) == Limits(10, 60)
