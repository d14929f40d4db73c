"""A blue and a green cluster in memory, and the stages of a migration between them."""

from __future__ import annotations

from dataclasses import dataclass

import orjson

from migrator.journal.ledger import Ledger
from migrator.journal.records.migration import MigrationRecord
from migrator.migration.apply.judge import Known
from migrator.migration.copy import CopyOptions, CopyResult, copy
from migrator.migration.discover import discover, handed_over, read_green
from migrator.migration.inventory import GreenReading, live_of
from migrator.migration.plan import make_plan
from migrator.migration.plan_on_green import with_green
from migrator.migration.run import Run
from migrator.migration.state import MigrationFold, State
from migrator.model.manifest import Manifest, ref_of, without
from migrator.model.plan import Decision, Plan, PlanItem
from migrator.model.ref import ObjectRef
from migrator.rules.context import RuleContext
from tests.support.clock import FakeClock
from tests.support.contexts import configured
from tests.support.fake_cluster import FakeCluster
from tests.support.journals import MemoryJournal, migration_run
from tests.support.objects import config_map, crd, cron_job, deployment, job, made, service
from tests.support.recorder import Recorder

AT_ONCE = CopyOptions(backend_timeout=1.0)
_OF_ONE_CLUSTER = ("uid", "resourceVersion", "creationTimestamp", "generation", "managedFields")


@dataclass(slots=True)
class Pair:
    """Two clusters and one run of a migration between them."""

    run: Run
    journal: MemoryJournal[MigrationRecord]
    clock: FakeClock
    recorder: Recorder
    blue: FakeCluster
    green: FakeCluster
    context: RuleContext

    def read(self) -> tuple[Plan, GreenReading]:
        """Read both clusters and return the plan, with what is on green."""
        discovery = discover(self.blue, self.green, self.context, self.recorder)
        green = read_green(self.green, discovery.moving, self.recorder)
        plan = make_plan(handed_over(discovery.objects), discovery.inventory, self.context)
        return with_green(plan, green), green

    def copy(self, options: CopyOptions = AT_ONCE) -> CopyResult:
        """Copy in this run."""
        plan, green = self.read()
        return copy(plan, self.green, green.live, run=self.run, options=options)

    def next_run(self) -> Pair:
        """Return the pair as a later run of the tool finds it."""
        journal: MemoryJournal[MigrationRecord] = MemoryJournal(self.clock)
        journal.kept = list(self.journal.kept)
        recorder = Recorder()
        run = Run(Ledger(journal, MigrationFold()), recorder, self.clock)
        return Pair(run, journal, self.clock, recorder, self.blue, self.green, self.context)

    def known(self, *, state: State | None = None, force: bool = False) -> Known:
        """Return what a copy knows before its first wave."""
        plan, green = self.read()
        refs = {item.uid: item.green for item in plan.of(Decision.MOVE)}
        uids = {ref: live.uid for ref, live in green.live.items()}
        return Known(state or self.run.state, green.live, refs, uids, self.clock.now(), force)

    def item(self, ref: ObjectRef) -> PlanItem:
        """Return one item of the plan."""
        return next(item for item in self.read()[0].items if item.blue == ref)


def pair(*objects: Manifest, config: str = "", workers: int = 4) -> Pair:
    """Return a pair whose blue holds a namespace `shop` and these objects."""
    run, journal, clock, recorder = migration_run()
    blue = FakeCluster("blue", clock=clock, workers=workers)
    green = FakeCluster("green", clock=clock, workers=workers)
    blue.hold(made("v1", "Namespace", "shop"), *objects)
    return Pair(run, journal, clock, recorder, blue, green, RuleContext(configured(config)))


def in_shop(manifest: Manifest) -> Manifest:
    """Return the manifest in namespace `shop`."""
    return {**manifest, "metadata": {**manifest["metadata"], "namespace": "shop"}}


def shop() -> Pair:
    """Return a pair with ten objects of different kinds to move: two owners, a custom object and a finished Job."""
    both = pair(
        made("v1", "ServiceAccount", "app", namespace="shop"),
        made("v1", "Secret", "password", namespace="shop", data={"password": "aHVudGVyMg=="}),
        in_shop(service("front")),
        in_shop(deployment("front")),
        in_shop(cron_job("nightly")),
        finished_job("done"),
        crd("widgets", "Widget", "example.com"),
    )
    both.blue.hold(made("example.com/v1", "Widget", "big", namespace="shop", spec={"size": 3}))
    owner = both.blue.hold(config_map("parent", namespace="shop"))[0]
    both.blue.hold(owned_by(owner, config_map("child", namespace="shop")))
    return both


def owned_by(owner: Manifest, manifest: Manifest) -> Manifest:
    """Return the manifest with an owner that does not control it."""
    reference = {key: owner[key] for key in ("apiVersion", "kind")} | {key: owner["metadata"][key] for key in ("name", "uid")}
    return {**manifest, "metadata": {**manifest["metadata"], "ownerReferences": [reference]}}


def finished_job(name: str) -> Manifest:
    """Return a Job that is complete."""
    status = {
        "conditions": [{"type": "Complete", "status": "True"}],
        "succeeded": 1,
        "startTime": "2026-01-01T00:00:00Z",
        "completionTime": "2026-01-01T00:01:00Z",
    }
    return {**in_shop(job(name)), "status": status}


def in_green(cluster: FakeCluster, ref: ObjectRef) -> Manifest:
    """Return one object of a cluster."""
    resource = next(item for item in cluster.resources() if (item.group, item.kind) == (ref.group, ref.kind))
    return cluster.get(resource, ref.namespace, ref.name)


def token_of(cluster: FakeCluster, ref: ObjectRef) -> str:
    """Return what the journal would note of an object of green."""
    return live_of(in_green(cluster, ref)).token


def contents(cluster: FakeCluster) -> dict[ObjectRef, Manifest]:
    """Return all objects of a cluster without what differs between two clusters: UIDs, versions, times, addresses."""
    found = {}
    for resource in cluster.resources():
        for manifest in cluster.list(resource):
            metadata = without(manifest["metadata"], *_OF_ONE_CLUSTER)
            owners = [{**owner, "uid": ""} for owner in metadata.get("ownerReferences") or []]
            spec = without(manifest.get("spec") or {}, "clusterIP", "clusterIPs")
            found[ref_of(manifest)] = orjson.loads(
                orjson.dumps({**manifest, "metadata": metadata | {"ownerReferences": owners}, "spec": spec})
            )
    return found


def writes(cluster: FakeCluster) -> list[str]:
    """Return the requests that change something."""
    return [request for request in cluster.requests if request.split()[0] not in ("get", "list")]
