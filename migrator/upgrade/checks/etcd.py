"""What etcd must be before Kubernetes brings its next minor, or leaves it where it is."""

from __future__ import annotations

from collections.abc import Iterator
from math import isfinite
from typing import NamedTuple

from migrator.model.facts import Member, UpgradeFacts
from migrator.model.kubelet import arguments_of
from migrator.model.manifest import get
from migrator.model.upgrade import Hop
from migrator.model.verdict import CheckName, Finding
from migrator.model.version import Version, version_in
from migrator.untrusted import printable
from migrator.upgrade.checks.finding import fail, warn


class EtcdStep(NamedTuple):
    """A minor of Kubernetes that brings a new minor of etcd."""

    kubernetes: int
    etcd: tuple[int, int]
    floor: Version
    """The oldest version from which etcd's own guide lets members go there."""
    source: str


STEPS = (
    EtcdStep(34, (3, 6), Version(3, 5, 26), "etcd#20793, etcd.io/docs/v3.6/upgrades/upgrade_3_6"),
    EtcdStep(37, (3, 7), Version(3, 6, 11), "etcd.io/docs/v3.7/upgrades/upgrade_3_7"),
)
"""In the order of Kubernetes' minors; kubeadm's constants.go tells which etcd each of them brings."""


_LOGS = "see `crictl logs` of its etcd"
# What etcd takes where no quota is set.
_USUAL_QUOTA = 2 << 30
# Compaction frees nothing on disk before a defragmentation, so a warning comes early.
_FULL = 0.8
# A member that waits longer misses heartbeats (100 ms) again and again; etcd wants 10 ms (etcd.io/docs, hardware).
_SLOW_SECONDS = 0.2


def members(facts: UpgradeFacts) -> Iterator[Finding]:
    """Find members that are not well, that do not vote, or that are too old for what is coming."""
    if not facts.local_etcd:
        hint = "take a snapshot of it yourself, then --ignore etcd"
        yield fail(
            CheckName.ETCD, "etcd", "does not run on the control plane's nodes: its snapshot cannot be taken from here", hint
        )
        return
    nodes = {node["metadata"]["name"] for node in facts.cluster.nodes}
    for member in facts.members:
        if member.learner:
            yield fail(
                CheckName.ETCD, member.name, "is a learner and does not vote", f"etcdctl member promote, or remove {member.name}"
            )
        if member.problem:
            # etcd's alarm for a full quota; all writes are refused until it is disarmed.
            full = "NOSPACE" in member.problem
            hint = "make room: `etcdctl compact`, `defrag`, then `alarm disarm` (etcd.io/docs, maintenance)" if full else _LOGS
            yield fail(CheckName.ETCD, member.name, f"reports errors: {printable(member.problem)}", hint)
        elif not member.healthy and nodes and member.name not in nodes:
            # kubeadm reset of a machine that was lost, or could not reach the others, leaves it behind (kubeadm#1211, wksctl#284).
            reason = (
                "does not answer, and no node has its name: a control plane that is gone has left it, and it counts as a lost vote"
            )
            hint = "where that machine does not come back: `etcdctl member list` tells its id, then `etcdctl member remove ID`"
            yield fail(CheckName.ETCD, member.name, reason, hint)
        elif not member.healthy:
            yield fail(CheckName.ETCD, member.name, "does not answer", _LOGS)
        yield from _nearly_full(facts, member)
        yield from _too_old(facts, member)


def slow_disks(facts: UpgradeFacts) -> Iterator[Finding]:
    """Find disks, such as SD cards, that keep etcd waiting: it elects anew again and again (etcd#13169, k3s#1850)."""
    for host in facts.hosts:
        if host.write_seconds > _SLOW_SECONDS:
            takes = f"{host.write_seconds:.1f} s" if isfinite(host.write_seconds) else "more than 8 s"
            reason = (
                f"etcd's disk is slow: 99 of 100 writes need up to {takes}, 10 ms are wanted; images that are pulled make it slower"
            )
            hint = "/var/lib/etcd on an SSD, or nothing else on its disk; `etcdctl check perf` shows what it reaches"
            yield warn(CheckName.ETCD, host.name, reason, hint)


def _nearly_full(facts: UpgradeFacts, member: Member) -> Iterator[Finding]:
    """Find members near the size at which etcd takes no more writes, in the middle of an upgrade as well (etcd#14497)."""
    told = next((arguments_of(host.manifests.get("etcd") or {}).get("--quota-backend-bytes", "") for host in facts.hosts), "")
    # etcd 3.6 reports it; before, only the flag tells.
    quota = member.quota or (int(told) if told.isdecimal() else 0) or _USUAL_QUOTA
    if not member.problem and member.size > _FULL * quota:
        reason = f"its data has {member.size >> 20} of the {quota >> 20} MiB at which it takes no more writes"
        hint = "`etcdctl compact` and `defrag`; or a larger quota-backend-bytes in etcd.local.extraArgs"
        yield warn(CheckName.ETCD, member.name, reason, hint)


def elsewhere(facts: UpgradeFacts) -> Iterator[Finding]:
    """Find members of an etcd of one's own that are older than what the target's kubeadm is made for.

    The check is `skew`: whoever takes the snapshot by themselves (--ignore etcd) has not said a word about versions.
    """
    for member in () if facts.local_etcd else facts.members:
        version, step = version_in(member.version), _last_step(facts)
        if version and step and version.line < (step.etcd[0], step.etcd[1] - 1):
            yield fail(
                CheckName.SKEW,
                member.name,
                f"etcd {version} is more than a minor behind {_line(step)}, which Kubernetes 1.{step.kubernetes} brings",
                "upgrade etcd first, one minor at a time",
            )


def pinned(facts: UpgradeFacts) -> Iterator[Finding]:
    """Find an etcd whose tag is pinned in ClusterConfiguration: kubeadm leaves it at that (kubeadm#3247)."""
    tag = _pinned(facts)
    if facts.local_etcd and tag and facts.hops:
        step = _last_step(facts)
        older = step and (version_in(tag) or step.floor).line < step.etcd
        behind = f", and Kubernetes 1.{step.kubernetes} comes with {_line(step)}" if step and older else ""
        yield warn(
            CheckName.ETCD,
            "kubeadm-config",
            f"pins etcd to {tag}, so that no upgrade touches it{behind}",
            "take etcd.local.imageTag out of ConfigMap kube-system/kubeadm-config, unless that is meant",
        )


def _too_old(facts: UpgradeFacts, member: Member) -> Iterator[Finding]:
    version = version_in(member.version)
    if version is None or _pinned(facts):
        return
    for hop in facts.hops:
        for step in STEPS:
            if hop.start.minor < step.kubernetes <= hop.target.minor and version < step.floor:
                yield fail(
                    CheckName.ETCD,
                    member.name,
                    f"etcd {version} goes to {_line(step)} with Kubernetes 1.{step.kubernetes}: "
                    f"only safe from {step.floor} on ({step.source})",
                    f"upgrade to the last patch of 1.{hop.start.minor} first",
                )
        # Each hop's kubeadm brings its own etcd, so a floor is compared with what is there by then.
        version = _after(facts, hop, version)


def _after(facts: UpgradeFacts, hop: Hop, version: Version) -> Version:
    """Return the version of etcd after a hop, as its kubeadm tells; what cannot be asked leaves the version."""
    return max(version, version_in(facts.kubeadm.etcd.get(hop.key, "")) or version)


def is_replaced(facts: UpgradeFacts) -> bool:
    """Return whether a hop brings another etcd: else kubeadm leaves it, and its certificates, as they are (kubeadm#2989)."""
    tag = _pinned(facts)
    versions = [version for member in facts.members if (version := version_in(member.version))]
    brought = [tag] if tag else [facts.kubeadm.etcd.get(hop.key, "") for hop in facts.hops]
    known = [version for text in brought if (version := version_in(text))]
    return bool(versions and known) and max(known) > min(versions)


def _line(step: EtcdStep) -> str:
    return ".".join(map(str, step.etcd))


def _pinned(facts: UpgradeFacts) -> str:
    return str(get(dict(facts.cluster.cluster_config), "etcd", "local", "imageTag") or "")


def _last_step(facts: UpgradeFacts) -> EtcdStep | None:
    reached = [step for step in STEPS if facts.hops and step.kubernetes <= facts.hops[-1].target.minor]
    return reached[-1] if reached else None
