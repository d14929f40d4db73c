"""What refuses pods that blue has comes after them."""

from __future__ import annotations

import orjson
import pytest

from migrator.errors import ApiError
from migrator.model.manifest import Manifest
from migrator.model.outcome import Action
from migrator.model.ref import ObjectRef
from tests.support.fake_cluster.faults import Fault, forbidden, killed
from tests.support.objects import config_map, deployment, made
from tests.support.pairs import Pair, in_green, in_shop, pair, writes

SHOP = ObjectRef("", "Namespace", "", "shop")
FRONT = ObjectRef("apps", "Deployment", "shop", "front")
LEVEL = "pod-security.kubernetes.io/enforce"
LABELS = {LEVEL: "restricted", f"{LEVEL}-version": "v1.36"}
MADE = {"observedGeneration": 1, "replicas": 1}


def restricted(*objects: Manifest, **labels: str) -> Pair:
    """Return a pair whose blue has given its namespace a security level."""
    both = pair(*objects)
    patch = {"metadata": {"labels": LABELS | labels}}
    both.blue.patch(both.blue.type_of(made("v1", "Namespace", "shop")), "", "shop", patch, manager="kubectl-create")
    return both


def make_pods(both: Pair) -> None:
    """Let the controllers of green make the pods of the Deployment."""
    found = in_green(both.green, FRONT)
    body = orjson.dumps({**found, "status": MADE})
    both.green.replace(both.green.type_of(found), "shop", "front", body, manager="controllers", subresource="status")


def order(both: Pair) -> list[str]:
    """Return what was written to green, in order, without versions."""
    return [" ".join(request.split()[:3]) for request in writes(both.green)]


def labels(both: Pair) -> Manifest:
    """Return the labels of the namespace on green."""
    found: Manifest = in_green(both.green, SHOP)["metadata"].get("labels", {})
    return {name: value for name, value in found.items() if name in LABELS}


def test_the_security_level_of_a_namespace_comes_when_its_pods_are_made() -> None:
    """The namespace is counted once, and a second copy has nothing to do."""
    both = restricted(in_shop(deployment("front")))
    assert both.item(SHOP).late_labels == tuple(LABELS)
    both.clock.after(20, lambda: make_pods(both))
    result = both.copy()
    assert (result.problems, result.counts) == ([], {"created": 2})
    assert 20 <= both.clock.monotonic() < 30
    assert labels(both) == LABELS
    assert order(both)[-1] == "patch Namespace /shop"
    assert both.next_run().copy().counts == {"unchanged": 2}


def test_pods_that_are_not_made_are_said_and_hold_nothing_back_for_ever() -> None:
    """Their controller may be away."""
    both = restricted(in_shop(deployment("front")))
    assert both.copy().complete
    assert both.recorder.notes == ["not all pods are made after 60 s: Deployment.apps/shop/front"]
    assert labels(both) == LABELS


@pytest.mark.parametrize(
    ("objects", "level"),
    [([in_shop(deployment("front"))], "privileged"), ([config_map("a", namespace="shop")], "restricted")],
)
def test_a_level_that_refuses_nothing_comes_at_once(objects: list[Manifest], level: str) -> None:
    """It allows everything, or nothing there makes pods."""
    both = restricted(*objects, **{LEVEL: level})
    assert both.copy().complete
    assert labels(both) == LABELS | {LEVEL: level}
    assert not [request for request in writes(both.green) if request.startswith("patch Namespace")]
    assert both.clock.monotonic() == 0


@pytest.mark.parametrize("lost_answer", [False, True])
@pytest.mark.parametrize("number", range(3))
def test_a_killed_copy_sets_it_in_the_next(number: int, *, lost_answer: bool) -> None:
    """At whatever write it was ended: it is ours, and its pods still come first."""
    both = restricted(in_shop(deployment("front")))
    verb = ("create", "create", "patch")[number]
    both.green.faults.append(Fault(verb, killed, after=number % 2, lost_answer=lost_answer))
    with pytest.raises(KeyboardInterrupt):
        both.copy()
    both.green.faults.clear()
    again = both.next_run()
    result = again.copy()
    assert result.problems == []
    assert labels(both) == LABELS
    last = [line for line in order(both) if line.startswith(("create", "patch"))][-1]
    assert last == "patch Namespace /shop"


def test_labels_that_are_refused_are_a_failure() -> None:
    """The account may not patch namespaces; the objects in it are there."""
    both = restricted(in_shop(deployment("front")))
    both.green.faults.append(Fault("patch", forbidden, kind="Namespace"))
    result = both.copy()
    assert [(problem.ref, problem.action) for problem in result.problems] == [(SHOP, Action.FAILED)]
    assert labels(both) == {}
    both.green.faults.clear()
    assert both.next_run().copy().complete
    assert labels(both) == LABELS


@pytest.mark.parametrize(("used", "exceeded"), [("3", True), ("2", False), ("2500m", True)])
def test_a_quota_that_blue_exceeds_waits_for_the_pods(used: str, *, exceeded: bool) -> None:
    """The Deployment is on green at once, its pods are not."""
    status = {"hard": {"pods": "2"}, "used": {"pods": used}}
    quota = made("v1", "ResourceQuota", "few", namespace="shop", spec={"hard": {"pods": "2"}}, status=status)
    both = pair(in_shop(deployment("front")), quota)
    both.clock.after(10, lambda: make_pods(both))
    assert both.copy().complete
    assert (both.clock.monotonic() >= 10) is exceeded


def test_a_workload_that_cannot_be_read_is_waited_for() -> None:
    """Nobody knows whether its pods are made."""
    both = restricted(in_shop(deployment("front")))
    both.green.faults.append(Fault("get", forbidden, kind="Deployment"))
    assert both.copy().complete
    assert both.clock.monotonic() >= 60
    assert issubclass(forbidden().__class__, ApiError)
