"""What two clusters must be to each other before anything is read."""

from __future__ import annotations

from typing import Any, cast

import pytest

from migrator.config.load import parse_migration
from migrator.migration.session import Session
from tests.support.journals import migration_run


class Clocked:
    """A cluster that answers who it is and what time it has."""

    def __init__(self, identity: str, time: float) -> None:
        self._identity, self._time = identity, time

    def version(self) -> tuple[int, int, str]:
        """Return a version."""
        return 1, 37, "v1.37.2"

    def identity(self) -> str:
        """Return who it is."""
        return self._identity

    def server_time(self) -> float:
        """Return its clock."""
        return self._time


@pytest.mark.parametrize(("skew", "warned"), [(0.0, False), (59.0, False), (61.0, True), (-3600.0, True)])
def test_clocks_that_differ_are_a_warning(skew: float, warned: bool) -> None:  # noqa: FBT001
    """A minute is where leases and certificates begin to fail; the run goes on."""
    run, _, _, notes = migration_run()
    ports: dict[str, Any] = dict.fromkeys(("switch", "prober", "registry", "runner"))
    session = Session(
        config=parse_migration("name: t\nblue: {}\ngreen: {}\n", "t.yaml"),
        blue=cast("Any", Clocked("a", 1_000_000.0)),
        green=cast("Any", Clocked("b", 1_000_000.0 + skew)),
        run=run,
        holder="a@host/1",
        **ports,
    )
    assert session.preflight() == {"blue": "a", "green": "b"}
    assert ("the clocks of blue and green differ" in " ".join(notes.notes)) is warned
