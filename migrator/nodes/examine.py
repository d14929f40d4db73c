"""What a host must be before anything is done to it: all findings at once, each with its cure."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from migrator.errors import BlockedError, CommandFailedError, HostError
from migrator.nodes.mark import refuse_foreign
from migrator.nodes.spec import ClusterSpec, NodeSpec
from migrator.ports import Host

_MEMORY_MIB = {"control-plane": 1700, "worker": 700}
"""kubeadm's own least for a control plane (its NumCPU and Mem checks), and what a kubelet with CRI-O needs."""
_DISK_MIB = 3000
_SKEW_SECONDS = 30.0
_ARCHITECTURES = frozenset({"aarch64", "armv7l", "x86_64"})
_PORTS = {"control-plane": (6443, 2379, 2380, 10250, 10257, 10259), "worker": (10250,)}

_SCRIPT = r"""
echo architecture=$(uname -m)
echo hostname=$(cat /proc/sys/kernel/hostname)
echo machine_id=$(cat /etc/machine-id 2>/dev/null)
echo memory=$(awk '/^MemTotal/ {print int($2 / 1024)}' /proc/meminfo)
echo disk=$(df -Pm /var/lib | awk 'NR == 2 {print $4}')
echo cgroup=$(test -e /sys/fs/cgroup/cgroup.controllers && echo 2 || echo 1)
echo pacman=$(command -v pacman)
echo systemd=$(test -d /run/systemd/system && echo yes)
echo overlay=$(grep -qw overlay /proc/filesystems || modprobe overlay 2>/dev/null; grep -cw overlay /proc/filesystems)
echo br_netfilter=$(modprobe br_netfilter 2>/dev/null; test -d /proc/sys/net/bridge && echo 1 || echo 0)
echo ports=$(ss -Hltn | awk '{sub(/.*:/, "", $4); print $4}' | sort -u | tr '\n' ' ')
echo mark=$(test -e /var/lib/migrator/node.json && echo yes)
echo clock=$(date +%s.%N)
"""


@dataclass(slots=True, frozen=True)
class HostFacts:
    """What one look at a host tells; sizes in MiB."""

    values: Mapping[str, str]
    skew: float
    """Seconds that its clock differs from this machine's."""

    def number(self, name: str) -> int:
        """Return a fact that is a number, 0 where the host did not tell."""
        text = self.values.get(name, "")
        return int(text) if text.isdigit() else 0


@dataclass(slots=True, frozen=True)
class HostFinding:
    """Something that is wrong with a host."""

    host: str
    message: str
    cure: str

    def __str__(self) -> str:
        return f"{self.host}: {self.message}; {self.cure}"


def read_facts(host: Host) -> HostFacts:
    """Look at a host, changing nothing but what the kernel has loaded."""
    before = time.time()
    output = host.run(_SCRIPT)
    middle = (before + time.time()) / 2
    values = dict(line.split("=", 1) for line in output.splitlines() if "=" in line)
    return HostFacts({key: value.strip() for key, value in values.items()}, float(values.get("clock", middle)) - middle)


def examine(host: Host, node: NodeSpec, cluster: ClusterSpec) -> tuple[list[HostFinding], HostFacts | None]:
    """Return everything that is wrong with one host; one that is not reached is a finding, too."""
    try:
        facts = read_facts(host)
        foreign = _foreign(host, cluster)
        unreachable = _cannot_reach(host, node, cluster)
    except (HostError, CommandFailedError) as error:
        return [HostFinding(node.name, error.message.removeprefix(f"{node.name} "), error.hint or "see to the host")], None
    return [*foreign, *judge(facts, node, cluster), *unreachable], facts


def judge(facts: HostFacts, node: NodeSpec, cluster: ClusterSpec) -> list[HostFinding]:
    """Return what of a host's facts does not do for its role."""
    found: list[tuple[str, str]] = []
    values = facts.values
    if values.get("architecture") not in _ARCHITECTURES:
        found.append(
            (
                f"architecture {values.get('architecture')} is none we have packages for",
                f"use one of {', '.join(sorted(_ARCHITECTURES))}",
            )
        )
    if not values.get("pacman"):
        found.append(("has no pacman", "use Arch Linux or Arch Linux ARM"))
    if not values.get("systemd"):
        found.append(("does not run systemd", "use Arch Linux or Arch Linux ARM"))
    if facts.number("memory") < _MEMORY_MIB[node.role]:
        found.append(
            (f"has {values.get('memory')} MiB of memory, a {node.role} needs {_MEMORY_MIB[node.role]}", "take a larger machine")
        )
    if facts.number("disk") < _DISK_MIB:
        found.append((f"has {values.get('disk')} MiB free below /var/lib, {_DISK_MIB} are needed", "make room"))
    found += _cgroup(values, cluster)
    if facts.number("overlay") == 0:
        found.append(("its kernel has no overlay file system", "take a kernel with CONFIG_OVERLAY_FS"))
    if facts.number("br_netfilter") == 0 and cluster.pod_network == "weave":
        found.append(("its kernel has no br_netfilter", "take a kernel with CONFIG_BRIDGE_NETFILTER"))
    if abs(facts.skew) > _SKEW_SECONDS:
        found.append((f"its clock is {facts.skew:+.0f} s off this machine's", "timedatectl set-ntp true"))
    taken = [] if values.get("mark") else [port for port in _PORTS[node.role] if str(port) in values.get("ports", "").split()]
    if taken:
        found.append((f"something listens on port {', '.join(map(str, taken))} already", "`ss -ltnp` names it; stop it"))
    return [HostFinding(node.name, message, cure) for message, cure in found]


def _cgroup(values: Mapping[str, str], cluster: ClusterSpec) -> list[tuple[str, str]]:
    """Kubelets of 1.35 and later do not start on cgroup v1 unless told to (KEP-5573, failCgroupV1)."""
    minor = int(cluster.kubernetes_version.split(".")[1])
    if values.get("cgroup") != "1" or minor < 35 or cluster.kubelet.get("failCgroupV1") is False:
        return []
    cure = "boot with systemd.unified_cgroup_hierarchy=1, or set kubelet: {failCgroupV1: false} for now"
    return [("runs on cgroup v1, where kubelets of 1.35 and later do not start", cure)]


def twins(facts: Mapping[str, HostFacts]) -> list[HostFinding]:
    """Return hosts that share what must be a host's own: machine-id and name, as copied disks do."""
    found = []
    for key, cure in (
        ("machine_id", "rm /etc/machine-id && systemd-machine-id-setup, then boot"),
        ("hostname", "hostnamectl set-hostname NAME"),
    ):
        seen: dict[str, str] = {}
        for name, item in facts.items():
            value = item.values.get(key, "")
            if value and value in seen:
                found.append(HostFinding(name, f"has the same {key.replace('_', '-')} as {seen[value]}", cure))
            seen.setdefault(value, name)
    return found


def require(findings: Iterable[HostFinding]) -> None:
    """Raise BlockedError with every finding, one a line."""
    lines = [str(finding) for finding in findings]
    if lines:
        raise BlockedError("\n".join(lines), hint="nothing was changed")


def _foreign(host: Host, cluster: ClusterSpec) -> list[HostFinding]:
    try:
        refuse_foreign(host, cluster.id)
    except BlockedError as error:
        return [HostFinding(host.name, error.message.removeprefix(f"{host.name} "), error.hint)]
    return []


def _cannot_reach(host: Host, node: NodeSpec, cluster: ClusterSpec) -> list[HostFinding]:
    """Return whether a joining host's packets get to the API server's address at all; a port that refuses is fine here."""
    if node.first:
        return []
    address = cluster.endpoint.rpartition(":")[0]
    if host.ok(f"ip route get {address} >/dev/null 2>&1"):
        return []
    return [HostFinding(node.name, f"has no route to the API server at {address}", "see to the network between the nodes")]
