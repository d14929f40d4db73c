"""Second servers are removed once nobody needs them."""

from __future__ import annotations

import pytest

from migrator.errors import MigratorError
from migrator.nodes.hop.second_server import remove_left
from tests.support.second_servers import SECOND, Plane


def test_it_stays_while_the_regular_one_is_not_ready() -> None:
    """Nothing else answers."""
    host = Plane([SECOND] * 10_000, left=True)
    with pytest.raises(MigratorError, match="a second one answers still"):
        remove_left(host)
    assert host.units == {"api"}


def test_it_goes_at_once_where_the_regular_one_does_not_share_its_port() -> None:
    """The regular one could not listen before."""
    host = Plane([], left=True)
    host.shares = False
    remove_left(host)
    assert host.units == set()
