"""What a drain would interrupt, lose, or wait for in vain."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from migrator.model.facts import UpgradeFacts
from migrator.model.manifest import Manifest, get
from migrator.model.pods import decisions, matches, pod_name
from migrator.model.verdict import CheckName, Finding
from migrator.upgrade.checks.finding import fail, warn


def budgets(facts: UpgradeFacts) -> Iterator[Finding]:
    """Find budgets that allow no disruption: a drain waits for them until its deadline."""
    for budget in facts.cluster.budgets:
        namespace, name = budget["metadata"]["namespace"], budget["metadata"]["name"]
        status = budget.get("status") or {}
        selected = [pod for pod in _leaving(facts) if pod["metadata"]["namespace"] == namespace and selects(budget, pod)]
        if selected and int(status.get("disruptionsAllowed") or 0) == 0 and not facts.drain.disable_eviction:
            going = ", ".join(pod_name(pod) for pod in selected[:3])
            healthy, wanted = status.get("currentHealthy", 0), status.get("desiredHealthy", 0)
            yield fail(
                CheckName.BUDGETS,
                f"{namespace}/{name}",
                f"allows no disruption ({healthy} healthy, {wanted} must be): {going} cannot go",
                "one more replica, or maxUnavailable: 1; --disable-eviction deletes past it",
            )


def uncontrolled(facts: UpgradeFacts) -> Iterator[Finding]:
    """Find pods that the drain refuses: no controller, or local data, as the options stand."""
    for item in decisions(_all_leaving(facts), facts.drain):
        if item.refused:
            yield fail(CheckName.DRAIN, item.name, item.refused, item.hint)
        elif item.lost and not item.stays:
            yield warn(CheckName.DRAIN, item.name, f"is lost with its drain: {item.lost}")


def single_replicas(facts: UpgradeFacts) -> Iterator[Finding]:
    """Find workloads of one replica: they are down while it moves."""
    for kind, items in (("Deployment", facts.cluster.deployments), ("StatefulSet", facts.cluster.stateful_sets)):
        for item in items:
            replicas = get(item, "spec", "replicas")
            if replicas == 1 or replicas is None:
                name = f"{kind}/{item['metadata']['namespace']}/{item['metadata']['name']}"
                yield warn(
                    CheckName.REPLICAS,
                    name,
                    "has one replica: it is down while its pod moves",
                    "two replicas, and a budget with maxUnavailable: 1",
                )


def local_volumes(facts: UpgradeFacts) -> Iterator[Finding]:
    """Find pods whose volume lies on their node: they can run nowhere else."""
    tied = {
        (get(volume, "spec", "claimRef", "namespace"), get(volume, "spec", "claimRef", "name")): volume
        for volume in facts.cluster.volumes
        if "local" in volume["spec"] or "hostPath" in volume["spec"]
    }
    for pod in _leaving(facts):
        for claim in claims_of(pod):
            if claim in tied:
                volume = tied[claim]["metadata"]["name"]
                yield warn(
                    CheckName.LOCAL_DATA, pod_name(pod), f"its volume {volume} lies on its node: it is down until that node is back"
                )


def claims_of(pod: Manifest) -> list[tuple[str, str]]:
    """Return namespace and name of the claims that a pod mounts."""
    namespace = pod["metadata"]["namespace"]
    volumes = get(pod, "spec", "volumes") or []
    return [(namespace, item["persistentVolumeClaim"]["claimName"]) for item in volumes if "persistentVolumeClaim" in item]


def selects(budget: Mapping[str, Any], pod: Manifest) -> bool:
    """Return whether a budget counts a pod; an empty selector of policy/v1 counts all of its namespace."""
    selector = get(dict(budget), "spec", "selector")
    return selector is not None and matches(selector, pod["metadata"].get("labels") or {})


def _all_leaving(facts: UpgradeFacts) -> list[Manifest]:
    names = set(facts.to_drain)
    return [pod for pod in facts.cluster.pods if get(pod, "spec", "nodeName") in names]


def _leaving(facts: UpgradeFacts) -> list[Manifest]:
    return [item.pod for item in decisions(_all_leaving(facts), facts.drain) if not item.stays]
