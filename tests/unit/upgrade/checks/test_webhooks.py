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
        {"rules": [{"apiGroups": ["apps"], "resources": ["deployments"]}]},
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
