"""What refuses pods on green, though blue has them: it came to blue after they were made."""

from __future__ import annotations

from typing import Any

from migrator.model.manifest import Manifest, get
from migrator.model.ref import ResourceType
from tests.support.objects import deployment, made
from tests.support.sandbox import TYPES, Sandbox, until

LEVEL = "pod-security.kubernetes.io/enforce"
QUOTAS = ResourceType("", "v1", "resourcequotas", "ResourceQuota", True, frozenset())
DEPLOYMENTS = TYPES["Deployment"]


def on_each_node(name: str, replicas: int) -> Manifest:
    """Return a Deployment whose pods use the network of their node, which `restricted` refuses."""
    found: Any = deployment(name, replicas=replicas)
    found["spec"]["template"]["spec"]["hostNetwork"] = True
    return dict(found)


def available(sandbox: Sandbox, side: str, name: str) -> int:
    """Return how many pods of a Deployment are available."""
    found = getattr(sandbox.pair, side).get(DEPLOYMENTS, sandbox.namespace, name)
    return get(found, "status", "availableReplicas") or 0


def label_on_blue(sandbox: Sandbox, **labels: str) -> None:
    """Add labels to the namespace on blue."""
    patch = {"metadata": {"labels": labels}}
    sandbox.pair.blue.patch(TYPES["Namespace"], "", sandbox.namespace, patch, manager="kubectl-label")


def test_pods_that_are_older_than_the_security_level_run_on_green_too(sandbox: Sandbox) -> None:
    """The label comes last, and the second copy changes nothing."""
    sandbox.on_blue(on_each_node("agent", 3))
    until(lambda: available(sandbox, "blue", "agent") == 3)
    label_on_blue(sandbox, **{LEVEL: "restricted"})
    first = sandbox.json("copy")
    assert (first.code, first.document["problems"]) == (0, [])
    until(lambda: available(sandbox, "green", "agent") == 3)
    assert sandbox.pair.green.get(TYPES["Namespace"], "", sandbox.namespace)["metadata"]["labels"][LEVEL] == "restricted"
    again = sandbox.json("copy").document["counts"]
    assert set(again) == {"unchanged"}
    plan = sandbox.json("plan").object(f"Namespace/{sandbox.namespace}")
    assert plan["notes"] == [
        f"gets its label {LEVEL} once the pods are made: pods of blue may be older than the label, and exceed it"
    ]


def test_pods_that_a_later_quota_would_refuse_run_on_green_too(sandbox: Sandbox) -> None:
    """The quota comes when the Deployment's pods are made, not only its object."""
    sandbox.on_blue(deployment("web", replicas=12))
    until(lambda: available(sandbox, "blue", "web") == 12)
    sandbox.on_blue(made("v1", "ResourceQuota", "few", spec={"hard": {"pods": "2"}}))
    until(lambda: get(sandbox.pair.blue.get(QUOTAS, sandbox.namespace, "few"), "status", "used", "pods") == "12")
    first = sandbox.json("copy")
    assert (first.code, first.document["problems"]) == (0, [])
    until(lambda: available(sandbox, "green", "web") == 12)
    assert sandbox.pair.green.get(QUOTAS, sandbox.namespace, "few")["spec"] == {"hard": {"pods": "2"}}
