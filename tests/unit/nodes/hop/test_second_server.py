"""Second servers are removed once nobody needs them."""

from __future__ import annotations

import pytest

from migrator.errors import MigratorError
from migrator.nodes.hop.second_server import remove_left
from tests.support.second_servers import REGULAR, SECOND, Plane


def test_it_stays_while_the_regular_one_is_not_ready() -> None:
    """Nothing else answers."""
    host = Plane([SECOND] * 10_000, left=True)
    with pytest.raises(MigratorError, match="a second one still answers"):
        remove_left(host)
    assert host.units == {"api"}


def test_it_goes_at_once_where_the_regular_one_does_not_share_its_port() -> None:
    """The regular one could not listen before."""
    host = Plane([], left=True)
    host.shares = False
    remove_left(host)
    assert host.units == set()


def test_a_regular_one_that_was_never_ended_is_asked_as_the_older_one() -> None:
    """A manifest that is as it should be is left alone by kubeadm; the newest one is the second then, and would be asked for ever."""
    host = Plane([REGULAR], left=True)
    host.runs_on = True
    remove_left(host)
    assert host.units == set()
    (asked,) = [line for line in host.commands if "readyz" in line]
    assert "127.0.0.1" not in asked
    steered = [line for line in host.commands if "steer.pl $p oldest" in line]
    assert steered
    assert host.commands.index(steered[0]) < host.commands.index(asked)
    assert not any("steer.pl $p newest" in line for line in host.commands)
