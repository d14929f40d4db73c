"""What several verbs of an upgrade do with the cluster and the hosts."""

from __future__ import annotations

from dataclasses import replace

import pytest

from migrator.errors import ApiError, HostError, LockLostError, MigratorError, UnavailableError
from migrator.journal.ledger import Ledger
from migrator.journal.records.upgrade import (
    Cordoned,
    RecordedHop,
    StepEnded,
    StepStarted,
    Uncordoned,
    UpgradeEnded,
    UpgradeRecord,
    UpgradeStarted,
)
from migrator.model.kinds import NODES
from migrator.model.upgrade import NodeSummary, StepId, Workers
from migrator.nodes.hop.actions import HopAction
from migrator.nodes.hop.kubeadm import Patches
from migrator.upgrade.session import UpgradeSession, require_version
from migrator.upgrade.state import UpgradeFold
from tests.support.clock import FakeClock
from tests.support.facts import hop, node
from tests.support.fake_cluster import FakeCluster
from tests.support.fake_cluster.faults import Fault, silent
from tests.support.fake_cluster.lock import FakeLock
from tests.support.hosts import FakeHost
from tests.support.journals import MemoryJournal
from tests.support.nodes import FIRST, WORKER
from tests.support.sessions import upgrade_session

HOP = hop("1.36.3", "1.37.2")
ETCD = "test -e /etc/kubernetes/manifests/etcd.yaml"


def session_on(
    cluster: FakeCluster, clock: FakeClock | None = None, *, machine: str = ""
) -> tuple[UpgradeSession, MemoryJournal[UpgradeRecord]]:
    """Return a session on a cluster of two nodes, of which the worker is this machine, and its journal."""
    cluster.hold(node(FIRST.name), node(WORKER.name, machine=machine))
    journal: MemoryJournal[UpgradeRecord] = MemoryJournal(FakeClock())
    session = upgrade_session(cluster=cluster, ledger=Ledger(journal, UpgradeFold()), clock=clock or FakeClock())
    return session, journal


def host_of(session: UpgradeSession, name: str) -> FakeHost:
    """Return a host as the fake that it is."""
    host = session.hosts[name]
    assert isinstance(host, FakeHost)
    return host


def cordoned(session: UpgradeSession, name: str) -> bool:
    """Return whether a node takes no pods."""
    return bool(session.cluster.get(NODES, "", name)["spec"].get("unschedulable"))


def test_a_cordon_is_recorded_once_and_undone_once() -> None:
    """Also when it is asked for again by a resumed run."""
    session, journal = session_on(FakeCluster())
    session.cordon(WORKER.name)
    session.cordon(WORKER.name)
    assert cordoned(session, WORKER.name)
    session.uncordon(WORKER.name)
    session.uncordon(WORKER.name)
    assert not cordoned(session, WORKER.name)
    assert journal.records == [Cordoned(WORKER.name), Uncordoned(WORKER.name)]


def test_a_cordon_whose_answer_is_lost_is_recorded() -> None:
    """The node may be cordoned: whoever continues must know by whom."""
    cluster = FakeCluster()
    session, journal = session_on(cluster)
    cluster.faults.append(Fault("patch", silent, times=1, lost_answer=True))
    with pytest.raises(ApiError):
        session.cordon(WORKER.name)
    assert journal.records == [Cordoned(WORKER.name)]
    session.uncordon(WORKER.name)
    assert not cordoned(session, WORKER.name)


def test_etcd_is_looked_for_once() -> None:
    """Each plan of a hop would ask the host again; a host that is away is asked later, and taken for the default until then."""
    session, _ = session_on(FakeCluster())
    host = host_of(session, FIRST.name)
    host.answers[ETCD] = HostError("green-1: no route to host")
    assert session.local_etcd
    host.fails(ETCD)
    assert [session.hop_spec(HOP).local_etcd, session.hop_spec(HOP).local_etcd] == [False, False]
    assert sum(ETCD in command for command in host.commands) == 2


def test_each_step_is_recorded_before_it_is_made_and_timed() -> None:
    """The identifier stands beside the label, and the seconds are the session's clock."""
    clock = FakeClock()
    session, journal = session_on(FakeCluster(), clock)
    host = host_of(session, WORKER.name)
    folder = "/etc/kubernetes/migrator-patches"

    def made(_: str) -> str:
        clock.pass_time(7.0)
        return ""

    host.answers = {f"rm -rf {folder}": made, f"ls {folder}": lambda _: "\n".join(path.rpartition("/")[2] for path in host.files)}
    action = HopAction(StepId.PATCHES, Patches((("etcd0+merge.yaml", b"a: 1\n"),)))
    assert session.converge(WORKER, [action], hop=HOP) == ["patches"]
    assert session.converge(WORKER, [action], hop=HOP) == []
    step = {"hop": HOP.key, "node": WORKER.name, "role": "worker", "action": "patches", "id": StepId.PATCHES}
    started, ended = journal.records
    assert isinstance(started, StepStarted)
    for item in (started, ended):
        assert {name: getattr(item, name) for name in step} == step
    assert isinstance(ended, StepEnded)
    assert ended.seconds == 7.0


def test_nodes_are_shown_as_the_cluster_sees_them() -> None:
    """In the order of the file; a node that the cluster does not know is left out."""
    session, _ = session_on(FakeCluster())
    session.nodes = (FIRST, replace(WORKER, name="green-9"), WORKER)
    assert session.summary() == (
        NodeSummary(FIRST.name, "control-plane", "1.36.3", ready=True, cordoned=False),
        NodeSummary(WORKER.name, "worker", "1.36.3", ready=True, cordoned=False),
    )


def test_no_nodes_are_shown_while_the_cluster_does_not_answer() -> None:
    """A run that has just ended well does not fail because of it."""
    cluster = FakeCluster()
    session, _ = session_on(cluster)
    cluster.faults.append(Fault("list", silent))
    assert session.summary() == ()


def test_the_api_server_must_be_of_the_version_of_the_hop() -> None:
    """Kubeadm has succeeded; another answer comes from another control plane."""
    session, _ = session_on(FakeCluster(version="v1.36.3"))
    require_version(session, "1.36.3")
    with pytest.raises(MigratorError, match=r"the API server is v1\.36\.3, not v1\.37\.2"):
        require_version(session, "1.37.2")


def begun_with(session: UpgradeSession, **machines: str) -> None:
    """Record the beginning of an upgrade, and which machines the nodes were."""
    hops = (RecordedHop.of(HOP),)
    session.write(UpgradeStarted(target=HOP.target, workers=Workers.EACH_HOP, hops=hops, machines=machines))


def test_a_host_is_proven_by_the_journal_without_the_api_server() -> None:
    """While kubeadm is at work it may be away, and a resumed run must not wait for it to join kubeadm."""
    cluster = FakeCluster()
    session, _ = session_on(cluster)
    begun_with(session, **{WORKER.name: "aa"})
    host_of(session, WORKER.name).answers["cat /etc/machine-id"] = "aa"
    before = len(cluster.requests)
    session.require_machine(WORKER)
    session.require_machine(WORKER)
    assert len(cluster.requests) == before
    assert len(host_of(session, WORKER.name).commands) == 1


@pytest.mark.parametrize(
    ("begun", "now", "host", "same"),
    [
        ("aa", "bb", "bb", True),
        ("aa", "bb", "cc", False),
        ("aa", "", "cc", False),
        ("", "bb", "bb", True),
        ("", "bb", "aa", False),
        ("", "", "cc", True),
    ],
    ids=["joined again meanwhile", "another", "another, the cluster is away", "cluster", "another by it", "nobody knows"],
)
def test_a_host_is_the_machine_that_the_journal_or_the_cluster_knows(begun: str, now: str, host: str, same: bool) -> None:  # noqa: FBT001
    """A node that was joined anew during an upgrade is the one that the cluster knows now."""
    session, _ = session_on(FakeCluster(), machine=now)
    begun_with(session, **({WORKER.name: begun} if begun else {}))
    host_of(session, WORKER.name).answers["cat /etc/machine-id"] = host
    assert session.is_same_machine(WORKER) is same


def test_the_journal_of_an_upgrade_that_has_ended_proves_nothing() -> None:
    """Since then the node may have become another machine."""
    session, _ = session_on(FakeCluster(), machine="bb")
    begun_with(session, **{WORKER.name: "aa"})
    session.write(UpgradeEnded())
    host_of(session, WORKER.name).answers["cat /etc/machine-id"] = "aa"
    assert not session.is_same_machine(WORKER)


def test_no_step_begins_once_the_lock_is_lost() -> None:
    """Another run works on the same hosts; a server that cannot tell may be down because of the step itself."""
    session, journal = session_on(FakeCluster())
    host = host_of(session, WORKER.name)
    folder = "/etc/kubernetes/migrator-patches"
    host.answers = {f"rm -rf {folder}": "", f"ls {folder}": lambda _: "\n".join(path.rpartition("/")[2] for path in host.files)}
    action = HopAction(StepId.PATCHES, Patches((("etcd0+merge.yaml", b"a: 1\n"),)))
    session.lock = FakeLock("a@host/1", taken_by="ben@b/2")
    with pytest.raises(LockLostError, match="taken over by ben@b/2"):
        session.converge(WORKER, [action], hop=HOP)
    assert (journal.records, host.files) == ([], {})
    session.lock = FakeLock("a@host/1", silence=UnavailableError("no answer"))
    assert session.converge(WORKER, [action], hop=HOP) == ["patches"]
