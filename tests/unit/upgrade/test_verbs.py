"""What an upgrade refuses, and how it is given up; its runs are tried on real nodes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import pytest

from migrator.adapters.clock import SystemClock
from migrator.errors import BlockedError
from migrator.journal.records.upgrade import StepStarted
from migrator.model.manifest import Manifest
from migrator.model.upgrade import RunOptions, UpgradePlan, Workers
from migrator.model.version import parse_version
from migrator.nodes.hop.etcd import ETCDUTL
from migrator.upgrade.rollback import cannot_be_undone, roll_back, rollback_hop
from migrator.upgrade.session import UpgradeSession
from migrator.upgrade.state import Status
from migrator.upgrade.verbs import abort, begin, run_upgrade
from tests.support.facts import hop, node
from tests.support.hosts import FakeHost
from tests.support.journals import upgrade_ledger
from tests.support.nodes import FIRST, WORKER, spec
from tests.support.recorder import Recorder

HOPS = (hop("1.35.4", "1.36.3"), hop("1.36.3", "1.37.2"))
APPLY = StepStarted(
    hop=HOPS[0].key, node=FIRST.name, role="control-plane", action="kubeadm upgrade apply", changes_control_plane=True
)


class Nodes:
    """A cluster of nodes that can be cordoned."""

    def __init__(self) -> None:
        self.items: dict[str, Manifest] = {item.name: node(item.name) for item in (FIRST, WORKER)}

    def list(self, *_: object, **__: object) -> list[Manifest]:
        """Return all of them."""
        return list(self.items.values())

    def get(self, _: object, __: str, name: str) -> Manifest:
        """Return one."""
        return self.items[name]

    def patch(self, _: object, __: str, name: str, patch: dict[str, Any], *, manager: str) -> Manifest:
        """Change its spec."""
        assert manager == "migrator"
        self.items[name]["spec"] |= patch["spec"]
        return self.items[name]


@pytest.fixture
def session() -> UpgradeSession:
    """Return a session on two nodes, with a journal in memory."""
    hosts = {item.name: FakeHost(item.name) for item in (FIRST, WORKER)}
    return UpgradeSession(
        cluster=cast("Any", Nodes()),
        hosts=hosts,
        nodes=(FIRST, WORKER),
        spec=spec(),
        ledger=upgrade_ledger(),
        reporter=Recorder(),
        clock=SystemClock(),
        holder="a@host/1",
    )


def plan() -> UpgradePlan:
    """Return a plan of two hops."""
    return UpgradePlan(parse_version("1.35.4"), parse_version("1.37.2"), HOPS, (), (), {}, {}, {}, {})


def cordoned(session: UpgradeSession, name: str) -> bool:
    """Return whether a node takes no pods."""
    return bool(cast("Nodes", session.cluster).items[name]["spec"]["unschedulable"])


def test_abort_lets_back_in_what_the_tool_has_cordoned_and_nothing_else(session: UpgradeSession) -> None:
    """A node that a person has cordoned stays so."""
    begin(session, plan(), Workers.EACH_HOP)
    cast("Nodes", session.cluster).items[FIRST.name]["spec"]["unschedulable"] = True
    session.cordon(FIRST.name)
    session.cordon(WORKER.name)
    assert cordoned(session, WORKER.name)
    shown = abort(session)
    assert (cordoned(session, FIRST.name), cordoned(session, WORKER.name)) == (True, False)
    assert [(item.name, item.version) for item in shown] == [(FIRST.name, "1.36.3"), (WORKER.name, "1.36.3")]
    assert session.state.status is Status.ABORTED


def test_what_is_not_under_way_is_not_gone_on_with(session: UpgradeSession) -> None:
    """Resume, abort and rollback of nothing; a second upgrade beside the first."""
    for verb in (lambda: run_upgrade(session, RunOptions()), lambda: abort(session), lambda: rollback_hop(session)):
        with pytest.raises(BlockedError) as caught:
            verb()
        assert caught.value.hint
    begin(session, plan(), Workers.LAST)
    with pytest.raises(BlockedError, match=r"an upgrade to 1\.37\.2 is under way"):
        begin(session, plan(), Workers.LAST)
    with pytest.raises(BlockedError, match="no hop has changed the control plane"):
        rollback_hop(session)


def test_nothing_is_stopped_for_a_rollback_without_its_snapshot(session: UpgradeSession) -> None:
    """It is gone, or not the bytes that were saved: that is said while the cluster still runs."""
    begin(session, plan(), Workers.EACH_HOP)
    session.write(APPLY)
    host = cast("FakeHost", session.hosts[FIRST.name])
    host.fails("test -s /var/lib/migrator/snapshots")
    with pytest.raises(BlockedError, match="is not there or not whole"):
        roll_back(session)
    host.answers = {"status.json": '{"hash": 1}', "snapshot status": '{"hash": 2}'}
    with pytest.raises(BlockedError, match="is not there or not whole"):
        roll_back(session)
    assert not any("systemctl stop" in command for command in host.commands)
    assert session.state.status is Status.RUNNING


def test_every_member_has_the_snapshot_and_its_program_before_anything_is_stopped(session: UpgradeSession) -> None:
    """Taken on one control plane, needed on all: what is missing is brought, with its mode."""
    begin(session, plan(), Workers.EACH_HOP)
    session.write(APPLY)
    session.nodes = (FIRST, replace(WORKER, role="control-plane"))
    first, second = (cast("FakeHost", session.hosts[item.name]) for item in session.nodes)
    folder = f"/var/lib/migrator/snapshots/{session.state.saved_as(HOPS[0])}"
    first.files = {f"{folder}/etcd.db": "data", f"{folder}/status.json": '{"hash": 1}', ETCDUTL: "program"}
    first.answers = {"snapshot status": '{"hash": 1}'}
    first.fails("/restored")
    first.accepts(f"test -s {folder}/etcd.db", "systemctl is-active -q kubelet")
    second.accepts("systemctl is-active -q kubelet")
    second.fails("test -s")
    second.answers["systemctl stop kubelet"] = RuntimeError("this is far enough")
    first.answers["systemctl stop kubelet"] = RuntimeError("this is far enough")
    first.answers["crictl pods"] = "pod"
    with pytest.raises(RuntimeError):
        roll_back(session)
    assert {path: second.modes[path] for path in first.files} == {
        f"{folder}/etcd.db": 0o600,
        f"{folder}/status.json": 0o600,
        ETCDUTL: 0o755,
    }


def test_what_cannot_be_undone_is_said_for_what_is_planned() -> None:
    """Several hops, several control planes, a runtime that moves on."""
    assert len(cannot_be_undone(HOPS[:1], 1)) == 1
    assert any("the last hop only (1.36.3 → 1.37.2)" in text for text in cannot_be_undone(HOPS, 1))
    assert any("all control planes" in text for text in cannot_be_undone(HOPS[:1], 3))
