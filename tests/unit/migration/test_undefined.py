"""Objects of a definition that cannot be written are blocked with it."""

from __future__ import annotations

from typing import Any

from migrator.model.plan import Decision
from migrator.model.ref import ObjectRef
from tests.support.objects import crd, made
from tests.support.pairs import Pair, in_green, owned_by, pair

GROUP = "autoscaling.k8s.io"
VPA = ObjectRef(GROUP, "VerticalPodAutoscaler", "shop", "web")


def with_definition(**metadata: Any) -> Pair:
    """Return a pair with a definition of a protected group, and one object of it."""
    definition = crd("verticalpodautoscalers", "VerticalPodAutoscaler", GROUP, status=True)
    definition["metadata"] |= metadata
    both = pair(definition)
    both.blue.hold(made(f"{GROUP}/v1", "VerticalPodAutoscaler", "web", namespace="shop", spec={}))
    return both


def test_an_object_is_blocked_with_its_definition() -> None:
    """The plan says why; a copy does not try it."""
    both = with_definition()
    item = both.item(VPA)
    assert item.decision is Decision.BLOCKED
    assert "verticalpodautoscalers.autoscaling.k8s.io is blocked" in item.reason
    assert not both.copy().counts["failed"]


def test_one_whose_definition_moves_or_is_there_moves() -> None:
    """Whoever has made it there."""
    assert with_definition(annotations={"api-approved.kubernetes.io": "unapproved"}).item(VPA).decision is Decision.MOVE
    both = with_definition()
    both.green.hold(crd("verticalpodautoscalers", "VerticalPodAutoscaler", GROUP, status=True))
    assert both.item(VPA).decision is Decision.MOVE


def test_what_lives_and_dies_with_a_blocked_pod_is_blocked_with_it() -> None:
    """Credentials of a running build: a copy could not give them their owner."""
    spec = {"restartPolicy": "Never", "containers": [{"name": "c", "image": "a.example/build:1"}]}
    both = pair(made("v1", "Pod", "build", namespace="shop", spec=spec, status={"phase": "Running"}))
    pod = in_green(both.blue, ObjectRef("", "Pod", "shop", "build"))
    both.blue.hold(owned_by(pod, made("v1", "Secret", "login", namespace="shop", data={})))
    item = both.item(ObjectRef("", "Secret", "shop", "login"))
    assert (item.decision, item.reason) == (Decision.BLOCKED, "its owner Pod/shop/build is blocked")
    assert not both.copy().counts["failed"]
