"""A session of a migration between two clusters of a test."""

from __future__ import annotations

from typing import Any

from migrator.migration.run import Run
from migrator.migration.session import Session
from tests.support.contexts import configured
from tests.support.fake_cluster import FakeCluster
from tests.support.traffic import FakeProber, FakeRegistry, FakeRunner


def migration_session(blue: FakeCluster, green: FakeCluster, run: Run, **fields: Any) -> Session:
    """Return a session that moves no traffic, unless a field says otherwise."""
    usual: dict[str, Any] = {
        "config": configured(),
        "switch": None,
        "prober": FakeProber(),
        "registry": FakeRegistry(),
        "runner": FakeRunner(),
        "holder": "a@host/1",
    }
    return Session(blue=blue, green=green, run=run, **(usual | fields))
