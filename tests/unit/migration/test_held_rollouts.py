"""A Deployment whose rollout does not go on works on green, too."""

from __future__ import annotations

import pytest

from migrator.migration.held_rollouts import serving_templates
from migrator.migration.inventory import Found
from migrator.model.manifest import Manifest
from migrator.model.ref import ObjectRef
from tests.support.fake_cluster.faults import Fault, forbidden, unavailable
from tests.support.objects import deployment, made, pod_template
from tests.support.pairs import Pair, in_green, in_shop, pair

FRONT = ObjectRef("apps", "Deployment", "shop", "front")
LATE = {"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded"}


def stuck() -> Pair:
    """Return a pair whose Deployment works by an earlier template."""
    both = pair()
    status = {"availableReplicas": 1, "updatedReplicas": 1, "conditions": [LATE]}
    (owner,) = both.blue.hold({**in_shop(deployment("front")), "status": status})
    old = pod_template("front")
    old["spec"]["containers"][0]["image"] = "registry.example.com/team/app:0"
    reference = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "name": "front",
        "uid": owner["metadata"]["uid"],
        "controller": True,
    }
    both.blue.hold(replica_set(old, reference))
    return both


def replica_set(template: Manifest, owner: Manifest) -> Manifest:
    """Return the ReplicaSet that works."""
    spec = {"replicas": 1, "selector": {"matchLabels": {"app": "front"}}, "template": template}
    found = made("apps/v1", "ReplicaSet", "front-1", namespace="shop", spec=spec, owners=[owner], status={"availableReplicas": 1})
    found["metadata"]["annotations"] = {"deployment.kubernetes.io/revision": "1"}
    return found


def image(both: Pair) -> str:
    """Return the image that green gets."""
    return str(in_green(both.green, FRONT)["spec"]["template"]["spec"]["containers"][0]["image"])


def test_green_gets_the_template_that_works() -> None:
    """And says so; it is no difference afterwards."""
    both = stuck()
    assert both.item(FRONT).transforms == ("serving-template",)
    assert "green starts revision 1" in both.item(FRONT).notes[0]
    both.copy()
    assert image(both).endswith("app:0")
    assert both.next_run().copy().counts["unchanged"] == 2


def test_the_present_template_follows_once_the_rollout_has_ended() -> None:
    """The next copy brings it."""
    both = stuck()
    both.copy()
    resource = both.blue.type_of(deployment("front"))
    both.blue.patch(resource, "shop", "front", {"status": {"conditions": []}}, manager="controller", subresource="status")
    assert both.next_run().copy().counts["changed"] == 1
    assert image(both).endswith("app:1")


def test_without_its_replica_sets_it_moves_as_it_is_written() -> None:
    """Which is told; nobody guesses."""
    both = stuck()
    both.blue.faults.append(Fault("list", forbidden, kind="ReplicaSet"))
    assert both.item(FRONT).transforms == ()
    assert "past its deadline on blue" in both.item(FRONT).notes[0]


def test_a_blue_that_does_not_answer_ends_the_reading() -> None:
    """As everywhere else."""
    both = stuck()
    both.blue.ready = False
    both.blue.faults.append(Fault("list", unavailable, kind="ReplicaSet"))
    resource = both.blue.type_of(deployment("front"))
    found = Found(FRONT, resource, "u", "", b"{}")
    with pytest.raises(type(unavailable())):
        serving_templates(both.blue, [found], {FRONT}, {("apps", "ReplicaSet"): [both.blue.type_of(replica_set({}, {}))]})
