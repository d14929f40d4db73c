"""Recommend a migration, an upgrade in place, or neither, from what was read of a cluster; pure functions."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Iterator

from migrator.model.advice import Advice, Alternative, Choice, Downtime
from migrator.model.facts import UpgradeFacts
from migrator.model.manifest import Manifest, get
from migrator.model.pods import claims_of, decisions
from migrator.model.quantity import amount
from migrator.model.requests import requests
from migrator.model.upgrade import Hop
from migrator.model.verdict import CheckName, Finding, Severity
from migrator.model.words import some

SMALL = 3
"""Number of nodes up to which a second cluster is not recommended by itself."""
# Kubernetes counts bytes.
_GIB = 2.0**30
# Checks whose failures concern both choices.
_OF_BOTH = frozenset({CheckName.REMOVED_APIS, CheckName.STORED_VERSIONS, CheckName.WEBHOOKS})


def advise(facts: UpgradeFacts, findings: Iterable[Finding], *, spare_nodes: int | None, lost: Iterable[str]) -> Advice:
    """Return the recommendation; `spare_nodes` is how many machines could be added, None when nobody has said."""
    found = tuple(findings)
    migration, in_place = _migration(facts, found), _in_place(facts, found, tuple(lost))
    choice, reasons = _choose(facts, migration, in_place, spare_nodes)
    return Advice(choice, tuple(reasons), (migration, in_place), bool(facts.hosts))


def _choose(facts: UpgradeFacts, migration: Alternative, in_place: Alternative, spare: int | None) -> tuple[Choice, list[str]]:
    nodes = len(facts.cluster.nodes)
    if not facts.hops:
        return Choice.NEITHER, ["the cluster is at this version already"]
    enough = nodes <= SMALL if spare is None else spare < nodes
    machines = (
        f"{nodes} nodes would have to be doubled, and nobody has said that there are machines (--spare-nodes)"
        if spare is None
        else f"{spare} machines can be added, {nodes} nodes would have to be doubled"
    )
    if migration.obstacles and in_place.obstacles:
        reasons = [f"a new cluster: {text}" for text in migration.obstacles] + [f"in place: {text}" for text in in_place.obstacles]
        return Choice.NEITHER, [
            *reasons,
            "resolve one list first, or use managed Kubernetes",
        ]
    if in_place.obstacles:
        return Choice.MIGRATION, [f"in place is not possible: {text}" for text in in_place.obstacles] + _for_migration(in_place)
    if migration.obstacles:
        return Choice.IN_PLACE, [f"a new cluster is not possible: {text}" for text in migration.obstacles]
    if enough:
        return Choice.IN_PLACE, [machines, *_for_in_place(in_place)]
    return Choice.MIGRATION, _for_migration(in_place)


def _for_migration(in_place: Alternative) -> list[str]:
    reasons = ["a rollback is instant until `migrator retire`, and loses nothing that blue has"]
    if in_place.hops > 1:
        reasons.append(f"one migration instead of {in_place.hops} hops, each of which drains every node")
    away = [item for item in in_place.downtime if item.seconds != 0]
    measured = [((item.seconds or 0) * item.times, item.workload) for item in away if item.seconds]
    if away:
        longest = f", {max(measured)[1]} for {max(measured)[0]:.0f} s in all" if measured else ""
        reasons.append(f"in place {len(away)} workloads are interrupted{longest}")
    return reasons


def _for_in_place(in_place: Alternative) -> list[str]:
    away = [item.workload for item in in_place.downtime if item.seconds != 0]
    hops = f"{in_place.hops} hops" if in_place.hops > 1 else "one hop"
    return [
        f"{hops}; not available while pods move: {some(away) or 'nothing'}",
        (
            "the last hop can be reversed: without loss while the new control plane emulates the old minor (`upgrade plan` says "
            "where it can), then from an etcd snapshot"
        ),
    ]


def _migration(facts: UpgradeFacts, findings: tuple[Finding, ...]) -> Alternative:
    mounted = {claim for pod in facts.cluster.pods for claim in claims_of(pod)}
    claims = f"workloads that use {len(mounted)} claims ({some(f'{ns}/{name}' for ns, name in sorted(mounted))})"
    pause = Downtime(claims, None, 1, "the last changes of a volume are copied while its workload is stopped: docs/volumes.md")
    obstacles = [f"{item.subject}: {item.reason}" for item in findings if _fails(item) and item.check in _OF_BOTH]
    return Alternative(
        Choice.MIGRATION,
        tuple(obstacles),
        (pause,) if mounted else (),
        _hardware(facts),
        1,
        ("objects that are written on green after the cutover are not copied back by a rollback; data in volumes is",),
    )


def _in_place(facts: UpgradeFacts, findings: tuple[Finding, ...], lost: tuple[str, ...]) -> Alternative:
    obstacles = tuple(f"{item.subject}: {item.reason} [{item.check}]" for item in findings if _fails(item))
    homeless = [item.subject for item in findings if item.check == CheckName.SCHEDULING]
    spare = f"a spare node: {some(homeless)} fit on no other node" if homeless else "none: drained pods fit on the other nodes"
    return Alternative(Choice.IN_PLACE, obstacles, tuple(_interruptions(facts)), spare, len(facts.hops), lost)


def _interruptions(facts: UpgradeFacts) -> Iterator[Downtime]:
    drains = sum(hop.workers for hop in facts.hops)
    if count_control_planes(facts) == 1 and facts.hops:
        reason = "one control plane: it restarts in each hop, running pods continue; a run writes down how long"
        yield Downtime("the API server", None, len(facts.hops), reason)
    leaving = {item.pod["metadata"]["uid"] for item in decisions(facts.cluster.pods, facts.drain) if not item.stays}
    for kind, items in (("Deployment", facts.cluster.deployments), ("StatefulSet", facts.cluster.stateful_sets)):
        for item in items:
            replicas = get(item, "spec", "replicas")
            pods = [pod for pod in _pods_of(item, facts) if pod["metadata"]["uid"] in leaving]
            if pods and replicas in (1, None):
                # A Deployment's next pod starts while the old one ends; a StatefulSet's waits until it has.
                grace = float(get(pods[0], "spec", "terminationGracePeriodSeconds") or 30) if kind == "StatefulSet" else 0.0
                name = f"{kind}/{item['metadata']['namespace']}/{item['metadata']['name']}"
                yield Downtime(
                    name, round(start_seconds(pods[0]) + grace, 1), drains, "one replica; as long as its pod took to start here"
                )


def start_seconds(pod: Manifest) -> float:
    """Return how long a pod took from being made to Ready, as its own status tells; 0 when it does not."""
    ready: Manifest = next((item for item in get(pod, "status", "conditions") or [] if item["type"] == "Ready"), {})
    created, at = get(pod, "metadata", "creationTimestamp"), ready.get("lastTransitionTime")
    if not created or not at or ready.get("status") != "True":
        return 0.0
    return max(0.0, (_time(at) - _time(created)).total_seconds())


def _pods_of(workload: Manifest, facts: UpgradeFacts) -> list[Manifest]:
    uid = workload["metadata"]["uid"]
    owners = {uid} | {item["metadata"]["uid"] for item in facts.cluster.replica_sets if _owned(item, {uid})}
    return [pod for pod in facts.cluster.pods if _owned(pod, owners)]


def _owned(manifest: Manifest, owners: set[str]) -> bool:
    return any(owner.get("uid") in owners for owner in get(manifest, "metadata", "ownerReferences") or [])


def _hardware(facts: UpgradeFacts) -> str:
    nodes = facts.cluster.nodes
    asked = [requests(pod) for pod in facts.cluster.pods if get(pod, "status", "phase") not in ("Succeeded", "Failed")]
    cores, memory = (sum(item.get(name, 0.0) for item in asked) for name in ("cpu", "memory"))
    have_cores, have_memory = (
        sum(amount((get(node, "status", "allocatable") or {}).get(name, 0)) for node in nodes) for name in ("cpu", "memory")
    )
    return (
        f"a second cluster during the migration: pods ask for {cores:.1f} of {have_cores:.0f} cores "
        f"and {memory / _GIB:.1f} of {have_memory / _GIB:.1f} GiB on {len(nodes)} nodes"
    )


def count_control_planes(facts: UpgradeFacts) -> int:
    """Return how many nodes have kubeadm's label of a control plane."""
    label = "node-role.kubernetes.io/control-plane"
    return sum(label in (node["metadata"].get("labels") or {}) for node in facts.cluster.nodes)


def _fails(finding: Finding) -> bool:
    return finding.severity is Severity.FAILURE


def _time(text: str) -> datetime.datetime:
    return datetime.datetime.fromisoformat(text)


def plain_hops(hops: Iterable[Hop]) -> str:
    """Return hops in one line."""
    found = tuple(hops)
    return " → ".join([str(found[0].start), *(str(hop.target) for hop in found)]) if found else ""
