"""An Argo Rollout that takes its pods from a Deployment is held for what that runs, in one group with it."""

from __future__ import annotations

from typing import Any

import pytest

from migrator.migration.copy import CopyOptions
from migrator.migration.one_side.groups import groups_of
from migrator.migration.verbs.copy import run_copy
from migrator.migration.verbs.validate import run_validate
from migrator.model.kinds import DEPLOYMENTS
from migrator.model.manifest import Manifest, put
from migrator.model.plan import PlanItem
from migrator.model.ref import ObjectRef
from tests.support.objects import crd, deployment, made
from tests.support.one_side import CONFIG, Stand, new_stand

API = "argoproj.io/v1alpha1"
ROLLOUT = ObjectRef("argoproj.io", "Rollout", "shop", "front")


def rollout(**reference: Any) -> Manifest:
    """Return a Rollout of three pods of a Deployment."""
    spec = {"replicas": 3, "workloadRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "dns"} | reference}
    books = {"rollout.argoproj.io/revision": "1"}
    return made(API, "Rollout", "front", namespace="shop", annotations=books, spec=spec) | {"status": {"selector": "app=dns"}}


def standing(*objects: Manifest, config: str = CONFIG) -> Stand:
    """Return a migration of external-dns whose Deployment stands still for these objects."""
    stand = new_stand(config)
    stand.blue.hold(crd("rollouts", "Rollout", "argoproj.io", ("v1alpha1",), status=True), *objects)
    return stand


def decision(stand: Stand, ref: ObjectRef = ROLLOUT) -> PlanItem:
    """Return the decision about an object."""
    plan, _ = stand.session.read_and_plan()
    return next(item for item in plan.items if item.blue == ref)


def test_it_is_recognised_by_what_the_deployment_runs_and_handed_over_with_it() -> None:
    """Its own template is nowhere."""
    stand = standing(rollout())
    plan, _ = stand.session.read_and_plan()
    (group,) = [group for group in groups_of(plan.parts()) if group.row == "external-dns"]
    assert [part.blue.kind for part in group.parts] == ["Deployment", "Rollout"]
    item = decision(stand)
    assert item.original  # green gets less of it than blue has: what its controller keeps its books in
    assert item.one_side is not None
    assert item.one_side.how == "spec.replicas: 0"
    assert "hold" in item.transforms
    assert b'"replicas":0' in item.body
    assert b'"template"' not in item.body  # what it runs is the Deployment's, on green, too


def test_what_the_person_says_of_it_counts() -> None:
    """It may run on both sides; the Deployment is held all the same."""
    rule = "cutover: {oneSide: [{name: front, target: {kind: Rollout, name: front}, hold: both}]}"
    item = decision(standing(rollout(), config=f"{CONFIG}\n{rule}"))
    assert item.one_side is None
    assert b'"replicas":3' in item.body


def test_it_is_asked_about_where_the_deployment_is() -> None:
    """A Deployment with credentials of a cloud, by the name of a variable."""
    lent = put(deployment("web", 0), ("metadata", "namespace"), "shop")
    lent["spec"]["template"]["spec"]["containers"][0]["env"] = [{"name": "HCLOUD_TOKEN", "value": "x"}]
    item = decision(standing(rollout(name="web"), lent))
    assert item.question
    assert item.one_side is None


@pytest.mark.parametrize(
    "reference",
    [{"name": "nobody"}, {"name": 5}, {"kind": "PodTemplate"}, {"kind": 7}, {"apiVersion": 1}, {"name": None}],
)
def test_what_is_not_there_is_not_guessed(reference: dict[str, Any]) -> None:
    """Nothing is held, and nothing ends."""
    item = decision(standing(rollout(**reference)))
    assert item.one_side is None
    assert not item.question


def test_a_deployment_that_somebody_starts_on_green_beside_the_rollout_is_seen() -> None:
    """By what applies its manifest again (argo-rollouts#4935): blue's lends its pods only, and stands at 0."""
    stand = standing(rollout())
    stand.blue.patch(DEPLOYMENTS, "shop", "dns", {"spec": {"replicas": 0}}, manager="kubectl-scale")
    run_copy(stand.session, CopyOptions())
    stand.green.patch(DEPLOYMENTS, "shop", "dns", {"spec": {"replicas": 2}}, manager="gitops")
    verdict = run_validate(stand.session)
    assert not verdict.good
    assert any(finding.subject == "Deployment.apps/shop/dns" for finding in verdict.findings if finding.severity.name == "FAILURE")
