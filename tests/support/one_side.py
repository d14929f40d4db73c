"""A migration of external-dns with controllers, and a pair of clusters with CronJobs, for tests of what runs on one side only."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from migrator.config.load import parse_migration
from migrator.journal.records.migration import MigrationRecord
from migrator.journal.records.one_side import HandOverStep, Step
from migrator.journal.records.traffic import CutoverStarted
from migrator.migration.copy import CopyOptions
from migrator.migration.fence import Limits, Side, WayBack
from migrator.migration.one_side.back import hand_back
from migrator.migration.one_side.over import hand_over, ready_to_hand_over
from migrator.migration.one_side.sides import cron_job as part_of
from migrator.migration.rollback import finish
from migrator.migration.run import Run
from migrator.migration.session import Session
from migrator.migration.traffic_back import move_traffic
from migrator.migration.verbs.copy import run_copy
from migrator.migration.verbs.validate import run_validate
from migrator.model.kinds import CRON_JOBS, DEPLOYMENTS, PODS
from migrator.model.manifest import Manifest, get
from migrator.model.one_side import OneSide
from migrator.model.plan import Decision, Plan, PlanItem
from migrator.model.ref import ObjectRef
from tests.support.clock import FakeClock
from tests.support.fake_cluster import FakeCluster
from tests.support.journals import MemoryJournal, migration_run
from tests.support.objects import cron_job, deployment, made, service
from tests.support.traffic import FakeProber, FakeRegistry, FakeRunner, FakeSwitch

CONFIG = """
name: t
blue: {}
green: {}
traffic: {haproxy: {socket: s, backend: b, blue: [blue], green: [green], stateFile: f}, steps: [100], soak: 5s}
gates: {minRequests: 1, readyTimeout: 5s}
"""
DNS = ObjectRef("apps", "Deployment", "shop", "dns")
STAMP = "%Y-%m-%dT%H:%M:%SZ"
NIGHTLY = ObjectRef("batch", "CronJob", "shop", "nightly")
NIGHTLY_GREEN = ObjectRef("batch", "CronJob", "store", "nightly")
PAUSED = ObjectRef("batch", "CronJob", "shop", "paused")
PARTS = part_of(NIGHTLY, NIGHTLY_GREEN), part_of(PAUSED, PAUSED._replace(namespace="store"))
STEPS: tuple[Step, ...] = ("stop", "stopped", "start", "works")


def dns() -> Manifest:
    """Return external-dns with two replicas, as it runs on blue."""
    manifest = deployment("dns", 2)
    manifest["metadata"]["namespace"] = "shop"
    manifest["spec"]["template"]["spec"]["containers"][0]["image"] = "registry.k8s.io/external-dns/external-dns:v0.23.0"
    return manifest | {"status": {"observedGeneration": 1, "availableReplicas": 2}}


def pod(name: str) -> Manifest:
    """Return a pod of external-dns."""
    owner = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "dns-1", "uid": "r", "controller": True}
    return made("v1", "Pod", name, namespace="shop", labels={"app": "dns"}, owners=[owner], spec={"containers": []})


@dataclass(slots=True)
class Stand:
    """A migration of external-dns, and a controller for each cluster where a test starts it."""

    session: Session
    journal: MemoryJournal[MigrationRecord]
    clock: FakeClock
    blue: FakeCluster
    green: FakeCluster
    switch: FakeSwitch

    @property
    def replicas(self) -> tuple[int, int]:
        """The replicas that blue's and green's have."""
        blue, green = (item.get(DEPLOYMENTS, "shop", "dns")["spec"]["replicas"] for item in (self.blue, self.green))
        return blue, green

    @property
    def pods(self) -> list[str]:
        """The pods on blue and on green."""
        return [item.name for item in (self.blue, self.green) for _ in item.list(PODS, "shop")]

    def control(self, cluster: FakeCluster, *, every: float = 1.0, slow: float = 0.0) -> None:
        """Let a controller make and delete pods, a second after each change or `slow` seconds after it."""

        def work() -> None:
            manifest = cluster.get(DEPLOYMENTS, "shop", "dns")
            have, want = list(cluster.list(PODS, "shop", "app=dns")), manifest["spec"]["replicas"]
            for one in have[want:]:
                cluster.delete(PODS, "shop", one["metadata"]["name"], uid=one["metadata"]["uid"])
            for number in range(len(have), want):
                cluster.hold(pod(f"dns-{number}"))
            status = {"observedGeneration": manifest["metadata"].get("generation", 1), "availableReplicas": want}
            cluster.patch(DEPLOYMENTS, "shop", "dns", {"status": status}, manager="c", subresource="status")
            self.clock.after(every, work)

        self.clock.after(slow or every, work)

    def ready(self) -> None:
        """Copy and validate, with controllers on both sides."""
        run_copy(self.session, CopyOptions())
        self.control(self.blue)
        self.control(self.green)
        self.clock.pass_time(1.0)
        assert run_validate(self.session).good

    def back(self) -> tuple[str, ...]:
        """Roll back, and return what was left undone."""
        moved = move_traffic("t", self.journal.entries(), self.switch, self.session.run.reporter, lambda: 0.0)
        return finish(moved, self.session.way_back(), run=self.session.run).undone


def new_stand(config: str = CONFIG) -> Stand:
    """Return a migration of a namespace with external-dns and a Service before it."""
    run, journal, clock, _ = migration_run()
    blue, green = FakeCluster("blue", clock=clock), FakeCluster("green", clock=clock)
    blue.hold(made("v1", "Namespace", "shop"), dns(), service("dns") | {"metadata": {"name": "dns", "namespace": "shop"}})
    switch = FakeSwitch(clock)
    session = Session(
        config=parse_migration(config, "migration.yaml"),
        blue=blue,
        green=green,
        run=run,
        switch=switch,
        prober=FakeProber(),
        registry=FakeRegistry(),
        runner=FakeRunner(),
        holder="a@host/1",
    )
    return Stand(session, journal, clock, blue, green, switch)


def steps(stand: Stand) -> list[str]:
    """Return the steps of the hand-over."""
    return [f"{record.row} {record.step}" for record in stand.journal.records if isinstance(record, HandOverStep)]


@dataclass(slots=True)
class Pair:
    """Two clusters with the same CronJobs, all of them suspended on green."""

    run: Run
    journal: MemoryJournal[MigrationRecord]
    blue: FakeCluster
    green: FakeCluster
    plan: Plan

    def suspended(self, cluster: FakeCluster, ref: ObjectRef) -> bool:
        """Return whether a CronJob is suspended."""
        return bool(cluster.get(CRON_JOBS, ref.namespace, ref.name)["spec"].get("suspend"))

    def back(self) -> list[str]:
        """Hand the CronJobs back to blue."""
        blue, green = Side(lambda: self.blue, 1.0), Side(lambda: self.green, 1.0)
        return hand_back(self.run.state.handed, WayBack(blue, green), self.run.clock).left

    def over(self, limits: Limits | None = None) -> list[ObjectRef]:
        """Hand over what runs on blue, and return its names there."""
        due = ready_to_hand_over(self.plan, self.blue, self.green, self.run)
        hand_over(due, self.blue, self.green, self.run, limits or Limits(3, 3))
        return [part.blue for part in due]

    def wake_green(self) -> None:
        """Resume the nightly job on green, as a person may."""
        self.green.patch(CRON_JOBS, NIGHTLY_GREEN.namespace, NIGHTLY_GREEN.name, {"spec": {"suspend": False}}, manager="kubectl")

    @property
    def sides(self) -> tuple[bool, bool]:
        """Whether the nightly job runs on blue, and on green."""
        return not self.suspended(self.blue, NIGHTLY), not self.suspended(self.green, NIGHTLY_GREEN)


def new_pair() -> Pair:
    """Return a pair whose namespace `shop` is called `store` on green."""
    run, journal, clock, _ = migration_run()
    blue, green = FakeCluster("blue", clock=clock), FakeCluster("green", clock=clock)
    for cluster, namespace in ((blue, "shop"), (green, "store")):
        cluster.hold(made("v1", "Namespace", namespace))
        for name in ("nightly", "paused", "left"):
            suspend = cluster is green or name == "paused"
            cluster.hold(cron_job(name, suspend=suspend) | {"metadata": {"name": name, "namespace": namespace}})
    items = (
        PlanItem(NIGHTLY, NIGHTLY_GREEN, Decision.MOVE, one_side=OneSide("CronJob", "why", "meanwhile", PARTS[0])),
        PlanItem(PAUSED, PARTS[1].green, Decision.MOVE, one_side=OneSide("CronJob", "why", "meanwhile", PARTS[1])),
        PlanItem(NIGHTLY._replace(name="left"), NIGHTLY_GREEN._replace(name="left"), Decision.SKIP),
        PlanItem(NIGHTLY._replace(group="", kind="ConfigMap"), NIGHTLY_GREEN._replace(group="", kind="ConfigMap"), Decision.MOVE),
    )
    return Pair(run, journal, blue, green, Plan(items, (), {}, {}, (), ()))


def ran(cluster: FakeCluster, ref: ObjectRef) -> str | None:
    """Return when the CronJob's status says that it was last due."""
    found: str | None = get(cluster.get(CRON_JOBS, ref.namespace, ref.name), "status", "lastScheduleTime")
    return found


def runs(cluster: FakeCluster, ref: ObjectRef, at: str) -> None:
    """Let a run begin, as the controller does."""
    status = {"status": {"lastScheduleTime": at}}
    cluster.patch(CRON_JOBS, ref.namespace, ref.name, status, manager="controller", subresource="status")


class KilledError(BaseException):
    """The process is gone."""


def killed_after(stand: Stand, number: int) -> Callable[[MigrationRecord], None]:
    """Return what ends the process when so many steps of a hand-over are on disk."""

    def appended(_: MigrationRecord) -> None:
        if len(steps(stand)) >= number:
            raise KilledError

    return appended


def hand_over_alone(stand: Stand) -> None:
    """Hand over as a cutover does, but let nothing be taken back when the process is gone."""
    plan, _ = stand.session.read_and_plan()
    due = ready_to_hand_over(plan, stand.blue, stand.green, stand.session.run)
    stand.session.run.write(CutoverStarted())
    hand_over(due, stand.blue, stand.green, stand.session.run, Limits(), guarding=stand.session.guarding)
