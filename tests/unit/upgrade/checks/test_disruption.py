"""What a drain would interrupt, lose, or wait for in vain."""

from __future__ import annotations

import datetime
from typing import Any

import pytest

from migrator.model.budgets import selects
from migrator.model.pods import claims_of
from migrator.model.upgrade import DrainRules
from migrator.model.verdict import Severity
from tests.support.facts import NOW, budget, findings, local_volume, pod, with_claim

EMPTY_DIR = {"volumes": [{"name": "scratch", "emptyDir": {}}]}
WEB = pod("web", "w1")

ROWS: list[tuple[str, dict[str, Any], str, Severity, str]] = [
    ("budget", {"pods": (pod("web", "w1"),), "budgets": (budget(),)}, "budgets", Severity.FAILURE, "allows no disruption"),
    ("pod of nobody", {"pods": (pod("alone", "w1", owner=None),)}, "drain", Severity.FAILURE, "no controller"),
    ("local data", {"pods": (pod("web", "w1", spec=EMPTY_DIR),)}, "drain", Severity.FAILURE, "emptyDir scratch"),
    (
        "local data, given up",
        {"pods": (pod("web", "w1", spec=EMPTY_DIR),), "drain": DrainRules(delete_emptydir_data=True)},
        "drain",
        Severity.WARNING,
        "is lost",
    ),
    (
        "single replica",
        {"deployments": ({"metadata": {"name": "web", "namespace": "shop"}, "spec": {"replicas": 1}},)},
        "replicas",
        Severity.WARNING,
        "one replica",
    ),
    (
        "local volume",
        {"pods": (with_claim("db"),), "volumes": (local_volume("disk"),)},
        "local-data",
        Severity.WARNING,
        "volume disk",
    ),
]


@pytest.mark.parametrize(("broken", "name", "severity", "words"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS])
def test_a_fault_is_found_with_its_hint(broken: dict[str, Any], name: str, severity: Severity, words: str) -> None:
    """One thing is wrong: the check of that name says so, and what to do."""
    found = [item for item in findings(name, **broken) if words in item.reason]
    assert [item.severity for item in found[:1]] == [severity]
    assert all(item.hint for item in found if item.severity is Severity.FAILURE)


def test_a_budget_that_holds_no_leaving_pod_is_let_be() -> None:
    """Other pods, another namespace, a disruption that is allowed, or an order to delete past it."""
    assert findings("budgets", pods=(pod("db", "w1"),), budgets=(budget(),)) == []
    assert findings("budgets", pods=(pod("web", "w1", namespace="other"),), budgets=(budget(),)) == []
    assert findings("budgets", pods=(WEB,), budgets=(budget(disruptionsAllowed=1),)) == []
    assert findings("budgets", pods=(WEB,), budgets=(budget(),), drain=DrainRules(disable_eviction=True)) == []


@pytest.mark.parametrize(
    ("answer", "reason"), [("", ""), ("denied by webhook", "denied by webhook: shop/web cannot go")], ids=["granted", "held"]
)
def test_what_the_api_answers_counts_more_than_the_rules(answer: str, reason: str) -> None:
    """A webhook may hold what budgets let go; a budget may have moved on since it was read."""
    found = findings("budgets", pods=(WEB,), budgets=(budget(),) if not answer else (), evictions={"web": answer})
    assert [item.reason for item in found] == ([reason] if reason else [])


def test_pods_that_their_operator_moves_are_a_warning() -> None:
    """Its webhook refuses each eviction and moves the pod itself (Strimzi, KubeVirt); an order to delete past all asks nobody."""
    said = 'admission webhook "drain.strimzi.io" denied the request: it will be rolled by the operator'
    broken: dict[str, Any] = {"pods": (WEB, pod("db", "w2")), "budgets": (budget(),), "evictions": {"web": said, "db": said}}
    (item,) = findings("budgets", **broken)
    assert (item.subject, item.severity) == ("drain.strimzi.io", Severity.WARNING)
    assert "refuses evictions of shop/web, shop/db" in item.reason
    assert findings("budgets", **broken, drain=DrainRules(disable_eviction=True)) == []


def of(kind: str, group: str, name: str, on: str, **more: Any) -> dict[str, Any]:
    """Return the pod of an operator's object, which the budget of `shop` counts."""
    made = pod(name, on, **{"labels": {"app": "web"}, **more})
    made["metadata"]["ownerReferences"] = [
        {"apiVersion": f"{group}/v1", "kind": kind, "name": "main", "uid": "main", "controller": True}
    ]
    return made


PRIMARY: dict[str, Any] = {"labels": {"app": "web", "cnpg.io/instanceRole": "primary"}}
DATABASE = ("Cluster", "postgresql.cnpg.io")
HELD = {"one": "Cannot evict pod as it would violate the pod's disruption budget."}


@pytest.mark.parametrize(
    ("pods", "severity"),
    [
        ((of("InstanceManager", "longhorn.io", "one", "w1"),), Severity.WARNING),
        ((of("InstanceManager", "example.com", "one", "w1"),), Severity.FAILURE),
        ((of(*DATABASE, "one", "w1", **PRIMARY), of(*DATABASE, "two", "w2", labels={})), Severity.WARNING),
        ((of(*DATABASE, "one", "w1", **PRIMARY), of(*DATABASE, "two", "w1", labels={})), Severity.FAILURE),
        ((of(*DATABASE, "one", "w1", **PRIMARY),), Severity.FAILURE),
        ((of(*DATABASE, "one", "w1"), of(*DATABASE, "two", "w2", labels={})), Severity.FAILURE),
    ],
    ids=["Longhorn", "somebody else", "a primary", "both on one node", "alone", "a replica"],
)
def test_a_budget_that_its_operator_ends_at_a_cordon_is_a_warning(pods: tuple[dict[str, Any], ...], severity: Severity) -> None:
    """Longhorn's (longhorn#1286), and CloudNativePG's for a primary; no upgrade of a cluster with either began else."""
    found = findings("budgets", pods=pods, budgets=(budget(),), evictions=HELD)
    assert [item.severity for item in found] == [severity]
    told = "once the node is cordoned" in found[0].reason
    assert told is (severity is Severity.WARNING)


def test_a_budget_is_not_ended_where_it_is_one_of_two_or_holds_nothing() -> None:
    """Longhorn has made two for one pod (longhorn#5680): no eviction is ever granted."""
    manager = of("InstanceManager", "longhorn.io", "one", "w1")
    other = budget()
    other["metadata"] = {"name": "all", "namespace": "shop"}
    (item,) = findings("budgets", pods=(manager,), budgets=(budget(), other), evictions=HELD)
    assert item.severity is Severity.FAILURE
    assert findings("budgets", pods=(manager,), budgets=(budget(),), evictions={"one": ""}) == []
    assert findings("budgets", pods=(manager,), budgets=(budget(),), drain=DrainRules(disable_eviction=True)) == []


def test_a_pod_that_ends_already_is_held_by_nobody() -> None:
    """In a namespace that is being deleted each eviction is refused; `drain` tells of a pod that does not end."""
    ending = pod("web", "w1")
    ending["metadata"]["deletionTimestamp"] = datetime.datetime.fromtimestamp(NOW, datetime.UTC).isoformat()
    said = 'pods "web" is forbidden: unable to create new content in namespace shop because it is being terminated'
    assert findings("budgets", pods=(ending,), budgets=(budget(),), evictions={"web": said}) == []


RUN: dict[str, Any] = {"spec": {"restartPolicy": "Never"}}


@pytest.mark.parametrize(
    ("run", "found"),
    [
        (of("Job", "batch", "run", "w1", **RUN), ["Job"]),
        (of("TaskRun", "tekton.dev", "run", "w1", spec={"restartPolicy": "OnFailure"}), ["TaskRun"]),
        (of("Job", "batch", "run", "elsewhere", **RUN), []),
        (of("Job", "batch", "run", "w1", **RUN) | {"status": {"phase": "Succeeded"}}, []),
        (of("InstanceManager", "longhorn.io", "run", "w1", **RUN), []),
        (of("ReplicaSet", "apps", "run", "w1", spec={"restartPolicy": "Always"}), []),
    ],
    ids=["a Job's", "of somebody else", "on another node", "ended", "Longhorn's", "no run"],
)
def test_a_run_that_a_drain_cuts_off_is_told(run: dict[str, Any], found: list[str]) -> None:
    """With backoffLimit 0 its Job fails for good; one that its operator moves is let be."""
    assert [(item.subject, item.severity) for item in findings("drain", pods=(run,))] == [
        (kind, Severity.WARNING) for kind in found
    ]
    moved = {"run": 'admission webhook "a.example" denied the request: it migrates'}
    assert findings("drain", pods=(run,), evictions=moved) == []


def test_two_budgets_on_a_pod_are_both_named() -> None:
    """Its eviction is refused for ever (kubernetes#75957)."""
    one, other = budget(disruptionsAllowed=1), budget(disruptionsAllowed=1)
    other["metadata"] = {"name": "all", "namespace": "shop"}
    (found,) = findings("budgets", pods=(WEB,), budgets=(one, other))
    assert (found.severity, found.subject) == (Severity.FAILURE, "shop/web and shop/all")


def test_an_ill_pod_that_may_go_is_told() -> None:
    """`unhealthyPodEvictionPolicy: AlwaysAllow` is no reason to stop (rook#12262)."""
    ill = WEB | {"status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "False"}]}}
    always = budget()
    always["spec"]["unhealthyPodEvictionPolicy"] = "AlwaysAllow"
    (found,) = findings("budgets", pods=(ill,), budgets=(always,))
    assert (found.severity, "lets it go" in found.reason) == (Severity.WARNING, True)


@pytest.mark.parametrize(("seconds", "found"), [(30, 0), (600, 0), (3600, 1)])
def test_a_pod_that_takes_longer_to_end_than_a_drain_waits_is_told(seconds: int, found: int) -> None:
    """Before the run stops at it."""
    slow = pod("db", "w1", spec={"terminationGracePeriodSeconds": seconds})
    items = findings("drain", pods=(slow,), drain=DrainRules(timeout=600.0))
    assert ["may take 3600 s to end" in item.reason for item in items] == [True] * found


def test_pods_of_nodes_that_are_not_drained_stay() -> None:
    """A node that the file does not name is a finding of its own, and nobody drains it."""
    assert findings("budgets", pods=(pod("web", "w3"),), budgets=(budget(),)) == []


def test_pods_that_a_drain_leaves_are_let_be() -> None:
    """A DaemonSet's, with data of its own."""
    assert findings("drain", pods=(pod("agent", "w1", owner="DaemonSet", spec=EMPTY_DIR),)) == []


@pytest.mark.parametrize(("spec", "found"), [({"replicas": 2}, 0), ({"replicas": 0}, 0), ({"replicas": 1}, 1), ({}, 1)])
def test_one_replica_is_down_while_it_moves(spec: dict[str, Any], found: int) -> None:
    """One is the default; what runs nowhere cannot be down."""
    item = {"metadata": {"name": "web", "namespace": "shop"}, "spec": spec}
    assert len(findings("replicas", deployments=(item,))) == found
    assert len(findings("replicas", stateful_sets=(item,))) == found


def test_a_volume_of_the_network_is_let_be() -> None:
    """Its pod starts anywhere."""
    volume = local_volume("disk")
    volume["spec"] = {"nfs": {}, "claimRef": volume["spec"]["claimRef"]}
    assert findings("local-data", pods=(with_claim("db"),), volumes=(volume,)) == []


def test_the_claims_of_a_pod_are_of_its_namespace() -> None:
    """Other volumes are none."""
    assert claims_of(with_claim("db")) == [("shop", "data")]
    assert claims_of(pod("web", "w1", spec=EMPTY_DIR)) == []


@pytest.mark.parametrize(("selector", "counted"), [({}, True), (None, False), ({"matchLabels": {"app": "db"}}, False)])
def test_an_empty_selector_counts_every_pod(selector: dict[str, Any] | None, *, counted: bool) -> None:
    """As policy/v1 has it; without a selector none is."""
    assert selects({"spec": {"selector": selector}}, WEB) is counted


def ending(minutes: float, *finalizers: str) -> dict[str, Any]:
    """Return a pod that should have ended so many minutes ago."""
    found = pod("web", "w1")
    when = datetime.datetime.fromtimestamp(NOW - 60 * minutes, datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {**found, "metadata": {**found["metadata"], "deletionTimestamp": when, "finalizers": list(finalizers)}}


def kept(*finalizers: str) -> dict[str, Any]:
    """Return a pod that runs, with finalizers."""
    found = pod("web", "w1")
    return {**found, "metadata": {**found["metadata"], "finalizers": list(finalizers)}}


@pytest.mark.parametrize(
    ("one", "found"),
    [
        (ending(30), ["failure"]),
        (ending(30, "example.com/hold"), ["failure"]),
        (ending(1), []),
        (kept("example.com/hold"), ["warning"]),
        (kept("batch.kubernetes.io/job-tracking"), []),
    ],
    ids=["its node does not end it", "a finalizer that nobody serves", "it is about to", "a finalizer", "a Job's"],
)
def test_a_pod_that_does_not_end_is_found(one: dict[str, Any], found: list[str]) -> None:
    """A drain waits until it is gone, to its deadline."""
    assert [item.severity.value for item in findings("drain", pods=(one,))] == found
