"""A webhook or an APIService that nothing on green would answer for is blocked in the plan, not after a wait in the copy."""

from __future__ import annotations

import pytest

from migrator.model.manifest import Manifest
from migrator.model.plan import Decision
from tests.support.objects import made, service
from tests.support.pairs import in_shop, pair
from tests.support.programs import workload

API = "v1beta1.metrics.example.com"
KUBERNETES = {**service("kubernetes"), "metadata": {"name": "kubernetes", "namespace": "default"}}


def aggregated() -> Manifest:
    """Return an APIService behind Service shop/metrics."""
    spec = {"group": "metrics.example.com", "version": "v1beta1", "service": {"namespace": "shop", "name": "metrics"}}
    return made("apiregistration.k8s.io/v1", "APIService", API, spec=spec)


def decision(*blue: Manifest, green: tuple[Manifest, ...] = (KUBERNETES,)) -> tuple[Decision, str]:
    """Return what is decided about the APIService, and why."""
    both = pair(aggregated(), *blue)
    both.green.hold(*green)
    item = next(item for item in both.read()[0].items if item.blue.name == API)
    return item.decision, item.reason


def test_it_is_blocked_where_its_service_is_nowhere() -> None:
    """The plan says so before anything is written; the copy waits for nothing."""
    assert decision() == (Decision.BLOCKED, "its backend Service/shop/metrics neither moves nor is on green")


@pytest.mark.parametrize(
    ("blue", "green"),
    [
        ((in_shop(service("metrics")),), (KUBERNETES,)),
        ((), (KUBERNETES, made("v1", "Namespace", "shop"), in_shop(service("metrics")))),
        ((), ()),
    ],
    ids=["moves", "on green", "green does not tell"],
)
def test_it_moves_where_something_may_answer(blue: tuple[Manifest, ...], green: tuple[Manifest, ...]) -> None:
    """Whether it does is asked when it is written."""
    assert decision(*blue, green=green)[0] is Decision.MOVE


def behind(image: str, replicas: int = 1) -> Manifest:
    """Return a Deployment behind the Service."""
    found = workload(image, name="metrics")
    found["metadata"]["namespace"], found["spec"]["replicas"] = "shop", replicas
    return found


@pytest.mark.parametrize(
    ("image", "config", "reason"),
    [
        ("x/crossplane/crossplane:v2", "", "its backend Service/shop/metrics is held on green until the cutover"),
        ("x/crossplane/crossplane:v2", "cutover: {oneSide: [{name: m, target: {kind: Deployment}, hold: both}]}", ""),
        ("x/metrics:1", "", ""),
    ],
)
def test_it_is_blocked_where_its_pods_are_held(image: str, config: str, reason: str) -> None:
    """A copy would wait for an endpoint that comes at the cutover, which a copy that is not complete refuses."""
    pods = behind(image)
    pods["spec"]["template"]["spec"]["containers"][0]["args"] = ["core", "start"]
    both = pair(aggregated(), in_shop(service("metrics")), pods, config=config)
    both.green.hold(KUBERNETES)
    item = next(item for item in both.read()[0].items if item.blue.name == API)
    assert item.reason == reason
