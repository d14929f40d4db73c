"""How the file says where traffic goes: one switch, or several that move together."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from migrator.config.load import parse_migration
from migrator.config.schema import Migration
from migrator.errors import ConfigError

HAPROXY = {"socket": "/s", "backend": "b", "blue": ["b1"], "green": ["g1"], "stateFile": "/f"}

LB1 = {"name": "lb1", "address": "10.0.0.3:9999"}
SEVERAL = {"backend": "b", "blue": ["b1"], "green": ["g1"], "instances": [LB1]}


def migration(**change: Any) -> Migration:
    """Return a migration with some settings."""
    return parse_migration(yaml.safe_dump({"name": "shop", "blue": {}, "green": {}, **change}), "m.yaml")


def test_traffic_is_one_switch_or_a_list_that_moves_together() -> None:
    """The steps and the soak time may stand in any of them."""
    other = {**HAPROXY, "socket": "/other"}
    assert migration().switches == ()
    both = migration(traffic=[{"haproxy": HAPROXY}, {"haproxy": other}]).switches
    assert [item.haproxy.socket for item in both if item.haproxy] == ["/s", "/other"]
    found = migration(traffic=[{"haproxy": HAPROXY}, {"haproxy": other, "steps": [10, 100], "soak": "5s"}]).course
    assert (found.steps, found.soak) == ((10, 100), 5)
    assert migration(traffic={"haproxy": HAPROXY}).course.soak == 30


@pytest.mark.parametrize(
    ("traffic", "words"),
    [
        ([], "traffic: names no switch"),
        ([{"haproxy": HAPROXY}, {"haproxy": HAPROXY}], "is listed twice: name each switch once"),
        (
            [{"haproxy": HAPROXY, "soak": "1s"}, {"haproxy": {**HAPROXY, "socket": "o"}, "soak": "2s"}],
            "soak differ between the switches",
        ),
        ([{"haproxy": {**HAPROXY, "soket": "o"}}], "traffic[0].haproxy.soket: unknown key, did you mean socket?"),
        (
            {"haproxy": {**SEVERAL, "socket": "/s"}},
            "traffic.haproxy: socket, address, ssh, stateFile and configuration stand in each instance",
        ),
        ({"haproxy": {**SEVERAL, "instances": [LB1, LB1]}}, "traffic.haproxy: two instances are named lb1"),
        ({"haproxy": {**SEVERAL, "instances": [{**LB1, "address": "10.0.0.3"}]}}, "instances[0]: '10.0.0.3' is not a host:port"),
        ({"haproxy": {**SEVERAL, "instances": [{"name": "x"}]}}, "instances[0]: give a socket, or an address"),
        ({"haproxy": {**HAPROXY, "address": "h:1"}}, "traffic.haproxy: give a socket, or an address"),
        (
            {"haproxy": {"address": "lb:1", "configuration": "write", "backend": "b", "blue": ["x"], "green": ["y"]}},
            "configuration: write belongs to a socket: nothing writes files behind an address",
        ),
        ({"haproxy": {**HAPROXY, "stateFile": ""}}, "stateFile is missing: without it a restart of HAProxy loses the weights"),
        ({"haproxy": {**HAPROXY, "socket": "", "address": "h:1"}}, "ssh and stateFile belong to a socket"),
        ({"haproxy": {**HAPROXY, "socket": "s", "ssh": {"address": "h"}}}, "socket and stateFile on a host are absolute paths"),
        (
            [{"haproxy": SEVERAL}, {"haproxy": {**HAPROXY, "socket": "", "stateFile": "", "address": "10.0.0.3:9999"}}],
            "is listed twice",
        ),
        ([{"steps": [100]}], "traffic[0]: give one of haproxy, dns, address and command"),
        ({"steps": [100]}, "traffic: give one of haproxy, dns, address and command"),
        (3, "traffic: must be a mapping"),
    ],
)
def test_a_mistake_in_traffic_is_one_line(traffic: object, words: str) -> None:
    """With the place as it stands in the file."""
    text = yaml.safe_dump({"name": "m", "blue": {}, "green": {}, "traffic": traffic})
    with pytest.raises(ConfigError) as caught:
        parse_migration(text, "m.yaml")
    assert len(caught.value.issues) == 1
    assert words in caught.value.issues[0]
