"""Rollouts that do not go on: whose pods do the work."""

from __future__ import annotations

import json
from typing import Any

import pytest

from migrator.model.manifest import Manifest, ref_of
from migrator.rules import rollouts
from migrator.rules.context import BlueFacts, RuleContext, Serving
from tests.support.contexts import PLAIN, configured
from tests.support.objects import deployment, made, pod_template

LATE = {"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded"}
GOING = {"type": "Progressing", "status": "True", "reason": "ReplicaSetUpdated"}


def stuck(condition: dict[str, str] = LATE, *, available: int = 3, paused: bool = False, updated: int = 1) -> Manifest:
    """Return a Deployment between two revisions."""
    manifest = deployment("web", 3)
    manifest["metadata"] |= {"uid": "u", "namespace": "shop"}
    manifest["spec"] |= {"paused": True} if paused else {}
    return {**manifest, "status": {"availableReplicas": available, "updatedReplicas": updated, "conditions": [condition]}}


def replica_set(revision: str, available: int, *, owner: str = "u", image: str = "") -> Manifest:
    """Return a ReplicaSet of a Deployment, as its controller makes it."""
    template = pod_template("web", **{"pod-template-hash": revision})
    if image:
        template["spec"]["containers"][0]["image"] = image
    owners = [{"apiVersion": "apps/v1", "kind": "Deployment", "name": "web", "uid": owner, "controller": True}]
    manifest = made("apps/v1", "ReplicaSet", f"web-{revision}", spec={"template": template}, owners=owners)
    manifest["metadata"]["annotations"] = {"deployment.kubernetes.io/revision": revision}
    return {**manifest, "status": {"availableReplicas": available}}


@pytest.mark.parametrize(
    ("manifest", "held"),
    [
        (stuck(), True),
        (stuck(GOING), False),
        (stuck(available=0), False),
        (stuck(GOING, paused=True, updated=0), True),
        (stuck(GOING, paused=True, updated=3), False),
        (deployment("web"), False),
    ],
)
def test_a_rollout_is_held_past_its_deadline_or_by_a_pause(manifest: Manifest, *, held: bool) -> None:
    """One that is under way will go on by itself; one without pods that work has no template that works."""
    assert rollouts.is_held(manifest) is held


def test_the_template_that_works_is_that_of_the_most_pods() -> None:
    """Without the label that the controller has put there."""
    sets = [
        replica_set("3", 0),
        replica_set("2", 3, image="old:1"),
        replica_set("1", 1, image="older:1"),
        replica_set("9", 9, owner="other"),
    ]
    found = rollouts.serving(stuck(), sets)
    assert found is not None
    template = json.loads(found.template)
    assert (found.revision, template["spec"]["containers"][0]["image"]) == ("2", "old:1")
    assert template["metadata"]["labels"] == {"app": "web"}


@pytest.mark.parametrize("sets", [[], [replica_set("1", 0, image="old:1")], [replica_set("1", 3)]])
def test_the_present_template_stays_where_no_other_works(sets: list[Manifest]) -> None:
    """No ReplicaSet, none with pods, or the present one's."""
    assert rollouts.serving(stuck(), sets) is None


def test_green_starts_what_works() -> None:
    """The rule changes these Deployments only, and the plan says so."""
    manifest = stuck()
    facts = BlueFacts(serving={ref_of(manifest): Serving("2", json.dumps(pod_template("old")))})
    context = RuleContext(configured(), blue=facts)
    assert rollouts.take_serving_template(manifest, context)["spec"]["template"] == pod_template("old")
    assert rollouts.take_serving_template(manifest, PLAIN) is manifest
    (note,) = rollouts.notes(manifest, "Deployment.apps", context)
    assert "stuck: green starts revision 2" in note
    assert "is paused" in rollouts.notes(stuck(paused=True), "Deployment.apps", context)[0]


@pytest.mark.parametrize(
    ("kind", "status", "told"),
    [
        ("StatefulSet", {"currentRevision": "a", "updateRevision": "b"}, True),
        ("StatefulSet", {"currentRevision": "a", "updateRevision": "a"}, False),
        ("StatefulSet", {}, False),
        ("DaemonSet", {"currentNumberScheduled": 3, "updatedNumberScheduled": 1}, True),
        ("DaemonSet", {"currentNumberScheduled": 3, "updatedNumberScheduled": 3}, False),
    ],
)
def test_pods_of_an_earlier_revision_are_told_of(kind: str, status: dict[str, Any], *, told: bool) -> None:
    """An update by hand, or in part: all pods of green are new."""
    assert bool(rollouts.notes(made("apps/v1", kind, "a", status=status), f"{kind}.apps", PLAIN)) is told


def test_a_stuck_rollout_without_a_template_that_works_is_told_of() -> None:
    """ReplicaSets may not be readable."""
    assert rollouts.notes(stuck(), "Deployment.apps", PLAIN)
    assert not rollouts.notes(stuck(GOING), "Deployment.apps", PLAIN)
