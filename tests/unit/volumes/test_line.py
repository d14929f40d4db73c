"""How a pass reaches the server of its source."""

from __future__ import annotations

import json

import pytest

from migrator.ports import RelayEnd
from migrator.volumes.line import Lines, Machine
from migrator.volumes.mover import NodeMover, unit_name
from tests.support.pass_hosts import JOB, hosts


class FakeRelay:
    """Says that ways stand, and remembers their ends."""

    def __init__(self) -> None:
        self.opened: list[tuple[RelayEnd, RelayEnd]] = []
        self.closed = 0

    def open(self, source: RelayEnd, target: RelayEnd) -> FakeRelay:
        """Say so."""
        self.opened.append((source, target))
        return self

    def close(self) -> None:
        """Count it."""
        self.closed += 1


def test_by_a_relay_both_hosts_speak_with_their_own_loopback() -> None:
    """The server takes nobody from outside, and the pass dials the port that leads to it; a pass that is joined gets a new one."""
    blue, green, _ = hosts()
    green.answers["python3 -c"] = "50001\n"
    relay = FakeRelay()
    mover = NodeMover({"b": Machine(blue, "10.0.0.1", ("ssh", "b"))}, {"g": Machine(green, "10.0.1.1", ("ssh", "g"))}, relay=relay)
    mover.move(JOB, lambda _: None)
    folder = f"/var/lib/migrator/volumes/{unit_name(JOB)}"
    assert relay.opened == [(RelayEnd("blue-1", ("ssh", "b"), 41234), RelayEnd("green-1", ("ssh", "g"), 50001))]
    assert relay.closed == 1
    settings = json.loads(green.files[f"{folder}/settings.json"])
    channel = settings["channel"]
    assert (channel["address"], channel["port"], channel["relayed"]) == ("127.0.0.1", 50001, True)
    assert green.files[f"{folder}/known_hosts"].startswith("[127.0.0.1]:50001 ssh-ed25519")
    assert any('from="127.0.0.1"' in text for text in blue.files.values())
    assert any("ListenAddress 127.0.0.1" in text for text in blue.files.values())
    green.answers["python3 -c"] = "50002\n"
    states = iter(["running", "running", "exited"])
    green.answers["systemctl show -p ActiveState"] = lambda _: (
        f"ActiveState=active\nSubState={next(states, 'exited')}\nExecMainStatus=0\n"
    )
    mover.move(JOB, lambda _: None)
    assert [target.port for _, target in relay.opened] == [50001, 50002]
    assert json.loads(green.files[f"{folder}/settings.json"]) == settings | {"channel": channel | {"port": 50002}}
    assert relay.closed == 2


@pytest.mark.parametrize(("relayed", "opened"), [(True, 1), (False, 0)])
def test_a_pass_that_is_joined_gets_a_relay_only_where_it_was_begun_with_one(relayed: bool, opened: int) -> None:  # noqa: FBT001
    """Its hosts reach each other otherwise, and the pass would lose the address that it dials."""
    blue, green, _ = hosts()
    green.answers["python3 -c"] = "50001\n"
    settings = {"settings": {}, "channel": {"relayed": relayed, "key": "k"}, "server": {"port": 41234, "hostKey": "h"}}
    green.files["/pass/settings.json"] = json.dumps(settings)
    relay = FakeRelay()
    lines = Lines(relay)
    lines.open_again("unit", Machine(blue, "10.0.0.1", ("ssh", "b")), Machine(green, "10.0.1.1", ("ssh", "g")), "/pass")
    assert len(relay.opened) == opened
