"""An entry of a hop's list has words for a person, and identifiers for the journal; both name the same."""

from __future__ import annotations

from dataclasses import dataclass

from migrator.model.upgrade import StepId
from migrator.nodes.hop.actions import HopAction
from migrator.ports import Host
from migrator.upgrade.stage import Stage, Step
from tests.support.nodes import FIRST


@dataclass(slots=True, frozen=True)
class Named:
    """An action that has a name and does nothing."""

    name: str

    def done(self, _: Host) -> bool:
        """Return that nothing is left to do."""
        return True

    def run(self, _: Host) -> None:
        """Do nothing."""


KUBELET = (HopAction(StepId.PACKAGES, Named("packages")),)
BEFORE = (HopAction(StepId.IMAGES, Named("images")),)


def test_a_nodes_last_step_drains_it_and_lets_it_back_in() -> None:
    """What must be there before its drain comes first."""
    step = Step(Stage.NODES, FIRST, KUBELET, BEFORE)
    assert step.ids == (StepId.IMAGES, StepId.DRAIN, StepId.PACKAGES, StepId.UNCORDON, StepId.SETTLED)
    assert step.words == f"{FIRST.name}: images, drain, packages, uncordon, workloads ready"


def test_what_an_earlier_step_has_done_is_not_shown_again() -> None:
    """It is only asked for."""
    step = Step(Stage.NODES, FIRST, KUBELET, BEFORE, repeated=True)
    assert step.ids == (StepId.DRAIN, StepId.PACKAGES, StepId.UNCORDON, StepId.SETTLED)
    assert step.words == f"{FIRST.name}: drain, packages, uncordon, workloads ready"


def test_a_step_of_the_cluster_has_its_stages_identifier() -> None:
    """And words that name no node."""
    step = Step(Stage.API_VERSION, None)
    assert (step.ids, step.words) == ((StepId.API_VERSION,), "the API server reports the new version")
