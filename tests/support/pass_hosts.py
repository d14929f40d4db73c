"""Two hosts on which a pass goes well, that are none."""

from __future__ import annotations

import json

from migrator.model.volumes import Job, Place
from migrator.volumes.line import Machine
from migrator.volumes.mover import NodeMover
from tests.support.hosts import FakeHost

JOB = Job("shop/data", Place("b", "/srv/blue"), Place("g", "/srv/green"), limit=500)
GOOD = {"good": True, "seconds": 1.0, "equal": True, "left": ["a\udcff: time"], "root": {"source": "d", "target": "d"}}


def hosts(said: str = "RESULT " + json.dumps(GOOD), path: str = "") -> tuple[FakeHost, FakeHost, NodeMover]:
    """Return two hosts on which everything goes well, and the pass says this."""
    found = []
    for name in ("blue-1", "green-1"):
        one = FakeHost(
            name, accepts=["systemctl stop", "ssh-keygen", "systemd-run", "create_connection", "pam.d", "test -", "grep -qwm1"]
        )
        one.answers["for name in"] = "\n"
        one.answers["ssh-keygen -q"] = "41234\nyes\nssh-ed25519 AAAA\n"
        one.answers["realpath"] = f"{path or '/srv/' + name}\n"
        one.answers["cat /var/log/migrator/"] = f"at work\n{said}\n"
        found.append(one)
    blue, green = found
    return blue, green, NodeMover({"b": Machine(blue, "10.0.0.1")}, {"g": Machine(green, "10.0.1.1")})
