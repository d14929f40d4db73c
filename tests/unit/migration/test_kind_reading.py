"""One strange object, on either cluster, costs only itself: it is blocked with its reason, and the rest goes on."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from migrator.errors import ApiError, UnavailableError
from migrator.migration.diff import diff
from migrator.migration.validate import Checks, validate
from migrator.model.manifest import Manifest, get
from migrator.model.outcome import Action
from migrator.model.plan import Decision, Plan, PlanItem
from migrator.model.ref import ObjectRef, ResourceType
from migrator.model.strange import HINT, Unparsed
from migrator.model.verdict import Severity, Verdict
from tests.support.fake_cluster import FakeCluster
from tests.support.fake_cluster.faults import Fault, not_found, silent, unavailable
from tests.support.hostile import MARK, as_served, damaged, nested
from tests.support.objects import config_map, crd, made, service
from tests.support.pairs import AT_ONCE, Pair, finished_job, in_green, pair

SENTINEL = ObjectRef("", "ConfigMap", "calm", "sentinel")
SLOW = settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))


class Silent:
    """A registry that tells nothing, and a prober that is not asked."""

    def architectures(self, image: str) -> frozenset[str]:
        """Tell nothing."""
        raise ApiError(f"{image}: no answer")

    def probe(self, probe: object) -> None:
        """Fail: no probe is configured."""
        raise AssertionError(probe)


def with_strange(*manifests: Manifest | Unparsed, on: str = "blue", config: str = "") -> Pair:
    """Return a pair with one good object, and with objects of any form on one side."""
    both = pair(made("v1", "Namespace", "calm"), config_map("sentinel", namespace="calm"), config=config)
    cluster = both.blue if on == "blue" else both.green
    for item in manifests:
        cluster.served_raw.setdefault("ConfigMap" if isinstance(item, Unparsed) else item["kind"], []).append(item)
    for group, kind, plural in sorted({_kind(item) for item in manifests if not isinstance(item, Unparsed)}):
        if not any((item.group, item.kind) == (group, kind) for item in both.green.resources()):
            both.blue.hold(crd(plural, kind, group))
    return both


def _kind(manifest: Manifest) -> tuple[str, str, str]:
    group = manifest["apiVersion"].rpartition("/")[0]
    return group, manifest["kind"], manifest["kind"].lower() + "s"


def item_of(plan: Plan, kind: str, name: str) -> PlanItem:
    """Return the entry of one object."""
    return next(item for item in plan.items if (item.blue.kind, item.blue.name) == (kind, name))


def judged(both: Pair) -> Verdict:
    """Validate, with no time to wait."""
    plan, green = both.read()
    checks = Checks(Silent(), Silent(), (), 0.0)  # type: ignore[arg-type]
    return validate(plan, both.blue, both.green, green.live, checks=checks, run=both.run)


@SLOW
@given(st.lists(damaged(), max_size=4))
@example([made("example.com/v1", "Widget", "w", namespace="shop", spec=nested(260))])
def test_no_object_of_blue_ends_a_verb(manifests: list[Manifest]) -> None:
    """Plan, diff, copy and validate come to their end; the good object is moved; no value reaches a reason."""
    both = with_strange(*manifests)
    plan, green = both.read()
    assert item_of(plan, "ConfigMap", "sentinel").decision is Decision.MOVE
    assert all(MARK not in item.reason for item in plan.items if item.hint == HINT)
    assert len(diff(plan, both.green, green.live, both.recorder)) == plan.counts["move"]
    result = both.copy()
    assert in_green(both.green, SENTINEL)["data"] == {"key": "value"}
    lost = {item.ref for item in result.problems} | {item.green for item in result.blocked}
    assert result.complete == (not lost)
    assert {finding.subject for finding in judged(both).failures} >= {str(item.blue) for item in result.blocked}


@SLOW
@given(st.lists(damaged(), max_size=3))
def test_no_object_of_green_ends_a_verb(manifests: list[Manifest]) -> None:
    """What cannot be read there blocks what would overwrite it, and nothing else."""
    both = with_strange(*manifests, on="green")
    plan, green = both.read()
    assert item_of(plan, "ConfigMap", "sentinel").decision is Decision.MOVE
    diff(plan, both.green, green.live, both.recorder)
    both.copy()
    assert in_green(both.green, SENTINEL)["data"] == {"key": "value"}
    assert judged(both).seconds >= 0


def service_with(applied: str) -> Manifest:
    """Return a Service that kubectl has annotated so."""
    annotations = {"kubectl.kubernetes.io/last-applied-configuration": applied}
    return as_served(service("s", type="ClusterIP") | {"metadata": {"name": "s", "namespace": "shop", "annotations": annotations}})


@pytest.mark.parametrize("applied", ['{"spec": {"ports": [1]}}', '{"spec": {"ports": [{"nodePort": 3}]}}', "[" * 2000])
def test_a_last_applied_of_any_form_blocks_its_service_alone(applied: str) -> None:
    """The annotation is a tenant's text."""
    item = item_of(with_strange(service_with(applied)).read()[0], "Service", "s")
    assert item.decision in (Decision.BLOCKED, Decision.MOVE)
    assert not item.reason or item.reason.startswith("is not of the form that its kind has (")


def test_conditions_may_be_a_list_of_anything() -> None:
    """A custom resource is free to do so: it is moved, and counts as ready."""
    both = pair(crd("widgets", "Widget", "example.com"))
    for number, conditions in enumerate((["mytype"], [1], "Ready", {"Ready": True})):
        both.blue.hold(made("example.com/v1", "Widget", f"w{number}", namespace="shop", status={"conditions": conditions}))
    plan, _ = both.read()
    assert [(item.decision, item.unready) for item in plan.items if item.blue.kind == "Widget"] == [(Decision.MOVE, "")] * 4


UNPARSED = Unparsed("shop", "deep", "uid-deep", b"{")


def test_an_object_that_cannot_be_parsed_is_blocked_by_its_name() -> None:
    """Its exit code is that of a partial copy; the person can leave it by name."""
    both = with_strange(UNPARSED)
    blocked = item_of(both.read()[0], "ConfigMap", "deep")
    assert (blocked.decision, blocked.reason, blocked.hint) == (Decision.BLOCKED, UNPARSED.reason, HINT)
    result = both.copy()
    assert [item.blue.name for item in result.blocked] == ["deep"]
    assert not result.complete
    left = with_strange(UNPARSED, config="move: {objects: {exclude: [{kind: ConfigMap, name: deep}]}}")
    assert item_of(left.read()[0], "ConfigMap", "deep").decision is Decision.SKIP
    assert left.copy().complete


def test_what_cannot_be_read_on_green_is_not_overwritten() -> None:
    """Nobody can tell what a copy would change there."""
    both = with_strange(Unparsed("calm", "sentinel", "u", b"{"), on="green")
    plan, _ = both.read()
    assert item_of(plan, "ConfigMap", "sentinel").reason == f"its object on green {UNPARSED.reason}"
    assert SENTINEL not in {item.green for wave in plan.waves for item in wave}
    assert not both.copy().complete


def test_children_of_a_blocked_owner_do_not_lose_it() -> None:
    """They fail for want of it; without the reference green would keep them for ever."""
    owner = as_served(config_map("owner", namespace="shop") | {"status": {}})
    owner["metadata"] |= {"uid": "uid-owner", "annotations": ["strange"]}
    both = with_strange(owner)
    reference = {"apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": "uid-owner"}
    both.blue.hold(config_map("child", namespace="shop", owners=[reference]))
    plan, _ = both.read()
    assert item_of(plan, "ConfigMap", "owner").decision is Decision.BLOCKED
    assert item_of(plan, "ConfigMap", "child").notes == ()
    assert [(item.ref.name, "its owner" in item.message) for item in both.copy().problems] == [("child", True)]


@pytest.mark.parametrize("side", ["blue", "green"])
def test_a_kind_whose_server_is_gone_is_listed(side: str) -> None:
    """A dead conversion webhook makes 5xx answers of a cluster that is ready: all other kinds go on."""
    both = with_strange()
    both.blue.hold(service("web") | {"metadata": {"name": "web", "namespace": "shop"}})
    cluster = both.blue if side == "blue" else both.green
    cluster.faults.append(Fault("list", unavailable, kind="Service"))
    plan, _ = both.read()
    assert [item.type_name for item in plan.unreadable] == ["Service"]
    result = both.copy(AT_ONCE)
    assert result.unreadable == ["Service: green answered 503"]
    assert not result.complete
    assert in_green(both.green, SENTINEL)["data"] == {"key": "value"}
    assert "Service" in {finding.subject for finding in judged(both).failures}


@pytest.mark.parametrize("side", ["blue", "green"])
@pytest.mark.parametrize("fault", [unavailable, silent])
def test_a_cluster_that_is_not_ready_ends_the_run(side: str, fault: type[UnavailableError]) -> None:
    """What it does not tell must not be taken for what it does not have."""
    both = with_strange()
    cluster = both.blue if side == "blue" else both.green
    cluster.faults.append(Fault("list", fault, kind="ConfigMap"))
    cluster.ready = False
    with pytest.raises(UnavailableError):
        both.read()


def test_a_kind_that_is_not_on_green_yet_has_no_objects_there() -> None:
    """Its CRD is copied first."""
    both = with_strange()
    both.green.faults.append(Fault("list", not_found, kind="ConfigMap"))
    plan, green = both.read()
    assert (plan.unreadable, [ref for ref in green.live if ref.kind == "ConfigMap"]) == ((), [])


def test_readiness_of_what_cannot_be_judged_is_a_warning() -> None:
    """It was the same on blue."""
    deployment = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "d", "namespace": "shop"},
        "spec": {"replicas": "x"},
    }
    both = pair()
    both.blue.hold({**deployment, "status": {"observedGeneration": 1, "availableReplicas": [1]}})
    assert "cannot be judged: it is not of the form" in item_of(both.read()[0], "Deployment", "d").unready
    both.copy()
    severities = {finding.severity for finding in judged(both).findings if finding.check == "readiness"}
    assert severities == {Severity.WARNING}
    assert get(deployment, "spec", "replicas") == "x"


class OddAnswers(FakeCluster):
    """Carries requests out, and answers the create of one object with something else."""

    def create(self, resource: ResourceType, namespace: str, body: bytes, **options: Any) -> Manifest:
        """Create an object."""
        made = super().create(resource, namespace, body, **options)
        return {"metadata": ["odd"]} if made["metadata"]["name"] == "odd" else made


def test_an_answer_of_any_form_costs_its_object_alone() -> None:
    """It may be on green: the next copy knows that it can be ours, and finishes it."""
    both = pair(config_map("odd", namespace="shop"), config_map("even", namespace="shop"))
    both.green = OddAnswers("green", clock=both.clock)
    plan, green = both.read()
    assert [(item.ref.name, item.action) for item in diff(plan, both.green, green.live, both.recorder)] == [
        ("shop", "create"),
        ("even", "create"),
        ("odd", "unproven"),
    ]
    (problem,) = both.copy().problems
    assert (problem.ref.name, problem.action) == ("odd", Action.FAILED)
    assert problem.message.startswith("is not of the form that its kind has (")
    again = both.next_run()
    assert again.copy().problems == []
    assert all(written.made for written in again.run.state.written.values())


def test_a_status_of_any_form_on_green_blocks_its_object_alone() -> None:
    """Nobody can tell whether the Job has ended there."""
    both = pair(finished_job("done"), config_map("a", namespace="shop"))
    both.copy()
    job = in_green(both.green, ObjectRef("batch", "Job", "shop", "done"))
    body = orjson.dumps({**job, "status": {"conditions": [1]}})
    both.green.replace(both.green.type_of(job), "shop", "done", body, manager="x", subresource="status")
    result = both.next_run().copy()
    assert [(item.ref.name, item.action) for item in result.problems] == [("done", Action.BLOCKED)]
    assert result.problems[0].message.startswith("cannot be compared: it is not of the form")
    assert result.counts["unchanged"] == 2


def test_what_cannot_be_judged_is_a_failure_of_its_own() -> None:
    """No verdict is good without proof, and none ends at the first strange object."""
    both = pair(service("web") | {"metadata": {"name": "web", "namespace": "shop"}})
    both.copy()
    slices = made("discovery.k8s.io/v1", "EndpointSlice", "web-x", namespace="shop", endpoints=["x"])
    both.green.served_raw["EndpointSlice"] = [as_served(slices)]
    failures = [(item.check, item.subject, item.hint) for item in judged(both).failures]
    assert failures == [("endpoints", "Service/shop/web", HINT)]
