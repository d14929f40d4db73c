"""An address moves as a whole; who does not do what it is told is named, and the address stays where it was."""

from __future__ import annotations

import pytest

from migrator.errors import TrafficError
from migrator.traffic.keepalived import MAY, MAY_NOT
from tests.contract.switches import Place, SwitchContract
from tests.support.fake_vrrp import FakeGroup, Sides


@pytest.fixture
def sides() -> Sides:
    """Return them, with the address on b1."""
    return Sides()


class TestAddress(SwitchContract):
    """The suite."""

    @pytest.fixture
    def place(self, sides: Sides) -> Place:
        """Return the switch, and who has the address."""
        return Place(sides.switch, lambda: "green" if sides.holders[0] in sides.green else "blue")


def _end_blue(sides: Sides) -> None:
    for host in sides.blue.values():
        host.runs = False


AT_REST = {"b1": MAY, "b2": MAY, "g1": MAY_NOT, "g2": MAY_NOT}


@pytest.mark.parametrize(
    ("fault", "words", "hint"),
    [
        (lambda s: s.green["g1"].says.update(tracked=False), "g1: its keepalived does not track the file", "init_file -254"),
        (lambda s: s.blue["b2"].says.update(tracked=False), "b2: its keepalived does not track the file", "init_file 0"),
        (lambda s: s.green["g1"].says.update(priority=255, tracked=False), "g1: its priority is 255", "priority 254"),
        (lambda s: s.green["g1"].says.update(router=52), "virtual_router_id differs: b1 51, b2 51, g1 52", "agree"),
        (lambda s: s.green["g1"].says.update(interval=0.5), "advert_int differs", "the same"),
        (lambda s: setattr(s.green["g1"], "file", MAY), "g1 may take the address by itself", "-254"),
        (_end_blue, "it is on no host", "log"),
    ],
    ids=["green untracked", "blue untracked", "owner", "other router", "other interval", "green not forbidden", "nobody"],
)
def test_what_keeps_it_from_moving_is_told_beforehand(sides: Sides, fault: object, words: str, hint: str) -> None:
    """With the cure, and without a change."""
    assert callable(fault)
    fault(sides)
    for act in (sides.switch.require_shares, lambda: sides.switch.shift(100)):
        with pytest.raises(TrafficError, match=words) as caught:
            act()
        assert hint in caught.value.hint
    assert not any(host.values for host in sides.group.hosts.values())


def test_a_host_that_does_not_answer_keeps_a_cutover_from_beginning(sides: Sides) -> None:
    """It could take the address back later."""
    sides.blue["b2"].mute = True
    for act in (sides.switch.read, sides.switch.require_shares, lambda: sides.switch.shift(100)):
        with pytest.raises(TrafficError, match=r"b2 at 192\.0\.2\.1: no route to host"):
            act()
    assert sides.holders == ["b1"]


def test_the_way_back_goes_past_a_host_that_does_not_answer(sides: Sides) -> None:
    """The one that holds the address is outvoted, and may not take it back as long as nobody has told it."""
    sides.switch.shift(100)
    holder = sides.green["g2"]
    holder.mute = True
    withdrawal = sides.switch.withdraw(end_connections=True)
    assert (sides.holders, withdrawal.reading.green_percent) == (["b1"], 0)
    assert withdrawal.missed == ("g2: g2 at 192.0.2.1: no route to host: it may take the address again",)
    holder.mute = False
    assert sides.holders == ["b1"]
    assert sides.switch.withdraw(end_connections=True).missed == ()
    assert (sides.holders, sides.files) == (["b1"], AT_REST)


def test_the_way_back_tells_when_blue_does_not_get_it(sides: Sides) -> None:
    """All of blue is away, or the holder neither answers nor lets go."""
    sides.switch.shift(100)
    for host in sides.blue.values():
        host.mute = True
    with pytest.raises(TrafficError, match=r"b1 at 192\.0\.2\.1: no route to host"):
        sides.switch.withdraw(end_connections=True)
    for host in sides.blue.values():
        host.mute = False
    holder = sides.green["g2"]
    holder.mute = holder.stuck = True
    with pytest.raises(TrafficError, match="b1 does not get the address: g2: "):
        sides.switch.withdraw(end_connections=True)


@pytest.mark.parametrize("trouble", ["", "keepalived does not answer SIGUSR1", "keepalived does not run"])
def test_the_way_back_ends_a_keepalived_that_keeps_the_address(sides: Sides, trouble: str) -> None:
    """It is named, and may not take the address when it is started again."""
    sides.switch.shift(100)
    holder = sides.green["g2"]
    holder.stuck, holder.trouble = True, trouble
    withdrawal = sides.switch.withdraw(end_connections=True)
    assert withdrawal.missed == ("g2: its keepalived was killed, because it did not release the address: start it again",)
    assert (sides.holders, sides.files) == (["b1"], AT_REST)


def test_a_run_that_was_cut_off_is_finished(sides: Sides) -> None:
    """Between the two hosts, whichever way it goes on."""
    sides.blue["b1"].file, sides.green["g2"].file = 104, 70
    assert sides.switch.shift(100).green_percent == 100
    assert sides.files == {"b1": MAY_NOT, "b2": MAY_NOT, "g1": MAY, "g2": MAY}
    sides.green["g2"].file, sides.blue["b1"].file = 94, 80
    assert sides.switch.withdraw(end_connections=True).reading.green_percent == 0
    assert sides.files == AT_REST


def test_two_holders_are_told(sides: Sides) -> None:
    """They do not hear each other."""
    sides.blue["b1"].stuck = sides.blue["b2"].stuck = True
    sides.blue["b2"].holds = True
    with pytest.raises(TrafficError, match="is on b1 and b2 at the same time"):
        sides.switch.read()


def test_files_that_a_reboot_forgets_are_told(sides: Sides) -> None:
    """The host would take the address by itself."""
    assert sides.switch.after_restart() == ()
    sides.blue["b1"].lasting = False
    (told,) = sides.switch.after_restart()
    assert told.startswith("b1: /etc/keepalived/migrator is not on a disk")


def test_what_a_person_should_know(sides: Sides) -> None:
    """Where it is, and what repeats announcements."""
    assert len(sides.switch.require_shares()) == 1
    sides.green["g1"].says["repeats"] = False
    assert "garp_master_refresh" in sides.switch.require_shares()[1]


def test_an_empty_group_has_no_holder() -> None:
    """Nothing elects nobody."""
    group = FakeGroup()
    group.elect()
    assert group.moves == []
