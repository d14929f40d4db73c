"""Draining a node through a real API server's Eviction API."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from migrator.adapters.clock import SystemClock
from migrator.cluster.drain import cordon, drain, drained, pods_on
from migrator.errors import BlockedError, GateFailedError
from migrator.kube.errors import TWO_BUDGETS
from migrator.model.kinds import NODES
from migrator.model.upgrade import DrainRules
from tests.support.drains import await_pods, make_node, template, workload
from tests.support.recorder import Recorder
from tests.support.sandbox import TYPES, Sandbox, until

RULES = DrainRules(timeout=300.0)
Drain = Callable[..., int]


@pytest.fixture
def node(sandbox: Sandbox) -> str:
    """Return a node that only this test's pods come to."""
    name = f"{sandbox.namespace[:40]}-a"
    make_node(sandbox.pair.blue, name, group=sandbox.namespace)
    return name


@pytest.fixture
def recorder() -> Recorder:
    """Keep what is shown."""
    return Recorder()


def run(sandbox: Sandbox, node: str, recorder: Recorder, **rules: Any) -> int:
    """Drain the node."""
    return drain(sandbox.pair.blue, node, replace(RULES, **rules), clock=SystemClock(), reporter=recorder)


def cordoned(sandbox: Sandbox, node: str) -> bool:
    """Return whether the node takes no pods."""
    return bool(sandbox.pair.blue.get(NODES, "", node)["spec"].get("unschedulable"))


def test_what_can_go_goes_and_daemons_stay(sandbox: Sandbox, node: str, recorder: Recorder) -> None:
    """A Deployment's pods are evicted, a DaemonSet's stay; the node is cordoned, and let back in when asked."""
    sandbox.on_blue(workload("Deployment", "web", sandbox.namespace, replicas=5), workload("DaemonSet", "agent", sandbox.namespace))
    await_pods(sandbox.pair.blue, node, 6)
    assert not drained(sandbox.pair.blue, node, RULES)
    assert run(sandbox, node, recorder) == 5
    assert drained(sandbox.pair.blue, node, RULES)
    assert [pod["metadata"]["labels"]["app"] for pod in pods_on(sandbox.pair.blue, node)] == ["agent"]
    assert cordoned(sandbox, node)
    cordon(sandbox.pair.blue, node, on=False)
    assert not cordoned(sandbox, node)


def test_a_budget_that_never_allows_is_named_once_the_deadline_is_over(sandbox: Sandbox, node: str, recorder: Recorder) -> None:
    """Asked again until then; without the API, budgets do not count."""
    budget = {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": {"name": "keep"},
        "spec": {"minAvailable": 2, "selector": {"matchLabels": {"app": "web"}}},
    }
    sandbox.on_blue(workload("Deployment", "web", sandbox.namespace, replicas=2), budget)
    await_pods(sandbox.pair.blue, node, 2)
    with pytest.raises(GateFailedError, match="The disruption budget keep needs 2") as caught:
        run(sandbox, node, recorder, timeout=2.0)
    assert "--disable-eviction" in caught.value.hint
    assert len(pods_on(sandbox.pair.blue, node)) == 2
    assert run(sandbox, node, recorder, disable_eviction=True) == 2


def test_a_dry_run_of_an_eviction_tells_what_an_eviction_would(sandbox: Sandbox, node: str) -> None:
    """One budget holds, two are refused for ever and at once, a pod without any may go; and nobody has gone."""
    budgets = [
        {
            "apiVersion": "policy/v1",
            "kind": "PodDisruptionBudget",
            "metadata": {"name": name},
            "spec": {"minAvailable": 1, "selector": {"matchLabels": {"app": app}}},
        }
        for name, app in (("held", "one"), ("first", "two"), ("second", "two"))
    ]
    names = ("one", "two", "free")
    sandbox.on_blue(*(workload("Deployment", name, sandbox.namespace, replicas=1) for name in names), *budgets)
    await_pods(sandbox.pair.blue, node, 3)
    there = {pod["metadata"]["labels"]["app"]: pod for pod in pods_on(sandbox.pair.blue, node)}
    blue = sandbox.pair.blue.impatient()

    def answers() -> dict[str, str]:
        return {
            app: blue.evict(sandbox.namespace, pod["metadata"]["name"], uid=pod["metadata"]["uid"], dry_run=True)
            for app, pod in there.items()
        }

    until(lambda: "The disruption budget held needs 1" in answers()["one"])
    assert (TWO_BUDGETS in answers()["two"], answers()["free"]) == (True, "")
    assert len(pods_on(sandbox.pair.blue, node)) == 3


def test_a_policy_that_refuses_an_eviction_is_an_answer(sandbox: Sandbox, node: str) -> None:
    """As a webhook is: a drain asks again, and nobody else's pods are kept."""
    group, name = "admissionregistration.k8s.io/v1", sandbox.namespace
    rule = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods/eviction"]}
    here = {"matchLabels": {"kubernetes.io/metadata.name": name}}
    spec = {"matchConstraints": {"resourceRules": [rule], "namespaceSelector": here}, "validations": [{"expression": "false"}]}
    binding = {"policyName": name, "validationActions": ["Deny"]}
    sandbox.on_blue(
        workload("Deployment", "kept", name, replicas=1),
        {"apiVersion": group, "kind": "ValidatingAdmissionPolicy", "metadata": {"name": name, "namespace": ""}, "spec": spec},
        {
            "apiVersion": group,
            "kind": "ValidatingAdmissionPolicyBinding",
            "metadata": {"name": name, "namespace": ""},
            "spec": binding,
        },
    )
    await_pods(sandbox.pair.blue, node, 1)
    (pod,) = pods_on(sandbox.pair.blue, node)
    blue = sandbox.pair.blue.impatient()
    until(lambda: "denied request" in blue.evict(name, pod["metadata"]["name"], uid=pod["metadata"]["uid"], dry_run=True))


def test_a_pod_of_a_namespace_that_is_being_deleted_ends_no_drain(sandbox: Sandbox, node: str, recorder: Recorder) -> None:
    """Its eviction is refused with 403, and whoever deletes the namespace deletes it (kubernetes#93947)."""
    name = f"{sandbox.namespace[:50]}-old"
    sandbox.on_blue({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "namespace": ""}})
    held = workload("Deployment", "held", sandbox.namespace, replicas=1)
    held["metadata"]["namespace"] = name
    held["spec"]["template"]["metadata"]["finalizers"] = ["example.com/held"]
    sandbox.on_blue(held, workload("Deployment", "web", sandbox.namespace, replicas=1))
    await_pods(sandbox.pair.blue, node, 2)
    (pod,) = (item for item in pods_on(sandbox.pair.blue, node) if item["metadata"]["namespace"] == name)
    blue = sandbox.pair.blue.impatient()
    blue.delete(TYPES["Namespace"], "", name, uid=blue.get(TYPES["Namespace"], "", name)["metadata"]["uid"])
    until(lambda: "is being terminated" in blue.evict(name, pod["metadata"]["name"], uid=pod["metadata"]["uid"], dry_run=True))
    with pytest.raises(GateFailedError, match="is being terminated"):
        run(sandbox, node, recorder, timeout=3.0)
    blue.patch(TYPES["Pod"], name, pod["metadata"]["name"], {"metadata": {"finalizers": None}}, manager="test")
    run(sandbox, node, recorder)
    assert drained(sandbox.pair.blue, node, RULES)


def test_pods_of_nobody_and_local_data_are_refused_before_anything_is_evicted(
    sandbox: Sandbox, node: str, recorder: Recorder
) -> None:
    """All of them at once, with the options that would let them go; then each says what is lost."""
    scratch: dict[str, Any] = {"volumes": [{"name": "scratch", "emptyDir": {}}]}
    alone = template(sandbox.namespace, "alone")
    sandbox.on_blue(
        workload("Deployment", "web", sandbox.namespace, **scratch),
        {"apiVersion": "v1", "kind": "Pod", **alone, "metadata": {"name": "alone", **alone["metadata"]}},
    )
    await_pods(sandbox.pair.blue, node, 2)
    with pytest.raises(BlockedError) as caught:
        run(sandbox, node, recorder)
    assert "has local data in emptyDir scratch; with --delete-emptydir-data" in caught.value.message
    assert f"{sandbox.namespace}/alone on {node}: no controller makes it again; --force" in caught.value.message
    assert not cordoned(sandbox, node)
    assert len(pods_on(sandbox.pair.blue, node)) == 2
    assert run(sandbox, node, recorder, delete_emptydir_data=True, force=True) == 2
    assert sum("lost with it" in text for text in recorder.notes) == 2


def test_an_eviction_never_hits_a_pod_of_the_same_name_that_is_another_one(sandbox: Sandbox, node: str) -> None:
    """The UID is a precondition: a stale list cannot take a new pod away."""
    sandbox.on_blue(workload("Deployment", "web", sandbox.namespace))
    await_pods(sandbox.pair.blue, node, 1)
    (pod,) = pods_on(sandbox.pair.blue, node)
    name = pod["metadata"]["name"]
    assert sandbox.pair.blue.evict(sandbox.namespace, name, uid="another") == ""
    assert sandbox.pair.blue.get(TYPES["Pod"], sandbox.namespace, name)["metadata"]["uid"] == pod["metadata"]["uid"]
    assert sandbox.pair.blue.evict(sandbox.namespace, "gone", uid="x") == ""
