"""Webhooks that would refuse the pods which a drain makes move."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from migrator.model.facts import UpgradeFacts
from migrator.model.manifest import get
from migrator.model.verdict import CheckName, Finding
from migrator.upgrade.checks.finding import fail, warn

_TOUCHED = frozenset({"pods", "pods/eviction", "pods/*", "*", "*/*", "nodes", "nodes/*"})


def fail_closed(facts: UpgradeFacts) -> Iterator[Finding]:
    """Find webhooks on pods or nodes that refuse everything while their backend is away, and those with one endpoint only."""
    for configuration in facts.cluster.webhooks:
        for webhook in configuration.get("webhooks") or []:
            service = get(webhook, "clientConfig", "service")
            if webhook.get("failurePolicy", "Fail") != "Fail" or not service or not _touches(webhook):
                continue
            name, backend = webhook["name"], f"{service['namespace']}/{service['name']}"
            ready = facts.cluster.backends.get(backend, 0)
            if not ready:
                yield fail(
                    CheckName.WEBHOOKS,
                    name,
                    f"its backend {backend} has no ready endpoint, and it fails closed: no pod could start elsewhere",
                    "bring the backend up, or set failurePolicy: Ignore for the time of the upgrade",
                )
            elif ready == 1:
                yield warn(
                    CheckName.WEBHOOKS,
                    name,
                    f"its backend {backend} has one endpoint: while that one moves, no pod can start",
                    "give it two replicas on different nodes",
                )


def _touches(webhook: dict[str, Any]) -> bool:
    return any(
        not _TOUCHED.isdisjoint(rule.get("resources") or []) and not {"", "*"}.isdisjoint(rule.get("apiGroups") or [])
        for rule in webhook.get("rules") or []
    )
