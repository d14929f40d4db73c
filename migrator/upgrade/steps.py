"""A hop as one list of steps: `upgrade plan` shows this list, and a run executes it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from migrator.model.upgrade import Hop
from migrator.nodes.hop import actions
from migrator.nodes.hop.actions import HopSpec
from migrator.nodes.spec import NodeSpec
from migrator.upgrade.stage import Stage, Step


@dataclass(slots=True, frozen=True)
class Progress:
    """How far a hop is; the predicates of the steps read it."""

    applied: bool = False
    """kubeadm has begun to change the control plane, so that everything before it is done."""
    finishing: bool = False
    """The control plane was raised from the old minor, which it emulated, or began to be."""
    control_plane_done: bool = False
    """Every control plane is at the version of the hop."""


def hop_steps(hop: Hop, spec: HopSpec, nodes: Sequence[NodeSpec]) -> tuple[Step, ...]:
    """Return all steps of a hop, in order; `nodes` has the control planes first.

    A hop within one version upgrades kubelets that were left behind: its control plane is at the version already.
    """
    control_planes = [node for node in nodes if _is_control_plane(node)]
    upgraded = [node for node in nodes if node.role == "control-plane" or hop.workers]
    kubelets = (
        Step(Stage.POD_NETWORK, None),
        *(_node_step(spec, node, repeated=hop.start != hop.target) for node in upgraded),
    )
    if hop.start == hop.target:
        return kubelets
    return (
        # A worker first: where the new runtime starts nothing, no control plane is the one that shows it.
        *(Step(Stage.RUNTIME, node, tuple(actions.runtime(spec, node))) for node in sorted(nodes, key=_is_control_plane)),
        *(Step(Stage.PREPARE, node, tuple(actions.prepared(spec, node))) for node in nodes),
        *(Step(Stage.SAVE, node, tuple(actions.saved(spec, node))) for node in nodes),
        *(_in_two_steps if spec.emulated else _in_one_step)(spec, control_planes),
        *kubelets,
    )


def _is_control_plane(node: NodeSpec) -> bool:
    return node.role == "control-plane"


def _in_one_step(spec: HopSpec, control_planes: Sequence[NodeSpec]) -> tuple[Step, ...]:
    return (
        *(Step(Stage.CONTROL_PLANE, node, tuple(actions.control_plane(spec, node))) for node in control_planes),
        Step(Stage.API_VERSION, None),
    )


def _in_two_steps(spec: HopSpec, control_planes: Sequence[NodeSpec]) -> tuple[Step, ...]:
    return (
        *(Step(Stage.CONTROL_PLANE, node, tuple(actions.emulating(spec, node))) for node in control_planes),
        Step(Stage.API_VERSION, None),
        Step(Stage.SOAK, None),
        *(Step(Stage.FINISH, node, tuple(actions.raised(spec, node))) for node in control_planes),
    )


def control_plane_steps(steps: Sequence[Step]) -> tuple[Step, ...]:
    """Return the steps after which the control plane is at the version of the hop: where it emulated another, the last ones."""
    raising = tuple(step for step in steps if step.stage is Stage.FINISH)
    return raising or tuple(step for step in steps if step.stage is Stage.CONTROL_PLANE)


def _node_step(spec: HopSpec, node: NodeSpec, *, repeated: bool) -> Step:
    before = (*actions.prepared(spec, node), *actions.saved(spec, node))
    return Step(Stage.NODES, node, tuple(actions.kubelet(spec, node)), before, repeated)


def pending(steps: Sequence[Step], progress: Progress) -> tuple[Step, ...]:
    """Return the steps that are left after this progress; a run still asks each action whether it is done."""
    return tuple(step for step in steps if _is_left(step.stage, progress))


def _is_left(stage: Stage, progress: Progress) -> bool:
    match stage:
        case Stage.RUNTIME | Stage.PREPARE | Stage.SAVE:
            # While kubeadm is at work the API server may be away: a resumed run joins kubeadm at once.
            return not (progress.applied or progress.control_plane_done)
        case Stage.CONTROL_PLANE | Stage.API_VERSION | Stage.SOAK:
            return not (progress.finishing or progress.control_plane_done)
        case Stage.FINISH:
            return not progress.control_plane_done
        case Stage.POD_NETWORK | Stage.NODES:
            return True
