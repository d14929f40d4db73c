"""The table tells a person all that they must know."""

from __future__ import annotations

from migrator.rules.one_side.databases import CLUSTERS, SCHEDULES, TOLD_CLUSTERS
from migrator.rules.one_side.operated import OPERATED, TOLD_OPERATED
from migrator.rules.one_side.programs import PROGRAMS
from migrator.rules.one_side.table import KINDS, SCALERS, TOLD

ALL = (*KINDS, *OPERATED, *CLUSTERS, *SCHEDULES, *SCALERS, *PROGRAMS, *TOLD, *TOLD_OPERATED, *TOLD_CLUSTERS)


def test_each_row_is_recognised_by_something_and_says_why() -> None:
    """A row without marks would match everything or nothing."""
    for row in ALL:
        assert row.types or row.images or row.flags or row.fixed
        assert row.why
        assert row.meanwhile or not row.held
    assert len({row.name for row in ALL}) == len(ALL)
