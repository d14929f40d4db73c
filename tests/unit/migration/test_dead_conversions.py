"""One kind whose conversion webhook is gone stops neither the others, nor what can be read where it is stored."""

from __future__ import annotations

from migrator.errors import UnavailableError
from migrator.model.manifest import Manifest
from migrator.model.outcome import Action
from migrator.model.plan import Decision
from migrator.model.ref import ObjectRef
from tests.support.fake_cluster.faults import Fault
from tests.support.objects import config_map, crd, made
from tests.support.pairs import Pair, in_green, pair

OLD = ObjectRef("example.com", "Probe", "shop", "old")
CRD = ObjectRef("apiextensions.k8s.io", "CustomResourceDefinition", "", "probes.example.com")
NONE = "transforms: [{name: plain, target: {kind: CustomResourceDefinition}, mergePatch: {spec: {conversion: {strategy: None}}}}]"


def gone() -> UnavailableError:
    """Return what the API server answers in place of the webhook."""
    return UnavailableError("blue answered 500: conversion webhook failed", status=500)


def with_dead_webhook(config: str = "", *, stored: str = "v1alpha1", times: int = 1) -> Pair:
    """Return a pair whose kind is stored at an older version than it is asked for; the first lists of it fail."""
    definition = crd("probes", "Probe", "example.com", ("v1", "v1alpha1"))
    definition["spec"]["conversion"] = {"strategy": "Webhook", "webhook": {"conversionReviewVersions": ["v1"]}}
    both = pair(definition, config_map("neighbour", namespace="shop"), config=config)
    both.blue.hold(made(f"example.com/{stored}", "Probe", "old", namespace="shop", spec={"every": "30s"}))
    both.blue.faults.append(Fault("list", gone, kind="Probe", times=times))
    return both


def test_it_is_read_at_the_version_that_it_is_stored_at_and_blocked_before_anything_is_written() -> None:
    """Green would ask the same webhook; the neighbour and the CRD move."""
    both = with_dead_webhook()
    found = both.read()[0]
    by_ref: dict[ObjectRef, Decision] = {item.blue: item.decision for item in found.items}
    assert (by_ref[OLD], by_ref[CRD]) == (Decision.BLOCKED, Decision.MOVE)
    (blocked,) = found.of(Decision.BLOCKED)
    assert "does not answer" in blocked.reason
    assert "strategy: None" in blocked.hint
    assert found.unreadable == ()


def test_a_crd_without_conversion_on_green_takes_it() -> None:
    """The person said so by a transform; it is written at the version that it was read at."""
    both = with_dead_webhook(NONE)
    assert both.copy().problems == []
    assert in_green(both.green, OLD)["spec"] == {"every": "30s"}
    item: Manifest = in_green(both.green, CRD)
    assert item["spec"]["conversion"]["strategy"] == "None"


def test_a_kind_that_no_version_can_be_read_at_is_reported_alone() -> None:
    """Objects at several versions, or a webhook that all need."""
    both = with_dead_webhook(times=9)
    result = both.copy()
    assert [item.partition(":")[0] for item in result.unreadable] == ["Probe.example.com"]
    assert (result.problems, result.complete) == ([], False)
    assert in_green(both.green, ObjectRef("", "ConfigMap", "shop", "neighbour"))["data"] == {"key": "value"}
    assert result.counts[Action.CREATED.value] == 3
