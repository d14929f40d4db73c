"""A migration of a namespace between two clusters in memory, with all that its verbs work on."""

from __future__ import annotations

from dataclasses import dataclass

from migrator.config.load import parse_migration
from migrator.journal.records.migration import (
    MigrationRecord,
)
from migrator.migration.copy import CopyOptions
from migrator.migration.session import Session
from migrator.migration.state import Stage
from migrator.migration.verbs.copy import run_copy
from migrator.migration.verbs.validate import run_validate
from migrator.model.kinds import CRON_JOBS
from migrator.model.ref import ObjectRef
from tests.support.clock import FakeClock
from tests.support.fake_cluster import FakeCluster
from tests.support.journals import MemoryJournal, migration_run
from tests.support.migrations import migration_session
from tests.support.objects import config_map, cron_job, made
from tests.support.traffic import FakeRunner, FakeSwitch

CONFIG = """
name: shop
blue: {kubeconfig: k}
green: {kubeconfig: k}
traffic: {steps: [50, 100], soak: 10s, haproxy: {socket: /s, backend: b, blue: [blue], green: [green], stateFile: /f}}
gates: {minRequests: 1, readyTimeout: 1s}
retire: {soak: 60s}
probes: [{name: front, tcp: {host: green.example, port: 80}}]
hooks:
  beforeCopy: [[before-copy, secret]]
  afterCopy: [[after-copy]]
  beforeCutover: [[before-cutover]]
  afterCutover: [[after-cutover]]
  afterRollback: [[after-rollback]]
"""
NIGHTLY = ObjectRef("batch", "CronJob", "shop", "nightly")
"""What runs on one side only."""


@dataclass(slots=True)
class Stand:
    """A migration with all that it works on."""

    session: Session
    journal: MemoryJournal[MigrationRecord]
    clock: FakeClock
    blue: FakeCluster
    green: FakeCluster
    switch: FakeSwitch
    runner: FakeRunner

    @property
    def state(self) -> Stage:
        """How far the migration is."""
        return self.session.run.state.stage

    @property
    def cronjob_runs_on(self) -> tuple[bool, bool]:
        """Whether the CronJob runs on blue, and on green."""
        blue, green = (not item.get(CRON_JOBS, "shop", "nightly")["spec"].get("suspend") for item in (self.blue, self.green))
        return blue, green

    def of(self, *kinds: type[MigrationRecord]) -> list[MigrationRecord]:
        """Return the records of these classes."""
        return [record for record in self.journal.records if isinstance(record, kinds)]

    def ready(self) -> None:
        """Copy and validate, so that a cutover may begin."""
        run_copy(self.session, CopyOptions())
        assert run_validate(self.session).good
        self.runner.ran.clear()


def verb_stand() -> Stand:
    """Return a new migration of a namespace with a ConfigMap and a CronJob."""
    run, journal, clock, _ = migration_run()
    blue, green = FakeCluster("blue", clock=clock), FakeCluster("green", clock=clock)
    blue.hold(made("v1", "Namespace", "shop"), config_map("settings", namespace="shop"))
    blue.hold(cron_job("nightly") | {"metadata": {"name": "nightly", "namespace": "shop"}})
    switch, runner = FakeSwitch(clock), FakeRunner()
    session = migration_session(blue, green, run, config=parse_migration(CONFIG, "migration.yaml"), switch=switch, runner=runner)
    return Stand(session, journal, clock, blue, green, switch, runner)
