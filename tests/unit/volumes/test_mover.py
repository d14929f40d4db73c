"""From a pass to units on two hosts; whole passes run in tests/integration/test_volumes.py."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from migrator.errors import BlockedError, HostError, SourceInUseError
from migrator.model.volumes import Direction, Job, Place, TakenBack
from migrator.volumes.line import Machine
from migrator.volumes.mover import NodeMover, unit_name
from tests.support.hosts import FakeHost
from tests.support.pass_hosts import GOOD, JOB, hosts


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
    mover.prepare(JOB, connected=False)
    assert not any("systemd-run" in command for command in green.commands)
    prepared = sum("systemd-run" in command for command in blue.commands)
    mover.move(JOB, lambda _: None)
    assert (prepared, sum("systemd-run" in command for command in blue.commands)) == (1, 1)
    before = len(blue.commands)
    mover.release()
    assert blue.commands[before:] == []
    mover.prepare(JOB, connected=False)
    mover.release()
    assert "systemctl stop migrator-data-" in blue.commands[-1]
    assert "rm -rf /run/migrator/migrator-data-" in blue.commands[-1]


def test_a_pass_that_is_prepared_and_connected_waits_for_its_file_to_go() -> None:
    """Its unit runs before the workload stops; what was not used is ended, and its key and file are gone."""
    blue, green, mover = hosts()
    waits = f"/run/migrator/data-{unit_name(JOB)}.wait"
    mover.prepare(JOB, connected=True)
    settings = json.loads(green.files[f"/var/lib/migrator/volumes/{unit_name(JOB)}/settings.json"])["settings"]
    assert (settings["wait_while"], waits in green.files) == (waits, True)
    begun = [number for number, command in enumerate(green.commands) if "systemd-run" in command]
    states = iter(["running", "running", "exited"])
    green.answers["systemctl show -p ActiveState"] = lambda _: f"ActiveState=active\nSubState={next(states)}\nExecMainStatus=0\n"
    assert mover.move(JOB, lambda _: None).equal
    assert [number for number, command in enumerate(green.commands) if "systemd-run" in command] == begun
    (let_begin,) = (command for command in green.commands[begun[0] + 1 :] if f"rm -f {waits}" in command)
    assert "systemctl stop" not in let_begin
    mover.release()
    blue, green, mover = hosts()
    mover.prepare(JOB, connected=True)
    mover.release()
    assert f"systemctl stop migrator-data-{unit_name(JOB)} " in green.commands[-1]
    assert waits in green.commands[-1]
    assert "systemctl stop migrator-data-" in blue.commands[-1]


def test_a_pass_that_a_killed_run_has_prepared_is_ended_and_begun_anew() -> None:
    """It waits with the settings of that run, and would wait for hours."""
    _, green, mover = hosts()
    mover.move(JOB, lambda _: None)
    first = green.commands[0]
    assert first.startswith("test -e /run/migrator/data-")
    assert f"systemctl stop migrator-data-{unit_name(JOB)} " in first
    assert any("systemd-run" in command for command in green.commands)


def test_with_a_chosen_port_no_server_stands_beside_another_one() -> None:
    """The passes of several volumes of one host come one after the other through it."""
    blue, green, _ = hosts()
    mover = NodeMover({"b": Machine(blue, "10.0.0.1")}, {"g": Machine(green, "10.0.1.1")}, port=2222)
    mover.prepare(JOB, connected=True)
    mover.release()
    assert (blue.commands, green.commands) == ([], [])


def test_a_pass_that_says_nothing_at_its_end_was_cut_off() -> None:
    """What it said last is shown; the next run goes on."""
    _, _, mover = hosts("copying\x1b[31m what differs")
    with pytest.raises(HostError, match=r"was cut off: at work\\ncopying\\x1b\[31m what differs"):
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


@pytest.mark.parametrize(
    "said",
    [
        'RESULT {"good": tr',
        "RESULT ",
        "RESULT 7",
        'RESULT ["good"]',
        'RESULT {"error": "x"}',
        "RESULT " + "[" * 20_000,
        ' RESULT {"good": true}',
        "Traceback (most recent call last):",
        "",
    ],
)
def test_half_of_a_last_line_is_a_pass_that_was_cut_off(said: str) -> None:
    """A full disk or a power cut leaves such a log; the next run continues, and nothing is taken as copied."""
    _, _, mover = hosts(said)
    with pytest.raises(HostError, match=r"g: the pass of shop/data was cut off: ") as caught:
        mover.move(JOB, lambda _: None)
    assert caught.value.hint == "run this again to continue"


def test_the_last_of_several_results_counts() -> None:
    """A pass that was begun again writes behind the one before."""
    _, _, mover = hosts('RESULT {"good": false, "error": "first", "hint": ""}\nRESULT ' + json.dumps(GOOD))
    assert mover.move(JOB, lambda _: None).equal


def test_a_source_in_use_is_an_error_of_its_own() -> None:
    """What a host says in it is printed as text."""
    said = {"good": False, "error": "in use by \x1b[31mdb", "hint": "stop\nit", "sourceInUse": True}
    _, _, mover = hosts("RESULT " + json.dumps(said))
    with pytest.raises(SourceInUseError, match=r"shop/data: in use by \\x1b\[31mdb") as caught:
        mover.move(JOB, lambda _: None)
    assert caught.value.hint == "stop\\nit"


def surveyed(answer: str, **more: Any) -> tuple[FakeHost, Mapping[str, object]]:
    """Return a host, and what its survey says."""
    blue, _, mover = hosts()
    blue.answers[" survey "] = answer
    return blue, mover.survey(JOB.source, source=True, **more)


def test_a_survey_is_the_last_line_and_leaves_out_what_a_person_says() -> None:
    """Each pattern stays text for the shell of the host."""
    host, found = surveyed('a banner\n{"entries": 3}\n', exclude=("it's", "**/*.tmp"))
    assert found == {"entries": 3}
    assert shlex.split(host.commands[-1])[-3:] == ["survey", "/srv/blue-1", '["it\'s", "**/*.tmp"]']
    host, _ = surveyed("{}\n")
    assert shlex.split(host.commands[-1])[-2:] == ["survey", "/srv/blue-1"]


def test_who_uses_a_folder_is_told_by_its_host_as_text() -> None:
    """The pod that holds it for this tool is named; it is no user."""
    blue, _, mover = hosts()
    blue.answers[" users "] = json.dumps(["process 7 (\x1b]0;x) has it open", 8]) + "\n"
    assert mover.users(JOB.source, source=True) == ("process 7 (\\x1b]0;x) has it open", "8")
    assert shlex.split(blue.commands[-1])[-3:] == ["users", "/srv/blue-1", ""]


def taken_back(said: str, *, everything: bool, kept: bool = True) -> tuple[FakeHost, TakenBack]:
    """Take back the changes of a pass, and return the host of its target."""
    _, green, mover = hosts(said)
    if not kept:
        green.accepted.remove("test -")
        green.fails("test -d")
    return green, mover.take_back(replace(JOB, undo=3), lambda _: None, everything=everything)


@pytest.mark.parametrize(("everything", "word"), [(True, "everything"), (False, "broken")])
def test_a_pass_is_ended_before_its_changes_are_taken_back(word: str, *, everything: bool) -> None:
    """Its key and the file that holds it back are gone first, too."""
    host, taken = taken_back('RESULT {"good": true, "left": [], "undone": 4, "digest": "d"}', everything=everything)
    assert (taken.objects, taken.digest) == (4, "d")
    undo = next(number for number, text in enumerate(host.commands) if f"/undo/3 {word}" in text)
    assert any("systemctl stop migrator-data-" in text and ".key" in text and ".wait" in text for text in host.commands[:undo])


def test_without_anything_kept_nothing_is_taken_back() -> None:
    """No unit is started for it."""
    host, taken = taken_back("", everything=True, kept=False)
    assert taken == TakenBack()
    assert not any("systemd-run" in text for text in host.commands)


def test_changes_that_cannot_be_taken_back_are_told() -> None:
    """With what the host says."""
    with pytest.raises(BlockedError, match="shop/data: a: its previous content is not kept anywhere"):
        taken_back('RESULT {"good": false, "error": "a: its previous content is not kept anywhere", "hint": ""}', everything=True)


def test_cleaning_ends_and_removes_all_of_one_volume_on_both_hosts() -> None:
    """And the folder of all volumes only with the last of them."""
    blue, green, mover = hosts()
    mover.clean(JOB)
    unit = unit_name(JOB)
    for host in (blue, green):
        assert f"rm -rf /run/migrator/data-{unit}.key" in host.commands[-1]
        assert f"/var/lib/migrator/volumes/{unit} " in host.commands[-1]
        assert "|| rm -rf /var/lib/migrator/volumes" in host.commands[-1]
        assert any(f"systemctl stop migrator-data-{unit}-source" in text for text in host.commands)


def test_the_proven_list_is_read_from_the_host_of_the_target() -> None:
    """As it lies there."""
    _, green, mover = hosts()
    green.files[f"/var/lib/migrator/volumes/{unit_name(JOB)}/proof.list"] = '{"end":0}\n'
    assert mover.read_list(JOB) == b'{"end":0}\n'


@pytest.mark.parametrize("answer", ["", "\n", "Segmentation fault", "[]", '"x"', "{"])
def test_an_answer_that_is_none_is_told_with_the_host(answer: str) -> None:
    """A broken Python, or a disk that gives zeros: it is not a bug of ours."""
    with pytest.raises(HostError, match=r"^blue-1 answers with something else"):
        surveyed(answer)
