"""What hops leave on hosts is removed."""

from __future__ import annotations

from migrator.errors import HostError
from migrator.journal.records.upgrade import HopEnded, RecordedHop, UpgradeStarted
from migrator.model.upgrade import Workers
from migrator.model.version import parse_version
from migrator.upgrade.cleaning import clean_hosts
from tests.support.facts import hop, node
from tests.support.fake_cluster import FakeCluster
from tests.support.hosts import FakeHost
from tests.support.nodes import FIRST, WORKER
from tests.support.sessions import session_of

LEFT = ("find /var/lib/migrator", "ls -1dt /etc/kubernetes/tmp/")


def test_programs_of_hops_that_are_left_stay() -> None:
    """The plan has brought those of the last hop already."""
    first, second = (FakeHost(name, accepts=LEFT) for name in (FIRST.name, WORKER.name))
    session, _, _ = session_of(first, second)
    hops = (hop("1.35.4", "1.36.3"), hop("1.36.3", "1.37.2"))
    session.write(UpgradeStarted(target=parse_version("1.37.2"), workers=Workers.LAST, hops=tuple(map(RecordedHop.of, hops))))
    session.write(HopEnded(hops[0].key))
    clean_hosts(session)
    for host in (first, second):
        assert "-name 'kubernetes-*' ! -name kubernetes-1.37.2 -exec rm -rf {} +" in host.commands[0]


def test_a_host_that_is_away_or_another_machine_is_named_and_left_alone() -> None:
    """The upgrade has ended well: this is no reason to call it failed."""
    first, second = FakeHost(FIRST.name), FakeHost(WORKER.name)
    first.answers["cat /etc/machine-id"] = HostError(f"{FIRST.name}: no route to host")
    second.answers["cat /etc/machine-id"] = "other"
    cluster = FakeCluster()
    cluster.hold(node(FIRST.name, machine="aa"), node(WORKER.name, machine="bb"))
    session, shown, _ = session_of(first, second, cluster)
    clean_hosts(session)
    assert [text.partition(":")[0] for text in shown.notes] == [FIRST.name, f"{WORKER.name} is another machine than the node"]
    assert not any("rm -rf" in command for host in (first, second) for command in host.commands)
