"""Webhooks that would refuse the pods which a drain makes move."""

from __future__ import annotations

from typing import Any

import pytest

from migrator.model.verdict import Severity
from tests.support.facts import findings, webhook

PODS = {"apiGroups": [""], "resources": ["pods"]}

ROWS: list[tuple[str, dict[str, Any], str, Severity, str]] = [
    ("webhook without backend", {"webhooks": (webhook(),)}, "webhooks", Severity.FAILURE, "no ready endpoint"),
    (
        "webhook with one backend",
        {"webhooks": (webhook(),), "backends": {"policy/hook": 1}},
        "webhooks",
        Severity.WARNING,
        "one endpoint",
    ),
]


@pytest.mark.parametrize(("broken", "name", "severity", "words"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS])
def test_a_fault_is_found_with_its_hint(broken: dict[str, Any], name: str, severity: Severity, words: str) -> None:
    """One thing is wrong: the check of that name says so, and what to do."""
    found = [item for item in findings(name, **broken) if words in item.reason]
    assert [item.severity for item in found[:1]] == [severity]
    assert all(item.hint for item in found if item.severity is Severity.FAILURE)


@pytest.mark.parametrize(
    "harmless",
    [
        {"failurePolicy": "Ignore"},
        {"rules": [{"apiGroups": ["batch"], "resources": ["jobs"]}]},
        {"rules": [{"apiGroups": [""], "resources": ["pods"], "operations": ["CONNECT"]}]},
        {"rules": [{"apiGroups": [""], "resources": ["pods/exec", "pods/attach"]}]},
        {"rules": [{"apiGroups": ["example.com"], "resources": ["pods"]}]},
        {"clientConfig": {"url": "https://policy.example"}},
        {"rules": None},
    ],
)
def test_a_webhook_that_stops_no_pod_is_let_be(harmless: dict[str, Any]) -> None:
    """It fails open, judges other things, or its backend is not in the cluster."""
    assert findings("webhooks", webhooks=(webhook(**harmless),)) == []


@pytest.mark.parametrize(
    "rule",
    [
        {"apiGroups": ["*"], "resources": ["*"]},
        {"apiGroups": [""], "resources": ["*/*"]},
        {"apiGroups": ["", "apps"], "resources": ["deployments", "pods/eviction"]},
        {"apiGroups": [""], "resources": ["nodes"]},
    ],
)
def test_each_way_to_name_pods_and_nodes_is_seen(rule: dict[str, Any]) -> None:
    """A wildcard judges them, too."""
    assert len(findings("webhooks", webhooks=(webhook(rules=[rule]),))) == 1


def test_one_with_two_endpoints_is_let_be() -> None:
    """One of them stays while the other moves."""
    assert findings("webhooks", webhooks=(webhook(),), backends={"policy/hook": 2}) == []


def test_the_default_is_to_fail_closed() -> None:
    """As admissionregistration/v1 has it."""
    (found,) = findings("webhooks", webhooks=(webhook(rules=[PODS]),))
    assert "fails closed" in found.reason


SYSTEM = {"key": "kubernetes.io/metadata.name", "operator": "NotIn", "values": ["kube-system"]}
LEFT_OUT = {"matchExpressions": [{"key": "admission.gatekeeper.sh/ignore", "operator": "DoesNotExist"}]}


@pytest.mark.parametrize(
    ("rule", "more", "labels", "found"),
    [
        ({"apiGroups": [""], "resources": ["configmaps"]}, {}, {}, ["could not write configmaps"]),
        ({"apiGroups": ["apps"], "resources": ["daemonsets"]}, {}, {}, ["could not write daemonsets"]),
        ({"apiGroups": ["*"], "resources": ["*"]}, {}, {}, ["no pod could start"]),
        ({"apiGroups": ["coordination.k8s.io"], "resources": ["*"]}, {}, {}, ["could not write leases"]),
        ({"apiGroups": [""], "resources": ["configmaps"]}, {"namespaceSelector": {"matchExpressions": [SYSTEM]}}, {}, []),
        ({"apiGroups": [""], "resources": ["configmaps"]}, {"namespaceSelector": LEFT_OUT}, {}, ["configmaps"]),
        (
            {"apiGroups": [""], "resources": ["configmaps"]},
            {"namespaceSelector": LEFT_OUT},
            {"admission.gatekeeper.sh/ignore": "no-self-managing"},
            [],
        ),
        (
            {"apiGroups": ["rbac.authorization.k8s.io"], "resources": ["*"]},
            {"namespaceSelector": {"matchExpressions": [SYSTEM]}},
            {},
            ["could not write clusterrolebindings"],
        ),
        ({"apiGroups": [""], "resources": ["configmaps"]}, {"objectSelector": {"matchLabels": {"a": "b"}}}, {}, []),
    ],
)
def test_a_webhook_that_stops_kubeadm_is_found(
    rule: dict[str, Any], more: dict[str, Any], labels: dict[str, str], found: list[str]
) -> None:
    """It would refuse settings or add-ons half way; one that leaves kube-system out does not (kyverno#7261, capsule#787)."""
    items = findings("webhooks", webhooks=(webhook(rules=[rule], **more),), system_labels=labels)
    assert [words in item.reason for item, words in zip(items, found, strict=True)] == [True] * len(found)
    assert (
        findings("webhooks", webhooks=(webhook(rules=[{**rule}], **more),), system_labels=labels, backends={"policy/hook": 2}) == []
    )
