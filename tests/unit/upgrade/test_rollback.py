"""The last hop is taken back: what is looked at before anything is stopped, and what a dead worker changes."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import cast
from unittest.mock import Mock

import pytest

from migrator.errors import BlockedError, CommandFailedError, HostError, JournalError, LockLostError, UnavailableError
from migrator.journal.records.upgrade import (
    Cordoned,
    HopRollbackEnded,
    HopRollbackStarted,
    RecordedHop,
    StepStarted,
    UpgradeRecord,
    UpgradeStarted,
)
from migrator.model.kinds import NODES
from migrator.model.upgrade import Workers
from migrator.model.version import parse_version
from migrator.nodes.hop.etcd import Snapshot
from migrator.upgrade.rollback import cannot_be_undone, roll_back
from migrator.upgrade.session import UpgradeSession
from migrator.upgrade.state import Status
from tests.support.crictl import etcd_manifest
from tests.support.facts import hop, node
from tests.support.fake_cluster import FakeCluster
from tests.support.hosts import Answer, FakeHost
from tests.support.journals import MemoryJournal
from tests.support.nodes import FIRST, WORKER
from tests.support.recorder import Recorder
from tests.support.sessions import session_of

HOP = hop("1.36.3", "1.37.2")
APPLY = StepStarted(hop=HOP.key, node=FIRST.name, role="control-plane", action="kubeadm upgrade apply", changes_control_plane=True)
NODE = {"status": {"conditions": [{"type": "Ready", "status": "True"}], "nodeInfo": {"kubeletVersion": "v1.36.3"}}}
TAKEN = {"hash": 1, "revision": 10, "totalKey": 5}


def control_plane() -> FakeHost:
    """Return a control plane on which nothing is left to do but to look: its part of the rollback was done before."""
    host = FakeHost(FIRST.name, accepts=["list-units", "test -", "pacman -Qkq", "systemctl is-active", "find /var", "ls -1dt"])
    host.answers = {
        "/status.json": json.dumps(TAKEN),
        "snapshot status": json.dumps({**TAKEN, "version": "3.7.0"}),
        "du -m ": "40\n",
        "tar -xzO": etcd_manifest(),
        "etcdutl version": "",
        "get --raw /version": "v1.36.3",
        "pacman -Q kubernetes 2>/dev/null | cut": "1.36.3\n",
        "get node ": json.dumps(NODE),
    }
    host.answers["get --raw /version"] = '{"gitVersion": "v1.36.3"}'
    return host


NO = CommandFailedError("test", 1, "no")


def first_of_all(host: FakeHost, answers: Mapping[str, Answer]) -> None:
    """Let a host answer so, before all that it was told."""
    host.answers = dict(answers) | {key: answer for key, answer in host.answers.items() if key not in answers}


def worker() -> FakeHost:
    """Return a worker that was taken back before."""
    host = FakeHost(WORKER.name, accepts=["list-units", "test -", "pacman -Qkq", "find /var", "ls -1dt"])
    host.answers["pacman -Q kubernetes 2>/dev/null | cut"] = "1.36.3\n"
    return host


def applied(first: FakeHost, second: FakeHost, **machines: str) -> tuple[UpgradeSession, MemoryJournal[UpgradeRecord]]:
    """Return a session whose hop has changed the control plane."""
    cluster = FakeCluster(version="v1.36.3")
    cluster.hold(node(FIRST.name), node(WORKER.name, unschedulable=True))
    session, _, journal = session_of(first, second, cluster)
    hops = (RecordedHop.of(HOP),)
    target = parse_version("1.37.2")
    session.write(UpgradeStarted(target=target, workers=Workers.EACH_HOP, hops=hops, machines=machines))
    session.write(APPLY)
    session.write(Cordoned(WORKER.name))
    return session, journal


def cordoned(session: UpgradeSession) -> bool:
    """Return whether the worker takes no pods."""
    return bool(session.cluster.get(NODES, "", WORKER.name)["spec"].get("unschedulable"))


def test_a_rollback_ends_with_every_node_taken_back() -> None:
    """And leaves nothing of the hop behind on its hosts."""
    first = control_plane()
    session, journal = applied(first, worker())
    result = roll_back(session)
    assert result.left == ()
    assert [type(item) for item in journal.records if isinstance(item, HopRollbackStarted | HopRollbackEnded)] == [
        HopRollbackStarted,
        HopRollbackEnded,
    ]
    assert session.state.status is Status.ROLLED_BACK
    assert not cordoned(session)
    assert any(command.startswith("find /var/lib/migrator") for command in first.commands)


@pytest.mark.parametrize("question", ["test -s", "pacman -Q kubernetes 2>/dev/null | cut"], ids=["before", "at its kubelet"])
def test_a_dead_worker_is_left_and_does_not_keep_the_others(question: str) -> None:
    """It is named with its reason; it stays cordoned; once it is back, the same verb continues it with it and ends."""
    dead = worker()
    first_of_all(dead, {question: HostError(f"{WORKER.name}: no route to host", hint="is it on?")})
    session, journal = applied(control_plane(), dead)
    result = roll_back(session)
    (text,) = result.left
    assert text.startswith(f"{WORKER.name}: not taken back: no route to host; is it on?; if it is gone for good")
    assert session.state.status is Status.ROLLING_BACK
    assert cordoned(session)
    session.hosts = {**session.hosts, WORKER.name: worker()}
    assert roll_back(session).left == ()
    assert isinstance(journal.records[-1], HopRollbackEnded)
    assert not cordoned(session)


def test_a_worker_that_is_gone_for_good_is_taken_out_of_the_file() -> None:
    """Then a rollback ends without it."""
    session, _ = applied(control_plane(), worker())
    session.nodes = (FIRST,)
    assert roll_back(session).left == ()
    assert session.state.status is Status.ROLLED_BACK


def test_a_journal_that_cannot_be_written_is_no_worker_that_is_left() -> None:
    """Nothing goes on unrecorded."""
    second = worker()
    session, journal = applied(control_plane(), second)

    def full(_: str) -> str:
        journal.full = True
        return "kubernetes\n"

    first_of_all(second, {"pacman -Qkq": full})
    with pytest.raises(JournalError):
        roll_back(session)


def test_what_still_runs_is_waited_for_before_anything_is_restored() -> None:
    """Kubeadm would put its own copies over what was restored."""
    first = control_plane()
    left = ["migrator-control-plane-1.37.2.service loaded active running x\n", ""]
    first_of_all(first, {"list-units": lambda _: left.pop(0)})
    session, journal = applied(first, worker())
    roll_back(session)
    assert left == []
    waited = max(number for number, command in enumerate(first.commands) if "list-units" in command)
    assert waited < next(number for number, command in enumerate(first.commands) if "du -m " in command)
    assert any(isinstance(item, HopRollbackEnded) for item in journal.records)


def refused(session: UpgradeSession, first: FakeHost, words: str) -> None:
    """Assert that a rollback is refused with these words while everything runs, and that nothing says it has begun."""
    with pytest.raises(BlockedError, match=words) as caught:
        roll_back(session)
    assert caught.value.hint
    assert not any("systemctl stop" in command or "crictl" in command for command in first.commands)


def test_nothing_is_stopped_while_another_run_holds_the_lock() -> None:
    """Its steps and ours would meet on the hosts; the first one to end is the other."""
    first = control_plane()
    session, journal = applied(first, worker())
    with session.cluster.lock("ada@laptop/7", session.reporter), pytest.raises(BlockedError, match="is locked by ada@laptop/7"):
        roll_back(session)
    assert not any(isinstance(item, HopRollbackStarted) for item in journal.records)
    assert not any("list-units" in command for command in first.commands)


def test_the_lock_is_held_until_the_api_servers_stop_and_no_longer() -> None:
    """It lies in the etcd that is replaced."""
    first = control_plane()
    session, _ = applied(first, worker())
    cluster = cast("FakeCluster", session.cluster)
    seen: dict[str, bool] = {}

    def noted(key: str, answer: Answer) -> Callable[[str], str]:
        def say(_: str) -> str:
            seen[key] = cluster.held is not None
            return str(answer)

        return say

    first_of_all(
        first, {key: noted(key, first.answers[key]) for key in ("du -m ", "tar -xzO")} | {"list-units": noted("units", "")}
    )
    roll_back(session)
    assert (seen["units"], seen["du -m "], cluster.held) == (True, True, None)


def test_a_cluster_that_gives_no_lock_keeps_nobody_from_going_back() -> None:
    """A broken API server is a reason to go back; that other runs are not seen is said."""
    session, journal = applied(control_plane(), worker())
    cluster = cast("FakeCluster", session.cluster)
    cluster.lock = Mock(side_effect=UnavailableError("green cannot be reached"))  # type: ignore[method-assign]
    assert roll_back(session).left == ()
    assert isinstance(journal.records[-1], HopRollbackEnded)
    assert any(
        "whether another run of migrator is under way elsewhere is not known" in text
        for text in cast("Recorder", session.reporter).notes
    )


def test_a_lock_that_was_lost_while_something_was_waited_for_stops_nothing() -> None:
    """The machine stood still, and another run has begun meanwhile."""
    first = control_plane()
    session, _ = applied(first, worker())

    def lose(_: str) -> str:
        held = cast("FakeCluster", session.cluster).held
        assert held
        held.taken_by = "bob@desk/9"
        return ""

    first_of_all(first, {"list-units": lose})
    with pytest.raises(LockLostError, match="bob@desk/9"):
        roll_back(session)


def test_nothing_is_stopped_for_a_rollback_without_its_snapshot() -> None:
    """It is gone, or not the bytes that were saved."""
    first = control_plane()
    session, _ = applied(first, worker())
    first_of_all(first, {"test -s ": NO})
    refused(session, first, "is missing or damaged")
    first_of_all(first, {"test -s ": "", "snapshot status": json.dumps({**TAKEN, "hash": 2})})
    refused(session, first, "is missing or damaged")
    assert session.state.status is Status.RUNNING


@pytest.mark.parametrize(
    ("question", "answer", "words"),
    [
        ("mountpoint -q", "/var/lib/etcd/member is a mount: only /var/lib/etcd may be one\n", "member is a mount"),
        ("tar -xzO", "", "has no single container etcd"),
    ],
)
def test_nothing_is_stopped_where_a_restore_could_not_be_done_to_its_end(question: str, answer: str, words: str) -> None:
    """Asked of every control plane."""
    first = control_plane()
    first_of_all(first, {"/restored": NO, question: answer})
    session, _ = applied(first, worker())
    refused(session, first, words)
    assert session.state.status is Status.RUNNING


def test_nothing_is_stopped_on_another_machine() -> None:
    """The API server is away; the journal remembers who the hosts were."""
    first = control_plane()
    first_of_all(first, {"cat /etc/machine-id": "bb"})
    session, _ = applied(first, worker(), **{FIRST.name: "aa"})
    refused(session, first, "is another machine than the node")
    assert session.state.status is Status.RUNNING


def test_a_worker_that_is_another_machine_is_left() -> None:
    """Nothing is done to it; the rest goes back."""
    second = worker()
    first_of_all(second, {"cat /etc/machine-id": "bb", "pacman -Qkq": "kubernetes\n"})
    session, _ = applied(control_plane(), second, **{WORKER.name: "aa"})
    (text,) = roll_back(session).left
    assert "is another machine than the node" in text


@pytest.mark.parametrize("kept", [True, False], ids=["beside it", "of 0.1.0"])
def test_every_member_has_the_snapshot_and_its_program_before_anything_is_stopped(kept: bool) -> None:  # noqa: FBT001
    """Taken on one control plane, needed on all: what is missing is brought, with its mode; the program must run there."""
    first, second = control_plane(), control_plane()
    session, _ = applied(first, second)
    session.nodes = (FIRST, replace(WORKER, role="control-plane"))
    folder = Snapshot(session.state.saved_as(HOP)).folder
    tool = f"{folder}/etcdutl" if kept else "/var/lib/migrator/etcd-tools/etcdutl"
    first.files = {f"{folder}/etcd.db": "data", f"{folder}/status.json": json.dumps(TAKEN), tool: "program"}
    for host in (first, second):
        first_of_all(host, {"/restored": NO, "mountpoint -q": "", **({} if kept else {"test -x": NO})})
    first_of_all(second, {f"test -s {path}": NO for path in first.files} | {"etcdutl version": NO})
    with pytest.raises(BlockedError, match="etcdutl does not run there"):
        roll_back(session)
    assert {path: second.modes[path] for path in first.files} == {
        f"{folder}/etcd.db": 0o600,
        f"{folder}/status.json": 0o600,
        tool: 0o755,
    }
    assert not any("systemctl stop" in command for command in second.commands)


def test_what_cannot_be_undone_is_said_for_what_is_planned() -> None:
    """Several hops, several control planes, a runtime that moves on."""
    hops = (hop("1.35.4", "1.36.3"), HOP)
    assert len(cannot_be_undone(hops[:1], 1)) == 1
    assert any("the last hop only (1.36.3 → 1.37.2)" in text for text in cannot_be_undone(hops, 1))
    assert any("all control planes" in text for text in cannot_be_undone(hops[:1], 3))


def test_what_is_lost_only_after_a_hop_is_finished_is_said_so() -> None:
    """Where some hops emulate the old minor first and others do not, each that does is named."""
    two = replace(HOP, emulated="1.36")
    (alone,) = cannot_be_undone((two,), 1)
    assert alone.startswith("until a hop is finished a rollback loses nothing; after that, what was written")
    mixed = cannot_be_undone((hop("1.35.4", "1.36.3"), two), 1)
    assert mixed[0].startswith("after a rollback, what was written")
    assert mixed[1] == "1.36.3 → 1.37.2 emulates 1.36 first: until it is finished a rollback loses nothing"
