"""What green's network means for what moves: whether it enforces NetworkPolicies, and pod ranges that both clusters have."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterator

from migrator.cluster.policy_probe import ProbeError
from migrator.errors import ApiError
from migrator.model.kinds import NODES
from migrator.model.manifest import get
from migrator.model.plan import Decision, Plan
from migrator.model.verdict import Finding, Severity
from migrator.ports import ClusterReader

_SUBJECT = "network of green"
_OTHER = (
    "raise green with a network that enforces them (Calico, Cilium, Weave Net), or leave the policies out if nothing needs them"
)


def enforcement(plan: Plan, enforced: Callable[[], bool] | None) -> Iterator[Finding]:
    """Yield whether green enforces the NetworkPolicies that move; `enforced` proves it, None where there is no image for that."""
    moving = [item for item in plan.of(Decision.MOVE) if item.blue.type_name == "NetworkPolicy.networking.k8s.io"]
    if not moving:
        return
    count = f"{len(moving)} NetworkPolicies move" if len(moving) > 1 else "a NetworkPolicy moves"
    if enforced is None:
        reason = f"{count}, and whether green's network enforces them is not proven"
        yield Finding("network", _SUBJECT, Severity.WARNING, reason, "set networkPolicies.probeImage; see docs/migration-yaml.md")
        return
    try:
        good = enforced()
    except ProbeError as error:
        reason = f"{count}, and whether green's network enforces them could not be proven: {error.message}"
        yield Finding("network", _SUBJECT, Severity.FAILURE, reason, error.hint)
        return
    if good:
        yield Finding("network", _SUBJECT, Severity.OK, "enforces NetworkPolicies: one connection was allowed, the same one denied")
    else:
        reason = f"{count}, and green's network does not enforce them: a connection that one denied went through"
        yield Finding("network", _SUBJECT, Severity.FAILURE, reason, _OTHER)


def shared_ranges(blue: ClusterReader, green: ClusterReader) -> Iterator[Finding]:
    """Yield a finding where pods of both clusters may have the same address."""
    try:
        mine, other = _ranges(blue), _ranges(green)
    except ApiError as error:
        yield Finding("network", "pod ranges", Severity.UNKNOWN, error.message, "grant reading nodes")
        return
    shared = sorted({f"{one} and {two}" for one in mine for two in other if one.overlaps(two)})
    if shared:
        reason = f"nodes of blue and of green have overlapping ranges of pods ({', '.join(shared[:3])})"
        hint = (
            "fine as long as no route leads from pods of one cluster to pods of the other; else raise green with another podSubnet"
        )
        yield Finding("network", "pod ranges", Severity.WARNING, reason, hint)


def _ranges(cluster: ClusterReader) -> list[ipaddress.IPv4Network | ipaddress.IPv6Network]:
    texts = [
        text
        for node in cluster.list(NODES)
        for text in (get(node, "spec", "podCIDRs") or [get(node, "spec", "podCIDR")])
        if isinstance(text, str)
    ]
    found = []
    for text in texts:
        try:
            found.append(ipaddress.ip_network(text, strict=False))
        except ValueError:
            continue
    return found
