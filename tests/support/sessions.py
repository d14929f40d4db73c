"""A session of an upgrade on hosts of a test."""

from __future__ import annotations

from typing import Any

from migrator.journal.ledger import Ledger
from migrator.journal.records.upgrade import UpgradeRecord
from migrator.upgrade.session import UpgradeSession
from migrator.upgrade.state import UpgradeFold
from tests.support.clock import FakeClock
from tests.support.fake_cluster import FakeCluster
from tests.support.hosts import FakeHost
from tests.support.journals import MemoryJournal, upgrade_ledger
from tests.support.nodes import FIRST, WORKER, spec
from tests.support.recorder import Recorder


def upgrade_session(**settings: Any) -> UpgradeSession:
    """Return a session on a control plane and a worker with fakes for all that it asks; `settings` are fields that differ."""
    nodes = settings.get("nodes", (FIRST, WORKER))
    usual = {
        "cluster": FakeCluster(),
        "hosts": {node.name: FakeHost(node.name) for node in nodes},
        "nodes": nodes,
        "spec": spec(),
        "ledger": upgrade_ledger(),
        "reporter": Recorder(),
        "clock": FakeClock(),
        "holder": "a@host/1",
    }
    return UpgradeSession(**usual | settings)


def session_of(
    first: FakeHost, second: FakeHost, cluster: FakeCluster | None = None
) -> tuple[UpgradeSession, Recorder, MemoryJournal[UpgradeRecord]]:
    """Return a session on a control plane and a worker, what a person sees of it, and its journal."""
    shown = Recorder()
    journal: MemoryJournal[UpgradeRecord] = MemoryJournal(FakeClock())
    session = upgrade_session(
        cluster=cluster or FakeCluster(),
        hosts={FIRST.name: first, WORKER.name: second},
        ledger=Ledger(journal, UpgradeFold()),
        reporter=shown,
    )
    return session, shown, journal
