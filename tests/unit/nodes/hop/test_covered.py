"""A second API server answers while static pods are restarted, and is gone afterwards, whatever was cut off in between."""

from __future__ import annotations

import pytest

from migrator.nodes.hop.covered import Covered
from tests.support.second_servers import AWAY, REGULAR, SECOND, SHARED, Plane, Swap


@pytest.mark.parametrize(("alone", "meanwhile"), [(False, {"api"}), (True, {"api", "etcd"})])
def test_a_second_one_that_is_ready_itself_is_there_until_the_regular_one_is(*, alone: bool, meanwhile: set[str]) -> None:
    """An answer of the other one at the same port proves nothing, in either direction."""
    host, swap, said = Plane([REGULAR, AWAY, SECOND, SECOND, AWAY, REGULAR]), Swap(), list[str]()
    covered = Covered(swap, said.append, alone=alone)
    assert not covered.done(host)
    covered.run(host)
    assert swap.meanwhile == meanwhile
    assert covered.done(host)
    assert said == ["cp: a second API server answers on the same port meanwhile", "cp: the second API server is gone"]


@pytest.mark.parametrize(
    ("flags", "reason"),
    [
        ("kube-apiserver\n", "was started without --permit-port-sharing=true"),
        (f"{SHARED}--etcd-servers-overrides=/events#https://e:2379\n", "has --etcd-servers-overrides"),
    ],
)
def test_where_none_can_be_started_it_is_said_and_gone_on(flags: str, reason: str) -> None:
    """The hop is what was asked for."""
    host, swap, said = Plane([], flags=flags), Swap(), list[str]()
    Covered(swap, said.append, alone=True).run(host)
    assert swap.meanwhile == set()
    (line,) = said
    assert reason in line


def test_one_that_does_not_get_ready_is_removed_before_it_is_gone_on() -> None:
    """It would take half of all requests."""
    host, swap, said = Plane([AWAY] * 1000), Swap(), list[str]()
    Covered(swap, said.append, alone=True).run(host)
    assert swap.meanwhile == set()
    assert "is not ready: no etcd" in said[-1]


def test_one_that_an_interrupted_run_has_left_is_used_and_removed() -> None:
    """Killed before the swap, or after it."""
    before, swap = Plane([SECOND, REGULAR], left=True), Swap()
    before.answers["crictl ps"] = '{"containers": []}'
    Covered(swap, lambda _: None, alone=True).run(before)
    assert (swap.meanwhile, before.units) == ({"api"}, set())
    after, done = Plane([SECOND, REGULAR], left=True), Covered(Swap(done=True), lambda _: None)
    assert not done.done(after)
    done.run(after)
    assert after.units == set()
    assert not any("systemd-run" in command for command in (*before.commands, *after.commands))


def test_nobody_answers_in_the_place_of_what_is_known_to_stay() -> None:
    """A start of five seconds that nobody needs; what an interrupted run has left is removed all the same."""
    host, swap, said = Plane([]), Swap(), list[str]()
    Covered(swap, said.append, restarts_nothing=lambda _: True).run(host)
    assert (swap.meanwhile, said) == (set(), [])
    left = Plane([SECOND, REGULAR], left=True)
    Covered(swap, said.append, restarts_nothing=lambda _: True).run(left)
    assert left.units == set()
