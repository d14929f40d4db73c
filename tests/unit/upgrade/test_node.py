"""The last steps of a hop: a node is drained, upgraded, let back in and settled before the next one, and a run stops in a clean state."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import orjson
import pytest

from migrator.errors import ApiError, GateFailedError, MigratorError
from migrator.journal.ledger import Ledger
from migrator.journal.records.upgrade import Cordoned, StepEnded, StepStarted, Uncordoned, UpgradeRecord
from migrator.model.kinds import DEPLOYMENTS, NODES
from migrator.model.upgrade import DrainRules, Pause, RunOptions, StepId
from migrator.nodes.hop.actions import HopAction
from migrator.nodes.spec import NodeSpec
from migrator.ports import Host
from migrator.upgrade.node import Paused, upgrade_nodes
from migrator.upgrade.session import UpgradeSession
from migrator.upgrade.stage import Stage, Step
from migrator.upgrade.state import UpgradeFold
from tests.support.clock import FakeClock
from tests.support.facts import hop, node, pod
from tests.support.fake_cluster import FakeCluster
from tests.support.fake_cluster.faults import Fault, unavailable
from tests.support.journals import MemoryJournal
from tests.support.objects import made
from tests.support.sessions import upgrade_session

HOP = hop()
CP = NodeSpec("cp", "10.0.0.1", "control-plane", first=True)
W1, W2, W3 = (NodeSpec(f"w{number}", f"10.0.1.{number}", "worker") for number in (1, 2, 3))
ALL = (CP, W1, W2, W3)
BUDGET = {"selector": {"matchLabels": {"app": "web"}}}


@dataclass(slots=True)
class World:
    """Nodes to upgrade, and what has happened to them, in order."""

    session: UpgradeSession
    cluster: FakeCluster
    journal: MemoryJournal[UpgradeRecord]
    clock: FakeClock
    events: list[str] = field(default_factory=list)
    done: set[str] = field(default_factory=set)
    broken: str = ""
    """Nodes whose packages cannot be installed."""
    effect: Callable[[], None] = lambda: None
    """What follows when packages are installed."""

    def steps(self) -> tuple[Step, ...]:
        """Return the steps of all nodes."""
        return tuple(
            Step(Stage.NODES, item, (self.action(item, "packages"),), (self.action(item, "prepared"),))
            for item in self.session.nodes
        )

    def action(self, of: NodeSpec, name: str) -> HopAction:
        """Return an action that is done once it has run."""
        return HopAction(StepId.PACKAGES if name == "packages" else StepId.IMAGES, Stub(self, of.name, name))

    def upgrade(self, **options: object) -> None:
        """Upgrade the nodes."""
        rules = {"drain": DrainRules(timeout=5.0), **options}
        upgrade_nodes(self.session, HOP, self.steps(), RunOptions(**rules))  # type: ignore[arg-type]

    def cordoned(self, name: str) -> bool:
        """Return whether a node takes no pods."""
        return bool(self.cluster.get(NODES, "", name)["spec"].get("unschedulable"))

    def upgraded(self) -> list[str]:
        """Return the nodes whose packages were installed, in order."""
        return [event.split()[1] for event in self.events if event.startswith("packages")]


@dataclass(slots=True, frozen=True)
class Stub:
    """Something that is done to a node."""

    world: World
    node: str
    name: str

    def done(self, _: Host) -> bool:
        """Return whether it was done."""
        return f"{self.name} {self.node}" in self.world.done

    def run(self, _: Host) -> None:
        """Do it, and note whether the node takes pods meanwhile."""
        self.world.events.append(f"{self.name} {self.node} {'cordoned' if self.world.cordoned(self.node) else 'in use'}")
        if self.name == "packages" and self.node in self.world.broken.split():
            raise MigratorError(f"{self.node} is broken")
        self.world.done.add(f"{self.name} {self.node}")
        if self.name == "packages":
            self.world.effect()


@pytest.fixture
def world() -> World:
    """Return a control plane and three workers, with a pod on each worker."""
    clock = FakeClock()
    cluster = FakeCluster(clock=clock)
    cluster.hold(made("v1", "Namespace", "shop"), *(node(item.name) for item in ALL))
    cluster.hold(*(pod(f"web-{item.name}", item.name, labels={"app": "web"}) for item in (W1, W2, W3)))
    journal: MemoryJournal[UpgradeRecord] = MemoryJournal(clock)
    session = upgrade_session(cluster=cluster, nodes=ALL, ledger=Ledger(journal, UpgradeFold()), clock=clock)
    return World(session, cluster, journal, clock)


def test_control_planes_come_first_then_workers_one_by_one(world: World) -> None:
    """Each is prepared while it is in use, emptied, upgraded, and takes pods again."""
    world.upgrade()
    assert world.events == [
        f"{what}" for item in ALL for what in (f"prepared {item.name} in use", f"packages {item.name} cordoned")
    ]
    assert not any(world.cordoned(item.name) for item in ALL)
    assert [request for request in world.cluster.requests if request.startswith("evict")] == [
        f"evict Pod shop/web-{item.name}" for item in (W1, W2, W3)
    ]


def test_every_change_is_announced_before_it_is_made(world: World) -> None:
    """The cordon, the drain with its time, each action, and that it takes pods again."""
    world.upgrade(limit=frozenset({"w1"}))
    words = [
        f"{type(record).__name__} {record.id.value}"
        if isinstance(record, StepStarted | StepEnded) and record.id
        else type(record).__name__
        for record in world.journal.records
    ]
    before, drain, own = StepId.IMAGES.value, StepId.DRAIN.value, StepId.PACKAGES.value
    assert words == [
        *(f"StepStarted {before}", f"StepEnded {before}", "Cordoned", f"StepStarted {drain}", f"StepEnded {drain}"),
        *(f"StepStarted {own}", f"StepEnded {own}", "Uncordoned"),
    ]


def test_a_node_that_is_done_is_not_drained_again(world: World) -> None:
    """A resumed run begins with the one that was under way."""
    world.done |= {f"packages {name}" for name in ("cp", "w1")}
    world.upgrade()
    assert world.upgraded() == ["w2", "w3"]
    assert not any("web-w1" in request for request in world.cluster.requests)


def test_a_node_that_was_done_and_stayed_cordoned_takes_pods_again(world: World) -> None:
    """The run was killed between the two."""
    world.done |= {f"packages {item.name}" for item in ALL}
    world.session.cordon("w1")
    world.upgrade()
    assert not world.cordoned("w1")
    assert world.journal.records == [Cordoned("w1"), Uncordoned("w1")]


def test_a_person_s_own_cordon_stays(world: World) -> None:
    """The node is upgraded all the same."""
    world.cluster.patch(NODES, "", "w1", {"spec": {"unschedulable": True}}, manager="kubectl")
    world.upgrade()
    assert world.cordoned("w1")
    assert "w1" in world.upgraded()


def test_only_the_nodes_that_a_person_names_are_upgraded(world: World) -> None:
    """The others wait for another run."""
    world.upgrade(limit=frozenset({"w2"}))
    assert world.upgraded() == ["w2"]


def test_a_drain_that_is_held_up_leaves_the_node_as_it_was(world: World) -> None:
    """It takes pods again, nothing was installed, and no other node was begun."""
    world.cluster.hold(
        made("policy/v1", "PodDisruptionBudget", "web", namespace="shop", spec=BUDGET, status={"disruptionsAllowed": 0})
    )
    with pytest.raises(GateFailedError, match="w1 is uncordoned; nothing on it was changed") as caught:
        world.upgrade()
    assert caught.value.hint
    assert (world.upgraded(), world.cordoned("w1")) == (["cp"], False)
    assert world.clock.monotonic() >= 5


@pytest.mark.parametrize("api_is_away", [False, True])
def test_an_eviction_that_cannot_be_asked_for_lets_the_node_back_in(world: World, *, api_is_away: bool) -> None:
    """Nothing of it was changed; where the API server does not hear of it either, the first error is what is told."""
    world.cluster.faults.append(Fault("evict", unavailable, kind="Pod"))
    if api_is_away:
        world.cluster.faults.append(Fault("patch", unavailable, kind="Node", after=4))
    with pytest.raises(ApiError):
        world.upgrade()
    assert world.cordoned("w1") is api_is_away


def test_a_pod_that_would_be_lost_stops_the_drain_before_the_first_eviction(world: World) -> None:
    """Nobody makes it again."""
    world.cluster.hold(pod("alone", "w1", owner=None))
    with pytest.raises(GateFailedError, match="alone"):
        world.upgrade()
    assert not any(request.startswith("evict") for request in world.cluster.requests)
    assert not world.cordoned("w1")


def test_an_empty_node_is_not_drained(world: World) -> None:
    """No step of that name is announced."""
    world.upgrade(limit=frozenset({"cp"}))
    assert StepId.DRAIN not in [record.id for record in world.journal.records if isinstance(record, StepStarted)]


def test_a_node_that_fails_stays_cordoned_and_is_the_last(world: World) -> None:
    """It is half upgraded: a resumed run finishes it and lets it back in."""
    world.broken = "w1"
    with pytest.raises(MigratorError, match=r"w. is broken"):
        world.upgrade()
    assert (world.cordoned("w1"), "w2" in world.upgraded()) == (True, False)
    world.broken = ""
    world.upgrade()
    assert not any(world.cordoned(item.name) for item in ALL)
    assert {"w1", "w2", "w3"} <= set(world.upgraded())


def test_workers_side_by_side_stop_at_the_first_failure(world: World) -> None:
    """Those that were not begun are not; control planes stay one by one."""
    world.broken = "cp"
    with pytest.raises(MigratorError, match="cp is broken"):
        world.upgrade(parallel=3)
    assert {event.split()[1] for event in world.events} == {"cp"}
    world.broken = ""
    world.upgrade(parallel=3)
    assert (world.upgraded()[:2], sorted(world.upgraded()[2:])) == (["cp", "cp"], ["w1", "w2", "w3"])
    assert not any(world.cordoned(item.name) for item in ALL)


def test_a_failure_of_one_of_several_is_told(world: World) -> None:
    """It is not lost in its thread, and what was not begun then is not begun any more."""
    world.broken = "w1 w2"
    with pytest.raises(MigratorError, match=r"w. is broken"):
        world.upgrade(parallel=2)
    assert "w3" not in {event.split()[1] for event in world.events}


def test_a_run_stops_after_each_node_where_a_person_asked_for_it(world: World) -> None:
    """How to go on is said; the node takes pods."""
    with pytest.raises(Paused, match=r"cp is at 1\.37\.2: `migrator upgrade resume`"):
        world.upgrade(pause=Pause.EACH_NODE)
    with pytest.raises(Paused, match="w1 is at"):
        world.upgrade(pause=Pause.EACH_NODE)
    assert world.upgraded() == ["cp", "w1"]
    assert not world.cordoned("w1")


def test_the_next_node_waits_until_what_was_ready_is_ready_again(world: World) -> None:
    """Else the next drain could take the last replica; what was not ready before the drain is not waited for."""
    shape = {"replicas": 1, "selector": {}, "template": {}}
    ready = {"observedGeneration": 1, "availableReplicas": 1}
    world.cluster.hold(made("apps/v1", "Deployment", "web", namespace="shop", spec=shape, status=ready))
    world.cluster.hold(made("apps/v1", "Deployment", "broken", namespace="shop", spec=shape, status={}))

    def down() -> None:
        found = world.cluster.get(DEPLOYMENTS, "shop", "web")
        body = orjson.dumps({**found, "status": {**ready, "availableReplicas": 0}})
        world.cluster.replace(DEPLOYMENTS, "shop", "web", body, manager="controller", subresource="status")

    world.upgrade(limit=frozenset({"w2"}))
    world.effect = down
    with pytest.raises(GateFailedError, match=r"w1 is upgraded, but not all is ready .*/shop/web: 0 of 1"):
        world.upgrade(limit=frozenset({"w1", "w3"}))
    assert world.upgraded() == ["w2", "w1"]


def test_a_server_that_is_away_ends_the_run(world: World) -> None:
    """Nothing is drained blindly."""
    world.cluster.faults.append(Fault("get", unavailable, kind="Node"))
    with pytest.raises(ApiError):
        world.upgrade()
    assert world.upgraded() == []
