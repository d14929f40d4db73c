"""What is created in another form at first."""

from __future__ import annotations

import pytest

from migrator.model.manifest import Manifest
from migrator.model.plan import Ended, EndMark
from migrator.rules import holds
from tests.support.contexts import PLAIN
from tests.support.objects import deployment, job, made

CLASS = "kubernetes.io/ingress.class"
INGRESS = "Ingress.networking.k8s.io"


def ingress(annotation: str | None, field: str | None) -> Manifest:
    """Return an Ingress with its class in one place or both."""
    spec = {"ingressClassName": field} if field else {}
    return made("networking.k8s.io/v1", "Ingress", "a", spec=spec, annotations={CLASS: annotation} if annotation else {"b": "c"})


@pytest.mark.parametrize(
    ("annotation", "field", "held"),
    [("old", "new", True), ("new", "new", False), ("old", None, False), (None, "new", False), (None, None, False)],
)
def test_two_classes_of_an_ingress_come_one_after_the_other(annotation: str | None, field: str | None, *, held: bool) -> None:
    """A create may not have both, an update may."""
    found = holds.hold(ingress(annotation, field), INGRESS, None, PLAIN)
    assert found == ({"metadata": {"annotations": {CLASS: None}}} if held else {})
    assert bool(holds.notes(ingress(annotation, field), INGRESS)) is held


@pytest.mark.parametrize(("spec", "held"), [({"paused": True}, True), ({"paused": True, "replicas": 0}, False), ({}, False)])
def test_a_paused_deployment_is_created_going(spec: Manifest, *, held: bool) -> None:
    """Nobody makes the pods of a paused one; without replicas there are none to make."""
    manifest = deployment("a")
    manifest["spec"] |= spec
    assert holds.hold(manifest, "Deployment.apps", None, PLAIN) == ({"spec": {"paused": None}} if held else {})


def test_what_has_ended_is_kept_from_beginning() -> None:
    """A Job is suspended; a custom run is held as its kind allows."""
    ended = Ended("Complete", EndMark(("conditions", "Complete"), "True"))
    assert holds.hold(job("a"), "Job.batch", ended, PLAIN) == {"spec": {"suspend": True}}
    assert holds.hold(job("a"), "Job.batch", None, PLAIN) == {}
    assert holds.hold(made("jobset.x-k8s.io/v1", "JobSet", "a"), "JobSet.jobset.x-k8s.io", ended, PLAIN) == {
        "spec": {"suspend": True}
    }
