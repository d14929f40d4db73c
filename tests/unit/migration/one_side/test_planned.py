"""What the plan does with an object that may run on one side only, and what it says of it."""

from __future__ import annotations

import pytest

from migrator.migration.one_side.planned import planned, warnings
from migrator.model.manifest import Manifest, ref_of
from migrator.model.plan import Decision, PlanItem
from migrator.model.ref import ResourceType
from migrator.rules.context import RuleContext
from tests.support.contexts import PLAIN, configured
from tests.support.objects import config_map, deployment
from tests.support.one_side import DNS, dns
from tests.support.pairs import pair
from tests.support.programs import workload

APPS = ResourceType("apps", "v1", "deployments", "Deployment", namespaced=True, verbs=frozenset())


def test_an_object_of_both_sides_is_left_as_it_is() -> None:
    """Nearly all are."""
    manifest = config_map("a")
    found = planned(manifest, manifest, ref_of(manifest), APPS, PLAIN, ready=True)
    assert (found.manifest is manifest, found.one_side, found.touched, found.notes) == (True, None, (), ())


def test_whether_it_worked_on_blue_goes_with_it() -> None:
    """One that did not need not work on green."""
    for ready in (True, False):
        found = planned(dns(), dns(), DNS, APPS, PLAIN, ready=ready)
        assert found.one_side is not None
        assert found.one_side.part is not None
        assert (found.one_side.part.ready, found.touched) == (ready, ("hold",))


def test_one_that_does_not_run_on_blue_has_no_note() -> None:
    """It does not run on green either, before and after the cutover."""
    stopped = dns() | {"spec": {**dns()["spec"], "replicas": 0}}
    found = planned(stopped, stopped, DNS, APPS, PLAIN, ready=True)
    assert (found.manifest is stopped, found.touched, found.notes) == (True, (), ())


def test_what_only_a_person_can_know_is_asked_until_they_have_answered() -> None:
    """With the line to put into the file; nothing is held unasked."""
    manifest: Manifest = deployment("sync")
    manifest["metadata"]["namespace"] = "shop"
    manifest["spec"]["template"]["spec"]["containers"][0]["env"] = [{"name": "HCLOUD_TOKEN", "value": "hush"}]
    found = planned(manifest, manifest, ref_of(manifest), APPS, PLAIN, ready=True)
    assert (found.manifest is manifest, found.one_side) == (True, None)
    assert found.question.startswith("gets HCLOUD_TOKEN")
    both = RuleContext(configured(f"cutover: {{oneSide: [{found.answer.replace('auto', 'both')}]}}"))
    assert planned(manifest, manifest, ref_of(manifest), APPS, both, ready=True).question == ""
    held = RuleContext(configured(f"cutover: {{oneSide: [{found.answer}]}}"))
    assert planned(manifest, manifest, ref_of(manifest), APPS, held, ready=True).touched == ("hold",)


def test_what_is_not_held_is_a_warning() -> None:
    """A descheduler moves pods while they are checked."""
    manifest: Manifest = deployment("d")
    manifest["metadata"]["namespace"] = "shop"
    manifest["spec"]["template"]["spec"]["containers"][0]["image"] = "registry.k8s.io/descheduler/descheduler:v0.34"
    found = planned(manifest, manifest, ref_of(manifest), APPS, PLAIN, ready=True)
    item = PlanItem(ref_of(manifest), ref_of(manifest), Decision.MOVE, one_side=found.one_side)
    assert found.manifest is manifest
    assert [text.partition(":")[0] for text in warnings([item])] == ["Deployment.apps/shop/d is a descheduler"]


@pytest.mark.parametrize(
    ("policy", "image", "told"), [("Delete", "jenkins:1", 1), ("Retain", "jenkins:1", 0), ("Delete", "web:1", 0)]
)
def test_what_would_lose_its_claims_is_told_before_the_cutover(policy: str, image: str, told: int) -> None:
    """Its controller deletes them at 0 replicas; what is not stopped keeps them."""
    manifest = workload(image, kind="StatefulSet")
    manifest["metadata"]["namespace"] = "shop"
    manifest["spec"]["persistentVolumeClaimRetentionPolicy"] = {"whenScaled": policy}
    found = [text for text in pair(manifest).read()[0].warnings if "would lose its claims" in text]
    assert len(found) == told
