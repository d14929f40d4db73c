"""What keeps an address from being handed over, and who takes it; the rest is in test_address.py, through the switch."""

from __future__ import annotations

import pytest

from migrator.config.address import AddressConfig
from migrator.errors import TrafficError
from migrator.traffic.address_facts import Hosts, standby_lines
from migrator.traffic.keepalived import Seen
from tests.support.fake_vrrp import vrrp


def test_the_one_with_the_highest_priority_takes_it() -> None:
    """Of those whose keepalived answers: it keeps the address when all of its side may hold it."""
    hosts = Hosts(
        {
            "g1": Seen(holds=False, file=0, lasting=True, vrrp=vrrp(priority=90)),
            "g2": Seen(holds=False, file=0, lasting=True, vrrp=vrrp(priority=110)),
            "g3": Seen(holds=False, file=0, lasting=True, trouble="keepalived does not run"),
        },
        {},
    )
    assert hosts.first(["g1", "g2", "g3"]) == "g2"
    for ask in (lambda: hosts.first(["g3", "g4"]), lambda: hosts.vrrp("g3"), lambda: hosts.holder(["g1", "g2"])):
        with pytest.raises(TrafficError):
            ask()


def test_the_lines_forbid_green_the_address_before_its_first_start() -> None:
    """And let blue have it, as before."""
    sides = {side: [{"name": side, "ssh": {"address": f"{side}.example"}}] for side in ("blue", "green")}
    config = AddressConfig.model_validate({"ip": "192.0.2.9", **sides})
    assert "init_file 0 " in standby_lines(config, "blue")
    assert "init_file -254 " in standby_lines(config, "green")
