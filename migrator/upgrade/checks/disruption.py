"""What a drain would interrupt, lose, or wait for in vain."""

from __future__ import annotations

import re
from collections.abc import Iterator

from migrator.model.budgets import belongs_to_node, held, released_by
from migrator.model.facts import UpgradeFacts
from migrator.model.manifest import Manifest, get
from migrator.model.pods import controller_of, decisions, pod_name
from migrator.model.verdict import CheckName, Finding
from migrator.model.words import some
from migrator.rules.field_owners import seconds
from migrator.upgrade.checks.finding import fail, warn

# Who refuses, in the API server's words (k8s.io/apiserver, plugin/webhook/errors).
_WEBHOOK = re.compile(r'admission webhook "([^"]+)" denied the request')
# Seconds after which a pod that should have ended is late.
_LATE = 120.0
# Finalizers that Kubernetes' own controllers take away.
_TAKEN_AWAY = frozenset({"batch.kubernetes.io/job-tracking", "foregroundDeletion", "orphan"})


def budgets(facts: UpgradeFacts) -> Iterator[Finding]:
    """Find budgets that let pods not go: a drain waits for them until its deadline.

    What the API server has answered to a dry run of the eviction counts; where it was not asked, its rules do.
    """
    if facts.drain.disable_eviction:
        return
    found: dict[tuple[tuple[str, ...], str], list[str]] = {}
    for pod in _leaving(facts):
        ours, answer = held(pod, facts.cluster.budgets), facts.cluster.evictions.get(pod["metadata"]["uid"])
        if get(pod, "metadata", "deletionTimestamp") or (answer and _WEBHOOK.search(answer)) or _released(pod, facts):
            continue  # `endless`, `handed_evictions` and `released_budgets` tell of it
        if answer is None and ours:
            found.setdefault((ours.budgets, ours.reason), []).append(pod_name(pod))
        elif answer:
            key = (ours.budgets, f"{ours.reason}; {answer}") if ours else ((pod_name(pod),), answer)
            found.setdefault(key, []).append(pod_name(pod))
    for (names, reason), pods in found.items():
        hint = "let one budget select a pod" if len(names) > 1 else "one more replica, or maxUnavailable: 1"
        yield fail(
            CheckName.BUDGETS,
            " and ".join(names),
            f"{reason}: {some(pods)} cannot go",
            f"{hint}; --disable-eviction deletes past it",
        )


def handed_evictions(facts: UpgradeFacts) -> Iterator[Finding]:
    """Find pods whose eviction a webhook refuses: operators that move them by themselves do so (kubevirt#6782, Strimzi)."""
    found: dict[str, list[str]] = {}
    for pod in () if facts.drain.disable_eviction else _leaving(facts):
        refused = _WEBHOOK.search(facts.cluster.evictions.get(pod["metadata"]["uid"]) or "")
        if refused:
            found.setdefault(refused[1], []).append(pod_name(pod))
    for webhook, pods in found.items():
        longest = f"{facts.drain.timeout:.0f} s"
        reason = f"refuses evictions of {some(pods)}: a drain waits at most {longest} until its operator has moved them"
        hint = (
            "see that the operator can: virtual machines that can move, clusters of several members; --drain-timeout waits longer"
        )
        yield warn(CheckName.BUDGETS, webhook, reason, hint)


def released_budgets(facts: UpgradeFacts) -> Iterator[Finding]:
    """Find budgets that hold a pod until its node is cordoned: their operators end them then, and a drain goes on."""
    found: dict[str, list[str]] = {}
    for pod in () if facts.drain.disable_eviction else _leaving(facts):
        operator = _released(pod, facts)
        if operator:
            found.setdefault(operator, []).append(pod_name(pod))
    for operator, pods in found.items():
        longest = f"{facts.drain.timeout:.0f} s"
        reason = (
            f"lets {some(pods)} go once the node is cordoned and all is well elsewhere: a drain waits for that, at most {longest}"
        )
        hint = "see that all its replicas are healthy (Longhorn: Node Drain Policy); --drain-timeout waits longer"
        yield warn(CheckName.BUDGETS, operator, reason, hint)


def cut_off(facts: UpgradeFacts) -> Iterator[Finding]:
    """Find pods that run to an end, such as a Job's: an eviction counts as a failure of theirs (KEP-3329, backoffLimit)."""
    found: dict[str, list[str]] = {}
    for pod in _leaving(facts):
        owner = controller_of(pod)
        runs = get(pod, "status", "phase") in ("Running", "Pending") and not get(pod, "metadata", "deletionTimestamp")
        moved = _WEBHOOK.search(facts.cluster.evictions.get(pod["metadata"]["uid"]) or "") or belongs_to_node(pod)
        if owner and runs and not moved and get(pod, "spec", "restartPolicy") in ("Never", "OnFailure"):
            found.setdefault(str(owner["kind"]), []).append(pod_name(pod))
    for kind, pods in found.items():
        reason = f"its drain cuts off {some(pods)}, to be begun anew or taken for failed"
        hint = "let them end first; a Job minds no drain that ignores DisruptionTarget in its podFailurePolicy"
        yield warn(CheckName.DRAIN, kind, reason, hint)


def ill_pods(facts: UpgradeFacts) -> Iterator[Finding]:
    """Find pods that a budget would hold if they were Ready: they go with the drain, as they are not."""
    for pod in _leaving(facts):
        ready = {**pod, "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}}
        told = facts.cluster.evictions.get(pod["metadata"]["uid"])
        if get(pod, "status", "phase") == "Running" and not told and not held(pod, facts.cluster.budgets):
            kept = held(ready, facts.cluster.budgets)
            if kept and not kept.for_ever:
                yield warn(CheckName.BUDGETS, pod_name(pod), f"is not Ready, so that budget {kept.budgets[0]} lets it go")


def uncontrolled(facts: UpgradeFacts) -> Iterator[Finding]:
    """Find pods that the drain refuses: no controller, or local data, as the options stand."""
    for item in decisions(_all_leaving(facts), facts.drain):
        if item.refused:
            yield fail(CheckName.DRAIN, item.name, item.refused, item.hint)
        elif item.lost and not item.stays:
            yield warn(CheckName.DRAIN, item.name, f"is lost with its drain: {item.lost}")


def long_goodbyes(facts: UpgradeFacts) -> Iterator[Finding]:
    """Find pods that may take longer to end than a drain waits: the run would stop at them."""
    for pod in _leaving(facts):
        grace = float(get(pod, "spec", "terminationGracePeriodSeconds") or 0)
        if grace > facts.drain.timeout:
            reason = f"may take {grace:.0f} s to end (its grace period), and a drain waits {facts.drain.timeout:.0f} s"
            yield warn(CheckName.DRAIN, pod_name(pod), reason, f"--drain-timeout {grace + 60:.0f}s, or a shorter grace period")


def endless(facts: UpgradeFacts) -> Iterator[Finding]:
    """Find pods that do not end, or that end only when somebody takes a finalizer away: a drain waits for them."""
    for pod in _leaving(facts):
        metadata = pod["metadata"]
        waits_for = [name for name in metadata.get("finalizers") or [] if name not in _TAKEN_AWAY]
        what = f" (finalizers: {some(waits_for)})" if waits_for else ""
        ends = seconds(metadata["deletionTimestamp"]) if metadata.get("deletionTimestamp") else 0.0
        if ends and facts.now > ends + _LATE:
            hint = (
                "see `kubectl describe` and its node's kubelet; take finalizers away that nobody serves, or delete it with --force"
            )
            reason = (
                f"should have ended {(facts.now - ends) / 60:.0f} minutes ago and is still there{what}: a drain would wait for it"
            )
            yield fail(CheckName.DRAIN, pod_name(pod), reason, hint)
        elif waits_for and not ends:
            yield warn(CheckName.DRAIN, pod_name(pod), f"ends only when its finalizers are taken away: {some(waits_for)}")


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


def _released(pod: Manifest, facts: UpgradeFacts) -> str:
    """Return who lets a pod go that is held now, empty where nobody does, or nothing holds it."""
    reason = held(pod, facts.cluster.budgets)
    asked = facts.cluster.evictions.get(pod["metadata"]["uid"])
    return released_by(pod, reason, facts.cluster.pods) if reason and asked != "" else ""


def _all_leaving(facts: UpgradeFacts) -> list[Manifest]:
    names = set(facts.to_drain)
    return [pod for pod in facts.cluster.pods if get(pod, "spec", "nodeName") in names]


def _leaving(facts: UpgradeFacts) -> list[Manifest]:
    return [item.pod for item in decisions(_all_leaving(facts), facts.drain) if not item.stays]
