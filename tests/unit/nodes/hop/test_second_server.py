"""Second servers are removed once nobody needs them."""

from __future__ import annotations

import pytest

from migrator.errors import MigratorError
from migrator.nodes.hop.second_server import remove_left, start_api
from tests.support.second_servers import AWAY, REGULAR, SECOND, Plane


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


def test_a_second_one_gets_what_is_new_once_it_is_ready_and_not_before() -> None:
    """Until then the one that runs gets it: the other one listens from its beginning, and answers nothing yet."""
    host = Plane([AWAY, SECOND])
    start_api(host, 7)
    steered = [number for number, line in enumerate(host.commands) if "steer.pl $p" in line]
    asked = [number for number, line in enumerate(host.commands) if "readyz" in line]
    assert "newest" in host.commands[steered[-1]]
    assert "oldest" in host.commands[steered[0]]
    assert steered[0] < asked[0] < asked[-1] < steered[-1]
