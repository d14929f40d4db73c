"""What an upgrade refuses, and how it is given up; its runs are tried on real nodes."""

from __future__ import annotations

from typing import cast

import pytest

from migrator.cluster.drain import cordon
from migrator.errors import BlockedError, HostError
from migrator.journal.records.upgrade import HopRollbackEnded, HopRollbackStarted, StepStarted
from migrator.model.kinds import NODES
from migrator.model.upgrade import RunOptions, UpgradePlan, Workers
from migrator.model.version import parse_version
from migrator.upgrade.rollback import rollback_hop
from migrator.upgrade.session import UpgradeSession
from migrator.upgrade.state import Status
from migrator.upgrade.verbs import abort, begin, run_upgrade
from tests.support.facts import hop, node
from tests.support.fake_cluster import FakeCluster
from tests.support.hosts import FakeHost
from tests.support.nodes import FIRST, WORKER
from tests.support.recorder import Recorder
from tests.support.sessions import upgrade_session

HOPS = (hop("1.35.4", "1.36.3"), hop("1.36.3", "1.37.2"))
NOTHING_RUNS = ("systemctl list-units", "find /var/lib/migrator -maxdepth 1", "ls -1dt /etc/kubernetes/tmp/")
"""No unit of an earlier run, and nothing that it has left."""
APPLY = StepStarted(
    hop=HOPS[0].key, node=FIRST.name, role="control-plane", action="kubeadm upgrade apply", changes_control_plane=True
)


@pytest.fixture
def session() -> UpgradeSession:
    """Return a session on two nodes, with a journal in memory."""
    hosts = {item.name: FakeHost(item.name, accepts=NOTHING_RUNS) for item in (FIRST, WORKER)}
    cluster = FakeCluster()
    cluster.hold(node(FIRST.name), node(WORKER.name))
    return upgrade_session(cluster=cluster, hosts=hosts)


def plan() -> UpgradePlan:
    """Return a plan of two hops."""
    return UpgradePlan(parse_version("1.35.4"), parse_version("1.37.2"), HOPS, (), (), {}, {}, {}, {})


def cordoned(session: UpgradeSession, name: str) -> bool:
    """Return whether a node takes no pods."""
    return bool(session.cluster.get(NODES, "", name)["spec"].get("unschedulable"))


def test_abort_lets_back_in_what_the_tool_has_cordoned_and_nothing_else(session: UpgradeSession) -> None:
    """A node that a person has cordoned stays so."""
    begin(session, plan(), Workers.EACH_HOP)
    cordon(session.cluster, FIRST.name)
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
    with pytest.raises(BlockedError, match="no hop has changed the control plane") as caught:
        rollback_hop(session)
    assert "abort" in caught.value.hint
    session.write(APPLY)
    session.write(HopRollbackStarted(HOPS[0].key))
    session.write(HopRollbackEnded())
    with pytest.raises(BlockedError, match="the last hop has been taken back") as caught:
        rollback_hop(session)
    assert "abort" not in caught.value.hint


RUNNING = "migrator-control-plane-1.36.3.service loaded active running /usr/bin/sh\n"


def test_abort_is_refused_while_another_run_holds_the_lock(session: UpgradeSession) -> None:
    """A run that lives would go on beside an upgrade that has ended."""
    begin(session, plan(), Workers.EACH_HOP)
    with session.cluster.lock("ada@laptop/7", session.reporter), pytest.raises(BlockedError, match="is locked by ada@laptop/7"):
        abort(session)
    assert session.state.open


def test_abort_waits_for_what_still_runs(session: UpgradeSession) -> None:
    """Kubeadm goes on without us: an upgrade has not ended while it does."""
    begin(session, plan(), Workers.EACH_HOP)
    host = cast("FakeHost", session.hosts[FIRST.name])
    left = [RUNNING, RUNNING, ""]
    host.answers["systemctl list-units"] = lambda _: left.pop(0)
    abort(session)
    assert left == []
    assert session.state.status is Status.ABORTED


def test_abort_ends_what_still_runs_where_a_person_says_so(session: UpgradeSession) -> None:
    """And proves that it does not run any more."""
    begin(session, plan(), Workers.EACH_HOP)
    host = cast("FakeHost", session.hosts[FIRST.name])
    left = [RUNNING, ""]
    host.answers["systemctl list-units"] = lambda _: left.pop(0)
    host.accepts("systemctl stop migrator-control-plane-1.36.3.service")
    abort(session, end_running=True)
    assert (left, session.state.status) == ([], Status.ABORTED)


def test_abort_removes_the_programs_of_the_version_that_is_given_up(session: UpgradeSession) -> None:
    """No hop is left that would need them; a host that is away keeps them, and is named."""
    begin(session, plan(), Workers.EACH_HOP)
    first, second = (cast("FakeHost", session.hosts[name]) for name in (FIRST.name, WORKER.name))
    second.answers["find /var/lib/migrator"] = HostError("green-2: no route to host")
    abort(session)
    assert any(command.startswith("find /var/lib/migrator -maxdepth 1 -name 'kubernetes-*'  -exec") for command in first.commands)
    assert any("programs of old versions stay there" in text for text in cast("Recorder", session.reporter).notes)


def test_the_machines_are_remembered_when_an_upgrade_begins(session: UpgradeSession) -> None:
    """A rollback whose API server is away still knows who its hosts are."""
    known = node(WORKER.name)
    known["status"]["nodeInfo"]["machineID"] = "abc"
    cluster = FakeCluster()
    cluster.hold(known)
    session.cluster = cluster
    begin(session, plan(), Workers.EACH_HOP)
    assert session.state.machines == {WORKER.name: "abc"}
