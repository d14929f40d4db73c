"""From a pass to units on two hosts; whole passes run in tests/integration/test_volumes.py."""

from __future__ import annotations

import json

import pytest

from migrator.errors import BlockedError, HostError
from migrator.model.volumes import Direction, Job, Place
from migrator.ports import RelayEnd
from migrator.volumes.line import Machine
from migrator.volumes.mover import NodeMover, unit_name
from tests.support.hosts import FakeHost

JOB = Job("shop/data", Place("b", "/srv/blue"), Place("g", "/srv/green"), limit=500)
GOOD = {"good": True, "equal": True, "left": ["a\udcff: time"], "root": {"source": "d", "target": "d"}}


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


def test_the_private_key_is_a_secret_file_of_the_unit() -> None:
    """It is in no argument and in no file that stays; settings hold where it will be."""
    blue, green, mover = hosts()
    result = mover.move(JOB, lambda _: None)
    assert result.document["left"] == ["a\\udcff: time"]
    (unit,) = (command for command in green.commands if "systemd-run" in command)
    assert "PRIVATE KEY" not in unit
    assert any("BEGIN OPENSSH PRIVATE KEY" in text for text in green.given)
    assert not any("PRIVATE KEY" in text for text in (*green.files.values(), *blue.files.values(), *blue.given))
    settings = json.loads(green.files[f"/var/lib/migrator/volumes/{unit_name(JOB)}/settings.json"])
    assert settings["settings"]["root"] == "/srv/green-1"
    assert settings["settings"]["limit"] == 500
    assert settings["channel"]["key"] == f"/run/migrator/data-{unit_name(JOB)}.key"


def test_the_server_on_blue_ends_with_the_pass() -> None:
    """Also when it fails."""
    for said in ("RESULT " + json.dumps(GOOD), 'RESULT {"good": false, "error": "full", "hint": "grow it"}'):
        blue, _, mover = hosts(said)
        try:
            mover.move(JOB, lambda _: None)
        except BlockedError as error:
            assert (error.message, error.hint) == ("shop/data: full", "grow it")  # noqa: PT017
        assert "systemctl stop migrator-data-" in blue.commands[-1]


def test_the_last_pass_is_prepared_while_blue_serves_and_what_was_not_used_is_taken_back() -> None:
    """The server and the key are there before anything is stopped; nothing of them is left."""
    blue, green, mover = hosts()
    mover.prepare(JOB)
    assert not any("systemd-run" in command for command in green.commands)
    prepared = sum("systemd-run" in command for command in blue.commands)
    mover.move(JOB, lambda _: None)
    assert (prepared, sum("systemd-run" in command for command in blue.commands)) == (1, 1)
    before = len(blue.commands)
    mover.release()
    assert blue.commands[before:] == []
    mover.prepare(JOB)
    mover.release()
    assert "systemctl stop migrator-data-" in blue.commands[-1]
    assert "rm -rf /run/migrator/migrator-data-" in blue.commands[-1]


def test_with_a_chosen_port_no_server_stands_beside_another_one() -> None:
    """The passes of several volumes of one host come one after the other through it."""
    blue, green, _ = hosts()
    mover = NodeMover({"b": Machine(blue, "10.0.0.1")}, {"g": Machine(green, "10.0.1.1")}, port=2222)
    mover.prepare(JOB)
    mover.release()
    assert (blue.commands, green.commands) == ([], [])


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


def test_a_pass_that_says_nothing_at_its_end_was_cut_off() -> None:
    """What it said last is shown; the next run goes on."""
    _, _, mover = hosts("bringing\x1b[31m what differs")
    with pytest.raises(HostError, match=r"was cut off: at work\\nbringing\\x1b\[31m what differs"):
        mover.move(JOB, lambda _: None)


def test_a_pass_that_runs_already_is_joined() -> None:
    """No second server, no second key; the first one's server is ended with it."""
    blue, green, mover = hosts()
    states = iter(["running", "running", "exited"])
    green.answers["systemctl show -p ActiveState"] = lambda _: (
        f"ActiveState=active\nSubState={next(states, 'exited')}\nExecMainStatus=0\n"
    )
    assert mover.move(JOB, lambda _: None).equal
    assert [command.split()[:2] for command in blue.commands] == [["systemctl", "stop"]]
    assert not any("systemd-run" in command for command in green.commands)


@pytest.mark.parametrize("path", ["/", "/etc", "/etc/kubernetes", "/usr/lib/x", "/var/lib/etcd", "/var/lib", "/srv", "/root/x"])
def test_a_folder_of_the_system_is_no_volume(path: str) -> None:
    """Whatever a PersistentVolume names: its real path counts."""
    _, green, mover = hosts(path=path)
    with pytest.raises(BlockedError, match="is a folder of the system and no volume"):
        mover.move(JOB, lambda _: None)
    assert not any("systemd-run" in command for command in green.commands)


def test_a_folder_that_is_missing_and_a_node_that_nobody_named_are_told() -> None:
    """Before anything is started."""
    _, green, mover = hosts()
    green.fails("realpath")
    with pytest.raises(BlockedError, match="there is no such folder"):
        mover.move(JOB, lambda _: None)
    with pytest.raises(BlockedError, match="node x is in no file of hosts"):
        mover.running(Job("shop/data", JOB.source, Place("x", "/srv")))


def test_each_direction_and_each_volume_has_a_name_of_its_own() -> None:
    """So that two of them never share a unit, a key or a list."""
    names = {
        unit_name(JOB),
        unit_name(Job("shop/data", JOB.target, JOB.source, Direction.TO_BLUE)),
        unit_name(Job("shop/other", JOB.source, JOB.target)),
    }
    assert len(names) == 3
    assert unit_name(JOB) == unit_name(Job("shop/data", JOB.source, JOB.target, finish=True))
