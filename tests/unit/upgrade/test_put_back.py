"""A hop is taken back while its control plane emulates the old minor: etcd is not touched, and each cut goes on."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from migrator.errors import BlockedError, MigratorError
from migrator.journal.records.upgrade import (
    FinishStarted,
    HopRollbackEnded,
    HopRollbackStarted,
    RecordedHop,
    StepStarted,
    UpgradeRecord,
    UpgradeStarted,
    WindowOpened,
)
from migrator.model.kubeadm import CONTROL_PLANE
from migrator.model.upgrade import StepId, Workers
from migrator.upgrade.rollback import roll_back, rollback_hop
from migrator.upgrade.session import UpgradeSession
from migrator.upgrade.state import Status
from migrator.upgrade.verbs import abort, require_open_window
from tests.support.facts import hop, node
from tests.support.fake_cluster import FakeCluster
from tests.support.hosts import FakeHost
from tests.support.journals import MemoryJournal
from tests.support.nodes import FIRST, WORKER
from tests.support.sessions import session_of

HOP = replace(hop("1.36.3", "1.37.2"), emulated="1.36")
NEW = {"gitVersion": "v1.37.2", "minor": "37", "emulationMinor": "36"}
OLD = {"gitVersion": "v1.36.3", "minor": "36", "emulationMinor": "36"}


def control_plane(said: dict[str, str]) -> FakeHost:
    """Return a control plane whose API server says this, until its old manifests are put back."""
    host = FakeHost(FIRST.name, accepts=["list-units", "grep -q kube-", "cmp -s", "rm -f", "find /var/lib/migrator", "ls -1dt"])
    host.answers["get --raw /version"] = json.dumps(said)

    def replaced(_: str) -> str:
        host.answers["get --raw /version"] = json.dumps(OLD)
        return ""

    host.answers["for name in kube-apiserver"] = replaced
    host.answers["for name in kube-controller"] = ""
    host.answers["get pods kube-"] = "".join(f"r/{name}:v1.36.3 [{name}]\n" for name in CONTROL_PLANE)
    return host


def emulating(first: FakeHost) -> tuple[UpgradeSession, MemoryJournal[UpgradeRecord]]:
    """Return a session whose control plane emulates the old minor."""
    cluster = FakeCluster(version="v1.37.2")
    cluster.hold(node(FIRST.name), node(WORKER.name))
    worker = FakeHost(WORKER.name, accepts=["list-units", "find /var/lib/migrator", "ls -1dt"])
    session, _, journal = session_of(first, worker, cluster)
    session.write(UpgradeStarted(target=HOP.target, workers=Workers.EACH_HOP, hops=(RecordedHop.of(HOP),), hold=True))
    step = StepStarted(
        hop=HOP.key, node=FIRST.name, role="control-plane", action="x", id=StepId.EMULATING_FIRST, changes_control_plane=True
    )
    session.write(step)
    session.write(WindowOpened(HOP.key))
    return session, journal


def test_the_old_control_plane_goes_on_with_the_same_etcd() -> None:
    """No snapshot is looked at, nothing is stopped, no package, kubelet or etcd is changed; then the upgrade is rolled back."""
    first = control_plane(NEW)
    session, journal = emulating(first)
    assert rollback_hop(session) == HOP
    assert roll_back(session).left == ()
    assert isinstance(journal.records[-4], HopRollbackStarted)
    assert isinstance(journal.records[-1], HopRollbackEnded)
    assert session.state.status is Status.ROLLED_BACK
    assert session.state.window is None
    for word in ("etcd.yaml", "etcdutl", "etcdctl", "pacman", "systemctl restart", "systemctl stop"):
        assert not any(word in command for command in first.commands), word


def test_a_rollback_that_was_cut_off_goes_on() -> None:
    """Its start is in the journal once; what is done is not done again."""
    first = control_plane(NEW)
    first.answers["for name in kube-apiserver"] = MigratorError("cut")
    session, journal = emulating(first)
    with pytest.raises(MigratorError, match="cut"):
        roll_back(session)
    assert not any(isinstance(item, HopRollbackEnded) for item in journal.records)
    assert rollback_hop(session) == HOP
    session.hosts = {**session.hosts, FIRST.name: control_plane(OLD)}
    roll_back(session)
    assert sum(isinstance(item, HopRollbackStarted) for item in journal.records) == 1
    assert session.state.status is Status.ROLLED_BACK


def test_nothing_is_changed_where_the_old_minor_could_not_go_on() -> None:
    """A kubelet, or an API server that a person has raised, may have written what it does not know."""
    first = control_plane(NEW | {"emulationMinor": "37"})
    session, journal = emulating(first)
    with pytest.raises(BlockedError, match=r"1\.36\.3 does not know"):
        roll_back(session)
    assert not any(isinstance(item, HopRollbackStarted) for item in journal.records)
    assert not any("for name in kube-" in command for command in first.commands)


def test_after_finish_only_the_snapshot_leads_back() -> None:
    """Which must be there, then."""
    first = control_plane(NEW)
    first.fails("test -s /var/lib/migrator/snapshots")
    session, _ = emulating(first)
    session.write(FinishStarted(HOP.key))
    with pytest.raises(BlockedError, match="the snapshot taken before this hop"):
        rollback_hop(session)


def test_a_person_may_want_the_snapshot_all_the_same() -> None:
    """Once it has begun, run again it is not taken for the way that keeps etcd."""
    first = control_plane(NEW)
    first.fails("test -s /var/lib/migrator/snapshots")
    session, _ = emulating(first)
    with pytest.raises(BlockedError, match="the snapshot taken before this hop"):
        rollback_hop(session, from_snapshot=True)
    session.write(HopRollbackStarted(HOP.key, from_snapshot=True))
    assert not session.state.in_window(HOP)


def test_an_upgrade_is_not_given_up_while_an_old_minor_is_emulated() -> None:
    """Nobody would raise it any more; `rollback`, `finish` and `resume` are the ways out."""
    session, _ = emulating(control_plane(NEW))
    with pytest.raises(BlockedError, match=r"emulates 1\.36, or was being made so") as caught:
        abort(session)
    assert "rollback" in caught.value.hint
    session.write(FinishStarted(HOP.key))
    abort(session)
    assert session.state.status is Status.ABORTED


def test_only_what_emulates_can_be_finished() -> None:
    """Once, and when every control plane does."""
    session, _ = emulating(control_plane(NEW))
    assert require_open_window(session) == HOP
    session.write(FinishStarted(HOP.key))
    with pytest.raises(BlockedError, match="there is nothing to finish"):
        require_open_window(session)
