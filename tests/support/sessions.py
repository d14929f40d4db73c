"""A session of an upgrade on two hosts of a test."""

from __future__ import annotations

from migrator.journal.ledger import Ledger
from migrator.journal.records.upgrade import UpgradeRecord
from migrator.upgrade.session import UpgradeSession
from migrator.upgrade.state import UpgradeFold
from tests.support.clock import FakeClock
from tests.support.fake_cluster import FakeCluster
from tests.support.hosts import FakeHost
from tests.support.journals import MemoryJournal
from tests.support.nodes import FIRST, WORKER, spec
from tests.support.recorder import Recorder


def session_of(
    first: FakeHost, second: FakeHost, cluster: FakeCluster | None = None
) -> tuple[UpgradeSession, Recorder, MemoryJournal[UpgradeRecord]]:
    """Return a session on a control plane and a worker, what a person sees of it, and its journal."""
    shown = Recorder()
    journal: MemoryJournal[UpgradeRecord] = MemoryJournal(FakeClock())
    session = UpgradeSession(
        cluster=cluster or FakeCluster(),
        hosts={FIRST.name: first, WORKER.name: second},
        nodes=(FIRST, WORKER),
        spec=spec(),
        ledger=Ledger(journal, UpgradeFold()),
        reporter=shown,
        clock=FakeClock(),
        holder="a@host/1",
    )
    return session, shown, journal
