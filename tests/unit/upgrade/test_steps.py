"""What `upgrade plan` shows is what a run does: both go by one list of steps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import orjson
import pytest

from migrator.errors import MigratorError
from migrator.journal.ledger import Ledger
from migrator.journal.records.upgrade import StepStarted, UpgradeRecord
from migrator.model.manifest import Manifest
from migrator.model.upgrade import Hop, Pause, RunOptions, RunState, Soak, StepId, UpgradePlan, Workers
from migrator.nodes.hop.actions import HopAction, HopSpec
from migrator.nodes.spec import NodeSpec
from migrator.ports import Host
from migrator.upgrade.plan import shown_steps
from migrator.upgrade.session import UpgradeSession
from migrator.upgrade.stage import Stage, Step
from migrator.upgrade.state import UpgradeFold
from migrator.upgrade.steps import Progress, hop_steps, pending
from migrator.upgrade.verbs import begin, run_upgrade
from tests.support.clock import FakeClock
from tests.support.facts import hop as made_hop
from tests.support.fake_cluster import FakeCluster
from tests.support.hosts import FakeHost
from tests.support.journals import MemoryJournal
from tests.support.objects import made
from tests.support.sessions import upgrade_session

HOP = made_hop("1.36.3", "1.37.2")
WITHIN = made_hop("1.37.2", "1.37.2")
EMULATING = replace(HOP, emulated="1.36")
SAID = '{"gitVersion": "v1.37.2", "minor": "37", "emulationMinor": "36"}'
HOST_READS = (
    *("test -e /etc/kubernetes/manifests/etcd.yaml", "settings.tar.gz", "cat /var/lib/migrator/snapshots/"),
    *("systemctl list-units", "find /var/lib/migrator -maxdepth 1", "ls -1dt /etc/kubernetes/tmp/"),
)
"""Where etcd is, the settings that were saved and are compared at the end, what still runs and what is left over; everything
else is done by stubs."""
NOT_JOURNALLED = {StepId.API_VERSION, StepId.SOAK, StepId.POD_NETWORK, StepId.UNCORDON, StepId.SETTLED}
"""Steps that only ask, or that have records of their own."""


@dataclass(slots=True)
class World:
    """What the stub actions have done, by node and identifier; it outlives a killed run."""

    cluster: FakeCluster
    journal: MemoryJournal[UpgradeRecord] = field(default_factory=lambda: MemoryJournal(FakeClock()))
    done: set[tuple[str, StepId]] = field(default_factory=set)
    fails_at: tuple[str, StepId] | None = None


@dataclass(slots=True, frozen=True)
class Stub:
    """An action that is done once it has run; the kubelet's changes the node's version."""

    world: World
    node: str
    step: StepId
    version: str
    name: str

    def done(self, _: Host) -> bool:
        """Return whether it has run."""
        return (self.node, self.step) in self.world.done

    def run(self, _: Host) -> None:
        """Remember it."""
        if self.world.fails_at == (self.node, self.step):
            raise MigratorError("killed here")
        self.world.done.add((self.node, self.step))
        if self.step is StepId.KUBELET_RESTARTED:
            status = {"nodeInfo": {"kubeletVersion": f"v{self.version}"}, "conditions": [{"type": "Ready", "status": "True"}]}
            node = self.world.cluster.get(_NODES, "", self.node)
            self.world.cluster.replace(
                _NODES, "", self.node, orjson.dumps({**node, "status": status}), manager="kubelet", subresource="status"
            )


def nodes(control_planes: int, workers: int) -> tuple[NodeSpec, ...]:
    """Return nodes, control planes first."""
    first = [
        NodeSpec(f"cp{number}", f"10.0.0.{number}", "control-plane", first=number == 1) for number in range(1, control_planes + 1)
    ]
    return (*first, *(NodeSpec(f"w{number}", f"10.0.1.{number}", "worker") for number in range(1, workers + 1)))


def session_of(world: World, of: Sequence[NodeSpec]) -> UpgradeSession:
    """Return a session whose steps are the real ones with stub actions in them."""

    def stubbed(hop: Hop, table: HopSpec, of: Sequence[NodeSpec]) -> tuple[Step, ...]:
        def stub(step: Step, actions: Sequence[HopAction]) -> tuple[HopAction, ...]:
            name, version = step.node.name if step.node else "", str(hop.target)
            # Both a runtime's and a kubelet's node Ready are asked for; each stage has its own.
            return tuple(HopAction(item.id, Stub(world, f"{name}", item.id, version, item.name)) for item in actions)

        return tuple(
            replace(step, actions=stub(step, step.actions), before=stub(step, step.before)) for step in hop_steps(hop, table, of)
        )

    return upgrade_session(
        cluster=world.cluster,
        hosts={node.name: _host(node) for node in of},
        nodes=tuple(of),
        ledger=Ledger(world.journal, UpgradeFold()),
        make_steps=stubbed,
    )


def _host(node: NodeSpec) -> FakeHost:
    host = FakeHost(node.name, accepts=HOST_READS)
    host.answers["get --raw /version"] = SAID
    return host


def world_of(of: Sequence[NodeSpec]) -> World:
    """Return a cluster at the version before the hop, whose API server answers as the new one."""
    cluster = FakeCluster(version="v1.37.2")
    ready = {"conditions": [{"type": "Ready", "status": "True"}], "nodeInfo": {"kubeletVersion": "v1.36.3"}}
    cluster.hold(*(made("v1", "Node", node.name, spec={}, status=ready) for node in of))
    cluster.hold(
        *(
            made("v1", "Pod", f"web-{node.name}", namespace="default", status={"phase": "Running", **ready})
            | {"spec": {"nodeName": node.name}, "metadata": _owned(f"web-{node.name}")}
            for node in of
        )
    )
    return World(cluster)


def started(world: World) -> list[tuple[str, StepId | None]]:
    """Return what the journal says was done, in order."""
    return [(item.node, item.step) for item in world.journal.records if isinstance(item, StepStarted)]


def flat(steps: Sequence[Step]) -> list[tuple[str, StepId]]:
    """Return the identifiers of a list, node by node."""
    return [(step.node.name, id_) for step in steps if step.node for id_ in step.ids if id_ not in NOT_JOURNALLED]


def plan(*hops: Hop) -> UpgradePlan:
    """Return an approved plan of these hops."""
    return UpgradePlan(hops[0].start, hops[-1].target, hops, (), (), {}, {}, {}, {})


CASES = {
    "one node": (nodes(1, 0), HOP, RunOptions()),
    "one and one": (nodes(1, 1), HOP, RunOptions()),
    "three and two": (nodes(3, 2), HOP, RunOptions()),
    "in two steps": (nodes(1, 1), EMULATING, RunOptions()),
    "three in two steps": (nodes(3, 1), EMULATING, RunOptions()),
    "workers later": (nodes(1, 2), replace(HOP, workers=False), RunOptions()),
    "within one version": (nodes(1, 2), WITHIN, RunOptions()),
    "limited": (nodes(1, 2), HOP, RunOptions(limit=frozenset({"cp1", "w2"}))),
}


@pytest.mark.parametrize("name", CASES)
def test_what_is_shown_is_what_is_done(name: str) -> None:
    """Every identifier of the plan's list is in the journal, in the same order, and no other."""
    of, hop, options = CASES[name]
    world = world_of(of)
    session = session_of(world, of)
    shown, lines = session.steps_left(hop), list(shown_steps(session, hop))
    begin(session, plan(hop), Workers.EACH_HOP)
    result = run_upgrade(session, options)
    chosen = [step for step in shown if step.stage is not Stage.NODES or not options.limit or _name(step) in options.limit]
    assert started(world) == _once(flat(chosen))
    assert lines[: len(shown)] == [step.words for step in shown]
    assert result.state is (RunState.LEFT if options.limit else RunState.DONE)


def test_workers_side_by_side_do_the_same_steps() -> None:
    """In any order between nodes, and in the list's order on each."""
    of = nodes(1, 3)
    world = world_of(of)
    session = session_of(world, of)
    shown = session.steps_left(HOP)
    begin(session, plan(HOP), Workers.EACH_HOP)
    run_upgrade(session, RunOptions(parallel=3))
    done = started(world)
    for node in of:
        assert [item for item in done if item[0] == node.name] == [item for item in _once(flat(shown)) if item[0] == node.name]


_CUTS = [
    ("cp1", StepId.RUNTIME_PACKAGES),
    ("w1", StepId.IMAGES),
    ("cp1", StepId.SNAPSHOT),
    ("cp1", StepId.CONTROL_PLANE_FIRST),
    ("cp2", StepId.CONTROL_PLANE_OTHER),
    ("cp1", StepId.PACKAGES),
    ("w1", StepId.NODE_SETTINGS),
    ("w1", StepId.KUBELET_RESTARTED),
]


_EMULATING_CUTS = [
    ("cp1", StepId.SNAPSHOT),
    ("cp1", StepId.EMULATING_FIRST),
    ("cp2", StepId.EMULATING_OTHER),
    ("cp1", StepId.EMULATION_RAISED),
    ("cp1", StepId.CONTROL_PLANE_FIRST),
    ("cp2", StepId.EMULATION_RAISED),
    ("cp2", StepId.CONTROL_PLANE_OTHER),
    ("cp1", StepId.PACKAGES),
]
_ALL_CUTS = [*((HOP, cut) for cut in _CUTS), *((EMULATING, cut) for cut in _EMULATING_CUTS)]


@pytest.mark.parametrize(("hop", "cut"), _ALL_CUTS, ids=[f"{hop.emulated}-{node}-{step}" for hop, (node, step) in _ALL_CUTS])
def test_a_resumed_run_does_what_the_plan_then_shows(hop: Hop, cut: tuple[str, StepId]) -> None:
    """Killed at any step: the list of what is left is what the next run does, and the hop ends."""
    of = nodes(2, 1)
    world = world_of(of)
    session = session_of(world, of)
    begin(session, plan(hop), Workers.EACH_HOP)
    world.fails_at = cut
    with pytest.raises(MigratorError, match="killed here"):
        run_upgrade(session, RunOptions())
    world.fails_at = None
    before = started(world)
    resumed = session_of(world, of)
    shown = resumed.steps_left(hop)
    drained = {node for node, step in before if step is StepId.DRAIN}
    assert run_upgrade(resumed, RunOptions()).state is RunState.DONE
    expected = [item for item in _once(flat(shown)) if item not in _ended(before, cut) and item[0] not in _drained(item, drained)]
    assert started(world)[len(before) :] == expected


def test_a_hop_goes_stage_by_stage_over_all_nodes() -> None:
    """CRI-O everywhere, workers first, then preparation, snapshot, control plane; kubelets last and node by node."""
    stages = [(step.stage, _name(step)) for step in session_of(world_of(nodes(2, 1)), nodes(2, 1)).steps(HOP)]
    assert stages == [
        *((Stage.RUNTIME, name) for name in ("w1", "cp1", "cp2")),
        *((Stage.PREPARE, name) for name in ("cp1", "cp2", "w1")),
        *((Stage.SAVE, name) for name in ("cp1", "cp2", "w1")),
        *((Stage.CONTROL_PLANE, name) for name in ("cp1", "cp2")),
        (Stage.API_VERSION, ""),
        (Stage.POD_NETWORK, ""),
        *((Stage.NODES, name) for name in ("cp1", "cp2", "w1")),
    ]


def test_a_hop_in_two_steps_raises_the_control_plane_after_the_soak() -> None:
    """All control planes emulate before any is raised, and no kubelet is newer than what is emulated."""
    steps = session_of(world_of(nodes(2, 1)), nodes(2, 1)).steps(EMULATING)
    assert [(step.stage, _name(step), step.ids) for step in steps if step.stage not in (Stage.NODES, Stage.POD_NETWORK)][9:] == [
        (Stage.CONTROL_PLANE, "cp1", (StepId.EMULATING_FIRST,)),
        (Stage.CONTROL_PLANE, "cp2", (StepId.EMULATING_OTHER,)),
        (Stage.API_VERSION, "", (StepId.API_VERSION,)),
        (Stage.SOAK, "", (StepId.SOAK,)),
        (Stage.FINISH, "cp1", (StepId.EMULATION_RAISED, StepId.CONTROL_PLANE_FIRST)),
        (Stage.FINISH, "cp2", (StepId.EMULATION_RAISED, StepId.CONTROL_PLANE_OTHER)),
    ]


def test_a_held_hop_stops_before_it_is_raised_and_finish_goes_on() -> None:
    """`resume` stops there again."""
    of = nodes(1, 1)
    world = world_of(of)
    session = session_of(world, of)
    begin(session, plan(EMULATING), Workers.EACH_HOP, Soak(hold=True))
    for _ in range(2):
        assert run_upgrade(session, RunOptions()).state is RunState.PAUSED
    assert started(world)[-1] == ("cp1", StepId.EMULATING_FIRST)
    assert run_upgrade(session, RunOptions(finish=True)).state is RunState.DONE


@pytest.mark.parametrize(
    ("hop", "progress", "first"),
    [
        (HOP, Progress(), Stage.RUNTIME),
        (HOP, Progress(applied=True), Stage.CONTROL_PLANE),
        (HOP, Progress(control_plane_done=True), Stage.POD_NETWORK),
        (EMULATING, Progress(applied=True), Stage.CONTROL_PLANE),
        (EMULATING, Progress(applied=True, finishing=True), Stage.FINISH),
        (EMULATING, Progress(control_plane_done=True), Stage.POD_NETWORK),
    ],
)
def test_progress_decides_what_is_left(hop: Hop, progress: Progress, first: Stage) -> None:
    """Once kubeadm has begun nothing before it is asked for; once it is done the kubelets are left."""
    steps = session_of(world_of(nodes(1, 1)), nodes(1, 1)).steps(hop)
    assert pending(steps, progress)[0].stage is first


@pytest.mark.parametrize("local", [True, False])
def test_a_snapshot_is_taken_where_etcd_is(*, local: bool) -> None:
    """With an external etcd only settings are saved, and the plan says so."""
    of = nodes(1, 0)
    session = session_of(world_of(of), of)
    if not local:
        host = session.hosts["cp1"]
        assert isinstance(host, FakeHost)
        host.fails("test -e /etc/kubernetes/manifests/etcd.yaml")
    saved = next(step for step in session.steps(HOP) if step.stage is Stage.SAVE)
    assert saved.ids == ((StepId.SNAPSHOT,) if local else (StepId.SETTINGS_SAVED,))


def test_a_pause_comes_between_the_control_plane_and_the_kubelets() -> None:
    """Asked for, it stops once, and the next run continues."""
    of = nodes(1, 1)
    world = world_of(of)
    session = session_of(world, of)
    begin(session, plan(HOP), Workers.EACH_HOP)
    assert run_upgrade(session, RunOptions(pause=Pause.AFTER_CONTROL_PLANE)).state is RunState.PAUSED
    assert StepId.DRAIN not in {step for _, step in started(world)}
    assert run_upgrade(session, RunOptions(pause=Pause.EACH_NODE)).state is RunState.PAUSED
    assert {node for node, step in started(world) if step is StepId.DRAIN} == {"cp1"}
    assert run_upgrade(session, RunOptions()).state is RunState.DONE


def _name(step: Step) -> str:
    return step.node.name if step.node else ""


def _once(items: Sequence[tuple[str, StepId]]) -> list[tuple[str, StepId]]:
    """Return each item where it stands first: done once, it is not done again."""
    return list(dict.fromkeys(items))


def _ended(before: Sequence[tuple[str, StepId | None]], cut: tuple[str, StepId]) -> set[tuple[str, StepId | None]]:
    return set(before) - {cut}


def _drained(item: tuple[str, StepId], drained: set[str]) -> set[str]:
    return drained if item[1] is StepId.DRAIN else set()


def _owned(name: str) -> Manifest:
    owner = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web", "uid": "u", "controller": True}
    return {"name": name, "namespace": "default", "ownerReferences": [owner]}


_NODES = FakeCluster().type_of({"apiVersion": "v1", "kind": "Node"})
