"""A pod starts after what changes pods, or not at all."""

from __future__ import annotations

from typing import Any

import pytest

from migrator.migration.copy import CopyOptions
from migrator.model.manifest import Manifest
from migrator.model.outcome import Action
from tests.support.fake_cluster import FakeCluster
from tests.support.fake_cluster.faults import Fault, forbidden
from tests.support.objects import deployment, made, service
from tests.support.pairs import AT_ONCE, Pair, contents, in_shop, pair, writes

ADMISSION = "admissionregistration.k8s.io/v1"
AVAILABLE = {"observedGeneration": 1, "availableReplicas": 1}


def hooks(policy: str = "Fail", **more: Any) -> Manifest:
    """Return a configuration that changes pods; the Deployment `hook` answers for it."""
    rule = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}
    client = {"service": {"namespace": "shop", "name": "hook"}}
    hook = {"name": "a.example.com", "clientConfig": client, "failurePolicy": policy, "rules": [rule], **more}
    return made(ADMISSION, "MutatingWebhookConfiguration", "hooks", webhooks=[hook])


def meshed(policy: str = "Fail", status: Manifest = AVAILABLE, **more: Any) -> Pair:
    """Return a pair with an injector, what answers for it, and a workload whose pods it changes."""
    answering = {**in_shop(deployment("hook")), "status": status}
    return pair(hooks(policy, **more), in_shop(service("hook")), answering, in_shop(deployment("app")))


def answer(cluster: FakeCluster) -> None:
    """Put an endpoint behind the Service of the injector."""
    labels = {"kubernetes.io/service-name": "hook"}
    ends = [{"addresses": ["10.0.0.1"]}]
    cluster.hold(made("discovery.k8s.io/v1", "EndpointSlice", "hook-1", namespace="shop", labels=labels, endpoints=ends))


def created(both: Pair) -> list[str]:
    """Return what was created on green, in order."""
    return [request.split()[-1] for request in writes(both.green) if request.startswith("create")]


def names(both: Pair) -> set[str]:
    """Return the names of what is on green."""
    return {ref.name for ref in contents(both.green)}


@pytest.mark.parametrize("policy", ["Fail", "Ignore"])
def test_pods_are_made_when_the_injector_answers(policy: str) -> None:
    """Its workload first, then the configuration, then all others, however the webhook treats failures."""
    both = meshed(policy)
    note = "is written once the webhook that changes its pods answers (hooks)"
    assert [item.blue.name for item in both.read()[0].items if note in item.notes] == ["app"]
    both.clock.after(20, lambda: answer(both.green))
    assert both.copy(CopyOptions(backend_timeout=60.0)).complete
    order = [name for name in created(both) if name.rpartition("/")[2] in ("hook", "hooks", "app")]
    assert order.index("shop/hook") < order.index("/hooks") < order.index("shop/app")
    assert both.clock.monotonic() >= 20


@pytest.mark.parametrize("policy", ["Fail", "Ignore"])
def test_pods_are_held_when_the_injector_does_not_answer_in_time(policy: str) -> None:
    """They would start without its container; a later copy brings them."""
    both = meshed(policy)
    result = both.copy(AT_ONCE)
    (held,) = (item for item in result.problems if item.ref.name == "app")
    assert held.action is Action.BLOCKED
    assert "its pods would start without what MutatingWebhookConfiguration.admissionregistration.k8s.io/hooks" in held.message
    assert ("hooks" in names(both), "app" in names(both)) == (policy == "Ignore", False)
    answer(both.green)
    assert both.next_run().copy(AT_ONCE).complete
    assert {"hooks", "app"} <= names(both)


def test_an_injector_that_cannot_be_written_holds_the_pods() -> None:
    """It is the outcome of the configuration that tells why."""
    both = meshed()
    both.green.hold(made("v1", "Namespace", "shop"))
    answer(both.green)
    both.green.faults.append(Fault("create", forbidden, kind="MutatingWebhookConfiguration"))
    found = {item.ref.name: item.message for item in both.copy(AT_ONCE).problems}
    assert found["app"].endswith("which is not on green")


def test_an_injector_that_does_not_work_on_blue_holds_nobody() -> None:
    """Its configuration is blocked, as one that would refuse all pods; what it does not change on blue comes."""
    both = meshed(status={"observedGeneration": 1, "availableReplicas": 0})
    result = both.copy(AT_ONCE)
    assert [item.ref.name for item in result.problems] == ["hooks"]
    assert "app" in names(both)


def test_one_silent_injector_is_waited_for_once() -> None:
    """However many workloads there are."""
    both = meshed("Ignore")
    both.blue.hold(*(in_shop(deployment(f"more-{number}")) for number in range(20)))
    both.copy(CopyOptions(backend_timeout=10.0))
    assert 10 <= both.clock.monotonic() < 12


POLICY = made(ADMISSION, "MutatingAdmissionPolicy", "mesh", spec={})
BINDING = made(ADMISSION, "MutatingAdmissionPolicyBinding", "mesh", spec={"policyName": "mesh"})
OTHER = made(ADMISSION, "ValidatingAdmissionPolicyBinding", "mesh", spec={"policyName": "mesh"})


@pytest.mark.parametrize(
    ("policies", "waits"),
    [([POLICY, BINDING], [3.0]), ([BINDING], [3.0]), ([OTHER], [])],
    ids=["policy and binding", "binding", "validating"],
)
def test_pods_are_made_when_a_new_mutating_policy_acts(policies: list[Manifest], waits: list[float]) -> None:
    """API servers see a policy within a second and do not tell when: one wait for both halves, none where nothing is written."""
    both = pair(*policies, in_shop(deployment("web")))
    assert both.copy().complete
    assert both.clock.slept == waits
    both.clock.slept.clear()
    assert both.next_run().copy().complete
    assert both.clock.slept == []


def test_nothing_is_waited_for_after_the_last_write() -> None:
    """A policy without anything behind it ends the copy."""
    both = pair(BINDING)
    assert both.copy().complete
    assert both.clock.slept == []
