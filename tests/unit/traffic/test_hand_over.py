"""The parts of a move, one after the other; whatever fails in one of them, nobody has got or lost the address."""

from __future__ import annotations

import pytest

from migrator.errors import TrafficError
from migrator.traffic.keepalived import MAY, MAY_NOT
from tests.support.fake_vrrp import FakeHost, Sides

AT_REST = {"b1": MAY, "b2": MAY, "g1": MAY_NOT, "g2": MAY_NOT}


@pytest.fixture
def sides() -> Sides:
    """Return them, with the address on b1."""
    return Sides()


def test_one_hand_over_and_nobody_in_between(sides: Sides) -> None:
    """The address goes to the host of green that keeps it when all of green may have it, and back likewise."""
    sides.switch.shift(100)
    assert (sides.group.moves, sides.files) == (["g2"], {"b1": MAY_NOT, "b2": MAY_NOT, "g1": MAY, "g2": MAY})
    sides.switch.withdraw(end_connections=True)
    assert (sides.group.moves, sides.files) == (["g2", "b1"], AT_REST)


def test_who_takes_stands_by_below_the_holder_with_a_pause(sides: Sides) -> None:
    """A tenth of a second after the release, for a priority of 230 and an interval of a second (RFC 5798)."""
    sides.switch.shift(100)
    assert (sides.blue["b1"].values, sides.green["g2"].values[0]) == ([254 - 150, MAY_NOT], 230 - 160)


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (lambda sides: setattr(sides.blue["b1"], "stuck", True), "b1: its keepalived does not release the address"),
        (lambda sides: sides.blue["b1"].says.update(effective=150), "b1: its keepalived does not raise its priority"),
        (lambda sides: sides.green["g2"].says.update(state="FAULT"), "g2: its keepalived does not stand by below b1"),
        (lambda sides: setattr(sides.green["g2"], "deaf", True), "g2: its keepalived does not stand by below b1"),
    ],
    ids=["stuck", "does not look at the file", "stays in FAULT", "does not hear the holder"],
)
def test_who_does_not_do_it_is_named_and_the_address_stays(sides: Sides, fault: object, words: str) -> None:
    """Everything is as it was before."""
    assert callable(fault)
    fault(sides)
    with pytest.raises(TrafficError, match=f"^address 192.0.2.9: {words}; it stays on blue$"):
        sides.switch.shift(100)
    assert (sides.holders, sides.group.moves, sides.files) == (["b1"], [], AT_REST)


def test_an_error_of_ours_puts_all_back_too(sides: Sides, monkeypatch: pytest.MonkeyPatch) -> None:
    """A person's ^C between the two hosts."""

    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(FakeHost, "write_and_wait", interrupted)
    with pytest.raises(KeyboardInterrupt):
        sides.switch.shift(100)
    assert (sides.holders, sides.files) == (["b1"], AT_REST)
