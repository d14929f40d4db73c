"""What green's validation refuses is blocked before anything is written."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from migrator.errors import ApiError, InvalidError
from migrator.migration.refusals import trial_of, without_refused
from migrator.model.manifest import Manifest
from migrator.model.plan import Decision, Plan
from migrator.model.ref import ObjectRef
from tests.support.fake_cluster.faults import Fault, forbidden, invalid, unavailable
from tests.support.objects import config_map, crd, made, service
from tests.support.pairs import Pair, in_shop, owned_by, pair, writes

FRONT = ObjectRef("", "Service", "shop", "front")
BUDGET = ObjectRef("policy", "PodDisruptionBudget", "shop", "front")


def budget() -> Manifest:
    """Return a PodDisruptionBudget."""
    return made("policy/v1", "PodDisruptionBudget", "front", namespace="shop", spec={"minAvailable": 1})


def asked(both: Pair) -> Plan:
    """Return the plan after green was asked."""
    plan, green = both.read()
    return without_refused(plan, both.green, green.live, both.recorder)


def decision(plan: Plan, ref: ObjectRef) -> Decision:
    """Return what is decided about an object."""
    return next(item.decision for item in plan.items if item.blue == ref)


def by_a_webhook() -> ApiError:
    """Return the refusal of a webhook, which may come after the object."""
    return InvalidError('green answered 422: admission webhook "a" denied the request', status=422, reason="Invalid")


def test_what_validation_refuses_is_blocked_with_its_words() -> None:
    """All others move, and nothing was written."""
    both = pair(in_shop(service("front")), budget(), config_map("a", namespace="shop"))
    both.green.faults.append(Fault("create", invalid, kind="PodDisruptionBudget"))
    plan = asked(both)
    (blocked,) = plan.of(Decision.BLOCKED)
    assert (blocked.blue, blocked.reason, bool(blocked.hint)) == (BUDGET, "green answered 422: is invalid", True)
    assert decision(plan, FRONT) is Decision.MOVE
    assert BUDGET not in [item.green for wave in plan.waves for item in wave]
    assert not list(both.green.list(both.green.type_of(service("a"))))


@pytest.mark.parametrize("error", [forbidden, by_a_webhook])
def test_another_answer_blocks_nothing(error: Callable[[], ApiError]) -> None:
    """Policies and permissions may be others by the time of the copy."""
    both = pair(budget())
    both.green.faults.append(Fault("create", error))
    assert decision(asked(both), BUDGET) is Decision.MOVE


def test_of_objects_that_are_alike_one_is_asked_about() -> None:
    """Validation treats them alike; where it refuses one, all of its form are asked about."""
    several = [{**budget(), "metadata": {"name": name, "namespace": "shop"}} for name in ("a", "b", "c")]
    other = {**budget(), "metadata": {"name": "d", "namespace": "shop"}, "spec": {"minAvailable": "50%"}}
    both = pair(*several, other)
    asked(both)
    assert len([request for request in both.green.requests if request.startswith("create")]) == 2
    both.green.faults.append(Fault("create", invalid))
    assert len(list(asked(both).of(Decision.BLOCKED))) == 4


def test_a_webhook_that_does_not_answer_is_waited_for_once() -> None:
    """A plan is no place to wait for each object."""
    forms = ({"name": f"b{number}", "namespace": "shop", "labels": {f"l{number}": "x"}} for number in range(9))
    both = pair(*({**budget(), "metadata": metadata} for metadata in forms), workers=1)
    both.green.faults.append(Fault("create", unavailable))
    assert not list(asked(both).of(Decision.BLOCKED))
    assert len([request for request in both.green.requests if request.startswith("create")]) == 1


def test_what_is_on_green_is_not_asked_about() -> None:
    """An update has other rules; contents without rules are not asked about either."""
    both = pair(budget(), config_map("a", namespace="shop"))
    both.copy()
    again = both.next_run()
    again.green.requests.clear()
    asked(again)
    assert not [request for request in again.green.requests if request.startswith("create")]


def test_a_trial_is_made_without_what_green_does_not_have_yet() -> None:
    """Owners, and the namespace."""
    both = pair()
    (owner,) = both.blue.hold(config_map("parent", namespace="shop"))
    both.blue.hold(owned_by(owner, budget()))
    item = both.item(BUDGET)
    body = {**budget(), "metadata": {**budget()["metadata"], "ownerReferences": [{"uid": "u"}]}}
    namespace, trial = trial_of(item, body, {})
    assert (namespace, trial["metadata"]) == ("default", {"name": "front", "namespace": "default"})


def outdated(group: str = "example.com") -> tuple[Manifest, Manifest]:
    """Return a definition that got stricter, and a custom resource that it refuses by now."""
    definition = crd("probes", "Probe", group)
    # A server asks it of groups that end with k8s.io.
    definition["metadata"]["annotations"] = {"api-approved.kubernetes.io": "https://github.com/kubernetes/kubernetes/pull/1"}
    spec = {"type": "object", "required": ["owner"]}
    definition["spec"]["versions"][0]["schema"] = {"openAPIV3Schema": {"type": "object", "properties": {"spec": spec}}}
    return definition, made(f"{group}/v1", "Probe", "old", namespace="shop", spec={"every": "30s"})


OLD = ObjectRef("example.com", "Probe", "shop", "old")


@pytest.mark.parametrize("group", ["example.com", "snapshot.storage.k8s.io"])
def test_a_custom_resource_older_than_its_schema_is_blocked(group: str) -> None:
    """Its definition is not on green, so nothing there could be asked; a project of Kubernetes has such definitions, too."""
    definition, old = outdated(group)
    both = pair(definition)
    both.blue.hold(old)
    plan = asked(both)
    (blocked,) = plan.of(Decision.BLOCKED)
    assert (blocked.blue, blocked.reason) == (
        OLD._replace(group=group),
        "does not match the present schema of its CRD: spec.owner is required",
    )
    assert not [request for request in writes(both.green) if "Probe" in request.split()]


def test_a_definition_on_green_is_asked() -> None:
    """It may be another: what green serves decides, and its words are shown."""
    definition, old = outdated()
    both = pair(definition)
    both.blue.hold(old)
    both.green.hold(crd("probes", "Probe", "example.com"))
    assert decision(asked(both), OLD) is Decision.MOVE
    both.green.faults.append(Fault("create", invalid, kind="Probe"))
    assert decision(asked(both), OLD) is Decision.BLOCKED


def test_a_dead_webhook_of_custom_resources_hides_no_other_refusal() -> None:
    """Its group is waited for once."""
    definition, old = outdated()
    both = pair(definition, budget(), workers=1)
    both.blue.hold(old)
    both.green.hold(crd("probes", "Probe", "example.com"))
    both.green.faults += [Fault("create", unavailable, kind="Probe"), Fault("create", invalid, kind="PodDisruptionBudget")]
    plan = asked(both)
    assert (decision(plan, OLD), decision(plan, BUDGET)) == (Decision.MOVE, Decision.BLOCKED)
