"""What makes a host unfit, for `pulumi up` and for an upgrade alike: one set of limits, one text for each finding."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping
from typing import Any

from migrator.model.host import HostFacts
from migrator.model.manifest import get
from migrator.model.verdict import CheckName, Finding, Severity
from migrator.readiness import boards
from migrator.untrusted import printable

SKEW_SECONDS = 30.0
"""Difference of clocks from which certificates and leases fail."""
NEW_NODE_MIB = 3000
"""Disk that a new node needs below /var/lib: packages, CRI-O's images, the kubelet."""
HOP_MIB = 1500
"""Disk that a hop needs below /var/lib, without etcd: the packages and images of one more version."""
# First minor version whose kubelet does not start on cgroup v1 (KEP-5573, failCgroupV1).
_CGROUP_V1_MINOR = 35
_BOOT_V2 = "boot with systemd.unified_cgroup_hierarchy=1"
OTHER_MACHINE_HINT = (
    "is its address right? Two may be swapped. Where it is right and the machine-id is new, restart the kubelet there, "
    "so that the cluster learns it"
)


def clock(name: str, facts: HostFacts) -> Iterator[Finding]:
    """Yield a finding if the clock of a host differs too much from this machine's."""
    if abs(facts.skew) > SKEW_SECONDS and not boards.is_before_its_time(facts):
        reason = f"its clock is {facts.skew:+.0f} s off this machine's"
        yield Finding(CheckName.CLOCK, name, Severity.FAILURE, reason, "timedatectl set-ntp true")


def disk(name: str, facts: HostFacts, needed: int, hint: str = "make room") -> Iterator[Finding]:
    """Yield a finding if fewer than `needed` MiB are free below /var/lib."""
    if facts.disk < needed:
        yield Finding(
            CheckName.DISK, name, Severity.FAILURE, f"has {facts.disk} MiB free below /var/lib, {needed} are needed", hint
        )


def cgroup(name: str, facts: HostFacts, minor: int, *, accepted: bool) -> Iterator[Finding]:
    """Yield a finding for a host on cgroup v1; `accepted` tells that its kubelet has failCgroupV1: false."""
    if facts.cgroup != 1 or minor < _CGROUP_V1_MINOR:
        return
    if accepted:
        yield Finding(
            CheckName.CGROUP, name, Severity.WARNING, "runs on cgroup v1, which kubelets will no longer support", f"{_BOOT_V2} soon"
        )
    else:
        reason = f"runs on cgroup v1, where kubelets of 1.{_CGROUP_V1_MINOR} and later do not start"
        yield Finding(
            CheckName.CGROUP, name, Severity.FAILURE, reason, f"{_BOOT_V2}, or set failCgroupV1: false for the kubelet for now"
        )


def ranges(name: str, facts: HostFacts, pods: str, services: str, *, strict: bool) -> Iterator[Finding]:
    """Yield a finding for each route of a host that leads into a range of the cluster.

    A wider route does no harm, as the pod network's own are more exact; `strict` is for one that does not start beside it.
    A host that is part of a cluster already has routes to its pods.
    """
    if facts.marked:
        return
    for what, network, exact in (
        ("pods", ipaddress.ip_network(pods), not strict),
        ("Services", ipaddress.ip_network(services), True),
    ):
        for route in facts.routes:
            text, _, device = route.partition("@")
            found = _network(text)
            if found and network.overlaps(found) and not (exact and found.prefixlen < network.prefixlen):
                reason = f"has a route to {found} by {printable(device)}, and the cluster's {what} get {network}"
                hint = "take another range for the cluster (podSubnet, serviceSubnet), or take the route away if nothing needs it"
                yield Finding("host", name, Severity.FAILURE, reason, hint)


def _network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None


def machine_of(node: Mapping[str, Any]) -> str:
    """Return the machine-id of a node's object, empty before its kubelet has told."""
    return str(get(dict(node), "status", "nodeInfo", "machineID") or "")


def same_machine(one: str, other: str) -> bool:
    """Return whether two machine-ids are one; some programs write it as a UUID (machine-id(5))."""
    return _plain(one) == _plain(other)


def another_machine(found: str, known: str) -> str:
    """Return in what a host is another machine than its node."""
    return f"is another machine than the node: its machine-id is {printable(found) or 'empty'}, the node's {printable(known)}"


def _plain(text: str) -> str:
    return text.replace("-", "").strip().lower()
