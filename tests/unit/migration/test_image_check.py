"""Images exist for green's nodes, as far as registries tell; what nobody could run on blue either is a warning."""

from __future__ import annotations

from typing import Any

import pytest

from migrator.errors import MigratorError
from migrator.migration.image_check import image_findings
from migrator.model.manifest import Manifest
from migrator.model.plan import Decision
from migrator.model.ref import ObjectRef
from migrator.model.verdict import Severity
from tests.support.fake_cluster.faults import Fault, forbidden
from tests.support.objects import deployment, made
from tests.support.pairs import Pair, finished_job, in_shop, pair
from tests.support.traffic import FakeRegistry

FRONT = ObjectRef("apps", "Deployment", "shop", "front")
AVAILABLE = {"observedGeneration": 1, "availableReplicas": 1}


class SomeImages(FakeRegistry):
    """Knows no image whose name has `unknown` in it."""

    def architectures(self, image: str) -> frozenset[str]:
        """Return the architectures."""
        if "unknown" in image:
            raise MigratorError(f"{image}: the registry does not answer")
        return super().architectures(image)


def found(both: Pair, registry: FakeRegistry | None = None, *, accepted: bool = False) -> list[tuple[str, Severity, str]]:
    """Return what registries tell of the images of all that moves."""
    items = list(both.read()[0].of(Decision.MOVE))
    told = image_findings(items, both.green, registry or FakeRegistry(), lambda _: accepted)
    return [(item.subject, item.severity, item.reason) for item in told]


def with_front(front: Manifest | None = None, status: dict[str, Any] = AVAILABLE) -> Pair:
    """Return a pair with a Deployment."""
    return pair({**(front or in_shop(deployment("front"))), "status": status})


def node(architecture: str, **spec: Any) -> Manifest:
    """Return a node of this architecture."""
    labels = {"kubernetes.io/arch": architecture}
    return made("v1", "Node", f"node-{architecture}", labels=labels, status={"nodeInfo": {"architecture": architecture}}, spec=spec)


def test_an_image_must_exist_for_every_architecture_of_green() -> None:
    """The lacking ones are named, with a user of the image."""
    both = with_front()
    both.green.hold(node("arm64"), node("amd64"))
    assert found(both) == []
    ((image, severity, reason),) = found(both, FakeRegistry("amd64"))
    assert (image, severity) == ("registry.example.com/team/app:1", Severity.FAILURE)
    assert reason == f"has amd64 only; green's nodes are arm64 (used by {FRONT})"


def test_a_node_whose_kubelet_has_told_nothing_wants_no_architecture() -> None:
    """An API server fills in empty words."""
    both = with_front()
    both.green.hold(node("arm64"), node(""))
    assert found(both, FakeRegistry("arm64")) == []


@pytest.mark.parametrize(
    ("selector", "has", "lacks"),
    [
        ({"kubernetes.io/arch": "amd64"}, "amd64", ""),
        ({"kubernetes.io/arch": "amd64"}, "arm64", "amd64"),
        ({}, "arm64", "amd64"),
        # No node takes it: held, or another finding says so. Then it may come to run on any.
        ({"migrator/held": "one-side"}, "arm64", "amd64"),
    ],
    ids=["where it may run", "not there", "anywhere", "nowhere"],
)
def test_an_image_must_exist_where_its_pods_may_run(selector: dict[str, str], has: str, lacks: str) -> None:
    """Blue may have nodes of two architectures, and images of one of them each; a tainted node does not count."""
    front = in_shop(deployment("front"))
    front["spec"]["template"]["spec"]["nodeSelector"] = selector
    both = with_front(front)
    both.green.hold(node("arm64"), node("amd64"), node("riscv64", taints=[{"key": "trial", "effect": "NoSchedule"}]))
    reasons = [reason.partition(" (")[0] for _, _, reason in found(both, FakeRegistry(has))]
    lacking = f"{lacks}, riscv64" if "migrator/held" in selector else lacks
    assert reasons == ([f"has {has} only; green's nodes are {lacking}"] if lacks else [])


def test_a_container_without_an_image_is_asked_of_no_registry() -> None:
    """A custom workload may leave it to somebody who fills it in."""
    front = in_shop(deployment("front"))
    front["spec"]["template"]["spec"]["containers"] = [{"name": "main"}]
    both = with_front(front)
    both.green.hold(node("arm64"))
    assert found(both) == []


def test_an_image_that_its_registry_does_not_tell_of_is_unknown() -> None:
    """So are all, where green's nodes may not be read."""
    front = in_shop(deployment("front"))
    front["spec"]["template"]["spec"]["containers"] = [{"name": "main", "image": "unknown:1"}]
    both = with_front(front)
    both.green.hold(node("arm64"))
    assert [(subject, severity) for subject, severity, _ in found(both, SomeImages())] == [("unknown:1", Severity.UNKNOWN)]
    both.green.faults.append(Fault("list", forbidden, kind="Node"))
    assert found(both) == [("nodes of green", Severity.UNKNOWN, "green answered 403")]


@pytest.mark.parametrize(
    ("status", "accepted", "severity"),
    [
        (AVAILABLE, False, Severity.FAILURE),
        (AVAILABLE, True, Severity.WARNING),
        ({"observedGeneration": 1}, False, Severity.WARNING),
    ],
    ids=["works on blue", "accepted", "does not work on blue either"],
)
def test_an_image_that_nobody_waits_for_is_a_warning(status: dict[str, Any], *, accepted: bool, severity: Severity) -> None:
    """Boards have images that never ran there (`exec format error`); no cutover could begin because of one."""
    both = with_front(status=status)
    both.green.hold(node("arm64"))
    assert [item[1] for item in found(both, FakeRegistry("amd64"), accepted=accepted)] == [severity]


def test_a_deployment_of_no_replicas_is_a_warning_and_an_ended_run_nothing() -> None:
    """A finished Job makes no pod any more."""
    both = pair(in_shop(deployment("front", 0)), finished_job("done"))
    both.green.hold(node("arm64"))
    assert [item[1] for item in found(both, FakeRegistry("amd64"))] == [Severity.WARNING]
    alone = pair(finished_job("done"))
    alone.green.hold(node("arm64"))
    assert found(alone, FakeRegistry("amd64")) == []


def test_an_image_that_one_of_its_users_needs_is_a_failure() -> None:
    """Whoever stands first among them."""
    both = with_front()
    both.blue.hold(in_shop(deployment("a", 0)), in_shop(deployment("z", 0)))
    both.green.hold(node("arm64"))
    ((_, severity, reason),) = found(both, FakeRegistry("amd64"))
    assert (severity, reason.endswith(f"(used by {FRONT})")) == (Severity.FAILURE, True)
