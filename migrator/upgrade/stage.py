"""One entry of a hop's list: the part of the hop that it belongs to, what it does, and its words."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from migrator.model.upgrade import StepId
from migrator.nodes.hop.actions import HopAction
from migrator.nodes.spec import NodeSpec


class Stage(StrEnum):
    """The parts of a hop, in order; each is finished on all nodes before the next one begins."""

    RUNTIME = "runtime"
    """CRI-O first: a kubelet must not be newer than its runtime expects."""
    PREPARE = "prepare"
    SAVE = "save"
    CONTROL_PLANE = "control-plane"
    API_VERSION = "api-version"
    SOAK = "soak"
    """The new control plane emulates the old minor: the last moment at which a rollback loses nothing."""
    FINISH = "finish"
    POD_NETWORK = "pod-network"
    NODES = "nodes"
    """Drain, packages, kubelet, uncordon: one node after the other."""


@dataclass(slots=True, frozen=True)
class Step:
    """One entry of a hop's list."""

    stage: Stage
    node: NodeSpec | None
    """None where the step concerns the cluster."""
    actions: tuple[HopAction, ...] = ()
    before: tuple[HopAction, ...] = ()
    """Of a node's last step: what must be there before its drain."""
    repeated: bool = False
    """Whether an earlier step of the list has done `before` already, so that it is only asked for, and not shown again."""

    @property
    def ids(self) -> tuple[StepId, ...]:
        """The identifiers of all that the step does, in order."""
        own = tuple(action.id for action in self.actions)
        if self.stage is Stage.NODES:
            before = () if self.repeated else tuple(action.id for action in self.before)
            return (*before, StepId.DRAIN, *own, StepId.UNCORDON, StepId.SETTLED)
        return own or (StepId(self.stage.value),)

    @property
    def words(self) -> str:
        """The step as a person reads it."""
        names = [action.name for action in self.actions]
        if self.node is None:
            return _CLUSTER_WORDS[self.stage]
        if self.stage is Stage.NODES:
            before = [] if self.repeated else [action.name for action in self.before]
            names = [*before, "drain", *names, "uncordon", "workloads ready"]
        return f"{self.node.name}: {', '.join(names)}"


_CLUSTER_WORDS = {
    Stage.API_VERSION: "the API server reports the new version",
    Stage.SOAK: "soak: until its end `migrator upgrade rollback` loses nothing",
    Stage.POD_NETWORK: "pod network and kube-proxy rolled out",
}
