"""Where an HAProxy may be."""

from __future__ import annotations

from migrator.config.haproxy import HAProxyConfig

LB1 = {"name": "lb1", "address": "10.0.0.3:9999"}
SEVERAL = {"backend": "b", "blue": ["b1"], "green": ["g1"], "instances": [LB1]}


def test_an_haproxy_may_be_anywhere() -> None:
    """On this machine, at an address, on a host over SSH; each has a name in messages."""
    ssh = {"name": "lb2", "socket": "/run/s", "stateFile": "/f", "ssh": {"address": "192.0.2.7", "user": "pi"}}
    given = {**SEVERAL, "instances": [LB1, ssh, {"name": "lb3", "address": "[fd00::3]:9999"}], "unreachable": "warn"}
    found = HAProxyConfig.model_validate(given)
    assert [(place.name, place.named) for place in found.instances] == [
        ("lb1", "10.0.0.3:9999"),
        ("lb2", "192.0.2.7:/run/s"),
        ("lb3", "[fd00::3]:9999"),
    ]
    assert [place.host_and_port for place in (found.instances[0], found.instances[2])] == [("10.0.0.3", 9999), ("fd00::3", 9999)]
