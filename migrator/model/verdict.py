"""What validation found."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """Failures make the verdict bad; warnings and unknowns are listed beside a good one."""

    OK = "ok"
    WARNING = "warning"
    UNKNOWN = "unknown"
    FAILURE = "failure"


class CheckName(StrEnum):
    """What the checks of hosts, and of a cluster before its upgrade, are called; `--ignore` takes these names."""

    SSH = "ssh"
    NODES = "nodes"
    SKEW = "skew"
    ETCD = "etcd"
    RUNTIME = "runtime"
    PACKAGES = "packages"
    KUBEADM_CONFIG = "kubeadm-config"
    KUBEADM = "kubeadm"
    ADDONS = "addons"
    REMOVED_APIS = "removed-apis"
    STORED_VERSIONS = "stored-versions"
    CGROUP = "cgroup"
    SWAP = "swap"
    BOARD = "board"
    DISK = "disk"
    CERTIFICATES = "certificates"
    CLOCK = "clock"
    MANIFESTS = "manifests"
    KUBELET = "kubelet"
    GATES = "gates"
    BUDGETS = "budgets"
    DRAIN = "drain"
    REPLICAS = "replicas"
    LOCAL_DATA = "local-data"
    SCHEDULING = "scheduling"
    WEBHOOKS = "webhooks"
    UNREAD = "unread"
    IDENTITY = "identity"


NEVER_IGNORED = frozenset({CheckName.IDENTITY})
"""Checks that `--ignore` does not lift: what is wrong would be done to somebody else's machine."""


@dataclass(slots=True, frozen=True)
class Finding:
    """One thing that was looked at."""

    check: str
    """Name of the check, for example readiness or parity."""
    subject: str
    severity: Severity
    reason: str = ""
    hint: str = ""
    said: str = ""
    """What a person's own program said: shown, and never recorded, since it may hold secrets."""


@dataclass(slots=True, frozen=True)
class Readiness:
    """Whether an object does its work, as far as its own status tells."""

    done: bool
    ok: bool
    """False when it has failed for good and waiting is of no use."""
    message: str = ""


@dataclass(slots=True, frozen=True)
class Verdict:
    """All findings of one validation."""

    findings: tuple[Finding, ...]
    seconds: float

    @property
    def good(self) -> bool:
        """Whether nothing failed."""
        return not any(finding.severity is Severity.FAILURE for finding in self.findings)

    @property
    def failures(self) -> tuple[Finding, ...]:
        """The findings that make the verdict bad."""
        return tuple(finding for finding in self.findings if finding.severity is Severity.FAILURE)
