"""What keepalived writes on SIGUSR1, of several versions, becomes one value."""

from __future__ import annotations

import pytest

from migrator.errors import TrafficError
from migrator.traffic.vrrp import Vrrp, read_vrrp
from tests.support.fake_vrrp import NOW

TRACK = "/etc/keepalived/migrator"
EARLY = """\
 VRRP Instance = shop
   State = MASTER
   Virtual Router ID = 51
   Priority = 150
   Effective priority = 150
   Advert interval = 500 milli-sec
   Virtual IP = 1
     192.0.2.9/24 dev eth0 scope global
------< VRRP Track files >------
 VRRP Track file = migrator
   File = /etc/keepalived/migrator
   Tracking VRRP instances = 1
     shop, weight 1
"""


def test_the_instance_of_the_address_is_read() -> None:
    """Not that of another one."""
    assert read_vrrp(NOW, "192.0.2.9", TRACK) == Vrrp(
        "shop", 51, "BACKUP", 100, 230, 1.0, 3, 7.0, repeats=True, heard=254, tracked=True
    )
    assert read_vrrp(NOW, "2001:0db8::0009", TRACK).name == "shop"
    assert read_vrrp(EARLY, "192.0.2.9", TRACK) == Vrrp(
        "shop", 51, "MASTER", 150, 150, 0.5, 3, 5.0, repeats=False, heard=0, tracked=True
    )


@pytest.mark.parametrize(
    "line",
    [
        "192.0.2.9/24 brd 192.0.2.255 dev eth0 scope global label eth0:vip",
        "192.0.2.9 peer 192.0.2.8/32 dev eth0",
        "192.0.2.9 dev eth0",
    ],
)
def test_an_address_is_found_whatever_stands_beside_it(line: str) -> None:
    """A broadcast address, a peer, a label."""
    assert read_vrrp(EARLY.replace("192.0.2.9/24 dev eth0 scope global", line), "192.0.2.9", TRACK).name == "shop"


def test_times_follow_priority_and_interval() -> None:
    """RFC 5798, section 6.1."""
    found = read_vrrp(NOW, "192.0.2.9", TRACK)
    assert (found.pause(256), found.pause(128)) == (0.0, 0.5)
    assert found.takes_after == pytest.approx(3 + 26 / 256)
    assert found.priority_for(0.1) == 230
    assert found.priority_for(5) == 1
    assert found.priority_for(0) == 253


@pytest.mark.parametrize(
    "changed",
    [
        ("     shop, weight 1", "     shop, weight 0"),
        ("     shop, weight 1", "     shop, weight 1 reverse"),
        ("     shop, weight 1", "     other, weight 1"),
        ("File = /etc/keepalived/migrator", "File = /run/migrator"),
    ],
)
def test_a_file_that_does_not_decide_is_seen(changed: tuple[str, str]) -> None:
    """Another weight, another instance, another file."""
    assert not read_vrrp(NOW.replace(*changed), "192.0.2.9", TRACK).tracked


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (NOW, "no VRRP instance has 192.0.2.91"),
        ("", "no VRRP instance has"),
        (NOW.replace("192.0.2.90/24", "192.0.2.91/24").replace("192.0.2.9/24", "192.0.2.91/24"), "2 VRRP instances have"),
        (NOW.replace("192.0.2.9/24", "192.0.2.91/24").replace("   Effective priority = 230\n", ""), "tells no Effective priority"),
        (NOW.replace("192.0.2.9/24", "192.0.2.91/24").replace("Priority = 100", "Priority = high"), "tells no Priority"),
    ],
    ids=["other address", "nothing", "twice", "no priority", "no number"],
)
def test_what_cannot_be_read_is_told(text: str, words: str) -> None:
    """One line."""
    with pytest.raises(TrafficError, match=words):
        read_vrrp(text, "192.0.2.91", TRACK)


def test_strange_lines_are_no_addresses() -> None:
    """Text of a host ends nothing."""
    strange = NOW.replace("     192.0.2.9/24", "     999.0.2.9/24 dev x\n     192.0.2.9/24")
    assert read_vrrp(strange, "192.0.2.9", TRACK).name == "shop"
