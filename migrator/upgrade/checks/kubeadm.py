"""What kubeadm itself refuses, or would put back."""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import NamedTuple

from migrator.model.facts import UpgradeFacts
from migrator.model.kubeadm import CONTROL_PLANE, SECTIONS, SKIPS_SINCE, extra_args
from migrator.model.manifest import get
from migrator.model.patches import TARGETS
from migrator.model.verdict import CheckName, Finding
from migrator.model.version import Version
from migrator.untrusted import printable
from migrator.upgrade.checks.finding import fail, warn


class GoneArgument(NamedTuple):
    """An argument of a program of the control plane, and the first minor of Kubernetes whose program does not know it."""

    program: str
    pattern: str
    """Its name, without the dashes; `*` stands for the rest."""
    minor: int
    instead: str = ""


# Of the logging library: KEP-2845, kubernetes#112120.
_LOG_ARGUMENTS = (
    *("add-dir-header", "alsologtostderr", "log-backtrace-at", "log-dir", "log-file", "log-file-max-size", "logtostderr"),
    *("one-output", "skip-headers", "skip-log-headers", "stderrthreshold"),
)
GONE_ARGUMENTS = (
    *(GoneArgument("kube-apiserver", name, 24) for name in ("address", "insecure-bind-address", "insecure-port", "port")),
    *(GoneArgument(program, name, 24) for program in ("kube-controller-manager", "kube-scheduler") for name in ("address", "port")),
    GoneArgument("kube-apiserver", "service-account-api-audiences", 25, "; api-audiences is its name now"),
    *(GoneArgument(program, name, 26) for program in CONTROL_PLANE for name in _LOG_ARGUMENTS),
    *(GoneArgument("kube-controller-manager", name, 27) for name in ("enable-taint-manager", "pod-eviction-timeout")),
    GoneArgument("kube-controller-manager", "volume-host-*", 31),
    GoneArgument("kube-apiserver", "cloud-provider", 33),
    GoneArgument("kube-apiserver", "cloud-config", 33),
    GoneArgument("kube-controller-manager", "concurrent-service-syncs", 37),
    GoneArgument("etcd", "enable-v2", 34),
    GoneArgument("etcd", "proxy*", 34),
    GoneArgument("etcd", "experimental-*", 37, "; 3.6 knows it without experimental-, or as a feature gate"),
)
"""From the programs' own --help, and the changelogs of Kubernetes (kubernetes#106859, #108624, #115840, #124017) and etcd.

How the scheduler ends at one of them: kubeadm#2716.
"""
EXCLUSIVE_ARGUMENTS = (
    ("authorization-config", "authorization-mode"),
    ("authorization-config", "authorization-webhook-*"),
    ("authentication-config", "oidc-*"),
)
"""Arguments with which an API server takes none of the others (pkg/kubeapiserver/options), as it says itself (k3s#12017)."""
_PROGRAMS: dict[tuple[str, ...], str] = {(section,): program for section, program in SECTIONS.items()} | {("etcd", "local"): "etcd"}
_PATCH_NAMES = f"TARGET[SUFFIX][+strategic|+merge|+json].yaml or .json, with one of {', '.join(TARGETS)}"
_NO_V1BETA3 = 37
_SOCKET = "kubeadm.alpha.kubernetes.io/cri-socket"
# Runtimes, as nodes tell of them, and their sockets (cmd/kubeadm/app/constants).
_SOCKETS = (
    ("cri-o", "crio.sock"),
    ("containerd", "containerd.sock"),
    ("docker", "cri-dockerd.sock"),
    ("docker", "dockershim.sock"),
)
# kubeadm's own gates and the first minor without them (cmd/kubeadm/app/features), for where its program cannot be asked.
_GONE_GATES = {
    "IPv6DualStack": 24,
    "UnversionedKubeletConfigMap": 26,
    "UpgradeAddonsBeforeControlPlane": 31,
    "EtcdLearnerMode": 33,
    "WaitForAllControlPlaneComponents": 35,
    "ControlPlaneKubeletLocalMode": 36,
    "NodeLocalCRISocket": 37,
    "PublicKeysECDSA": 37,
}


class Faulty(NamedTuple):
    """Patch releases whose kubeadm does harm, or stops half way."""

    first: Version
    fixed: Version
    harm: str
    source: str


FAULTY = (
    Faulty(
        Version(1, 28, 0),
        Version(1, 28, 3),
        "waits in vain for an etcd that it has not changed, and goes back",
        "kubeadm#2957",
    ),
    Faulty(
        Version(1, 30, 0), Version(1, 30, 1), "writes its own defaults over the settings of the cluster's kubelets", "kubeadm#3049"
    ),
)
_NO_FLAGS = Faulty(
    Version(1, 35, 0), Version(1, 35, 1), "stops at a /var/lib/kubelet/kubeadm-flags.env without flags", "kubeadm#3279"
)
# What that kubeadm itself takes out of the file, so that it would stop when it is run again.
_ITS_LAST_FLAG = frozenset({"--pod-infra-container-image"})


def faulty_versions(facts: UpgradeFacts) -> Iterator[Finding]:
    """Find hops by a kubeadm that is known to fail: the run would stop after CRI-O and the control plane were touched."""
    without_flags = any(not host.error and host.flags_of_kubeadm <= _ITS_LAST_FLAG for host in facts.hosts)
    for hop in facts.hops:
        for row in (*FAULTY, *([_NO_FLAGS] if without_flags else [])):
            if row.first <= hop.target < row.fixed:
                reason = f"kubeadm {hop.target} {row.harm} ({row.source})"
                hint = f"take {row.fixed} or later: `migrator packages build kubernetes={row.fixed}`"
                yield fail(CheckName.KUBEADM, f"hop to {hop.target}", reason, hint)


def configuration(facts: UpgradeFacts) -> Iterator[Finding]:
    """Find a ClusterConfiguration of an old version (kubeadm config migrate)."""
    version = str(facts.cluster.cluster_config.get("apiVersion", ""))
    if version.endswith(("v1beta1", "v1beta2")):
        yield fail(CheckName.KUBEADM_CONFIG, "kubeadm-config", f"{version} is not read any more", "kubeadm config migrate")
    elif version.endswith("v1beta3") and any(hop.target.minor >= _NO_V1BETA3 for hop in facts.hops):
        reason = f"{version} is not read by kubeadm of 1.{_NO_V1BETA3} and later"
        hint = f"kubeadm config migrate with one of 1.{_NO_V1BETA3 - 1}; then write it into ConfigMap kube-system/kubeadm-config"
        yield fail(CheckName.KUBEADM_CONFIG, "kubeadm-config", reason, hint)
    elif version.endswith("v1beta3"):
        yield warn(CheckName.KUBEADM_CONFIG, "kubeadm-config", f"{version} is deprecated", "the upgrade writes it as v1beta4")
    told = any("kubelet-config" in text for text in facts.cluster.unread)
    if version and not facts.cluster.kubelet_config and not told:
        yield fail(
            CheckName.KUBEADM_CONFIG,
            "kubelet-config",
            "ConfigMap kube-system/kubelet-config is not there, or has no settings: kubeadm would stop at it on each node",
            "kubeadm init phase upload-config kubelet --config FILE, with a KubeletConfiguration in it",
        )
    if not version:
        yield fail(
            CheckName.KUBEADM_CONFIG,
            "kubeadm-config",
            "ConfigMap kube-system/kubeadm-config is not there, or not readable",
            "was the cluster made by kubeadm? Only such a cluster can be upgraded here",
        )


def gates(facts: UpgradeFacts) -> Iterator[Finding]:
    """Find gates of kubeadm's own that the kubeadm of a hop does not know: it refuses the whole configuration."""
    target = facts.hops[-1].target if facts.hops else None
    for gate in get(dict(facts.cluster.cluster_config), "featureGates") or {}:
        known = facts.kubeadm.gates
        unknown = gate not in known if known else target is not None and _GONE_GATES.get(gate, target.minor + 1) <= target.minor
        if unknown:
            yield fail(
                CheckName.KUBEADM_CONFIG,
                "kubeadm-config",
                f"sets kubeadm's feature gate {gate}, which kubeadm {target} does not know: it reads nothing of it",
                "take it out of featureGates in ConfigMap kube-system/kubeadm-config",
            )


def arguments(facts: UpgradeFacts) -> Iterator[Finding]:
    """Find extraArgs that the target's program does not know: kubeadm writes them into its manifest, and it does not start."""
    if not facts.hops:
        return
    target = facts.hops[-1].target
    for path, program in _PROGRAMS.items():
        for name, _ in extra_args(facts.cluster.cluster_config, *path):
            gone = _gone(facts, program, name)
            if gone:
                yield fail(
                    CheckName.GATES,
                    f"kubeadm-config/{program}",
                    f"extraArgs has {name}, which {program} of {target} does not know: it would not start",
                    f"take it out of {'.'.join(path)}.extraArgs in ConfigMap kube-system/kubeadm-config{gone.instead}",
                )


def patches(facts: UpgradeFacts) -> Iterator[Finding]:
    """Find patches that kubeadm would stop at or pass over, and those with which the next program would not start, or not come."""
    reading = facts.patched
    for name in reading.broken:
        reason = "is a patch that kubeadm would stop at: it is no YAML, or of no type that kubeadm knows"
        yield fail(CheckName.KUBEADM, name, reason, _PATCH_NAMES)
    for name in reading.passed_over:
        reason = "is ignored by kubeadm, because of its name or because it is empty: the settings in it would be lost"
        yield warn(CheckName.KUBEADM, name, reason, _PATCH_NAMES)
    for name in reading.images:
        reason = "sets the image of a program of the control plane: the new version would never run, and kubeadm wait for it"
        yield fail(CheckName.KUBEADM, name, reason, "take the image out of the patch")
    for name, program, argument in sorted(reading.arguments):
        gone = _gone(facts, program, argument)
        if gone:
            reason = f"gives {program} the argument {argument}, which it does not know from 1.{gone.minor} on: it would not start"
            yield fail(CheckName.GATES, name, reason, f"take it out of the patch{gone.instead}")


def sockets(facts: UpgradeFacts) -> Iterator[Finding]:
    """Find nodes that are annotated with the socket of another runtime than theirs (kubeadm#1322, kubeadm#2597, kubeadm#2870).

    kubeadm pulls images by it, and gives it to the next kubelet, which then finds nobody there.
    """
    for node in facts.cluster.nodes if facts.hops else ():
        told = str(get(node, "metadata", "annotations", _SOCKET) or "")
        runs = str(get(node, "status", "nodeInfo", "containerRuntimeVersion") or "").partition("://")[0]
        named = next((runtime for runtime, socket in _SOCKETS if told.endswith(f"/{socket}")), runs)
        if told and runs and named != runs:
            name = node["metadata"]["name"]
            reason = (
                f"runs {printable(runs)}, and its annotation {_SOCKET} names {printable(told)}: kubeadm gives that to its kubelet"
            )
            right = next((socket for runtime, socket in _SOCKETS if runtime == runs), "SOCKET")
            command = f"kubectl annotate node {name} --overwrite {_SOCKET}=unix:///var/run/{right.removesuffix('.sock')}/{right}"
            yield fail(CheckName.RUNTIME, name, reason, f"`{command}`")


def exclusive_arguments(facts: UpgradeFacts) -> Iterator[Finding]:
    """Find extraArgs of the API server that exclude each other: no manifest has them until an upgrade writes one."""
    given = [name for name, _ in extra_args(facts.cluster.cluster_config, "apiServer")] if facts.hops else []
    for name, pattern in EXCLUSIVE_ARGUMENTS:
        others = [other for other in given if fnmatchcase(other, pattern)]
        if name in given and others:
            reason = f"extraArgs of kube-apiserver have {name} and {printable(', '.join(others))}, of which it takes only one"
            hint = "take the one out of ConfigMap kube-system/kubeadm-config that its static pod does not have"
            yield fail(CheckName.GATES, "kubeadm-config/kube-apiserver", f"{reason}: it would not start", hint)


def _gone(facts: UpgradeFacts, program: str, argument: str) -> GoneArgument | None:
    """Return the row of an argument that goes away on the way."""
    rows = (row for row in GONE_ARGUMENTS if row.program == program and fnmatchcase(argument, row.pattern))
    target = facts.hops[-1].target.minor if facts.hops else 0
    return next((row for row in rows if facts.cluster.version.minor < row.minor <= target), None)


def files_of_static_pods(facts: UpgradeFacts) -> Iterator[Finding]:
    """Find control planes without the files that the cluster's settings give to static pods: kubeadm writes them into each one."""
    for host in facts.hosts:
        for path in () if host.error else host.missing:
            reason = (
                f"has no {printable(path)}, which extraVolumes in kubeadm-config give to static pods: they would not start here"
            )
            hint = "copy it from another control plane, with the same owner and mode; or take it out of extraVolumes"
            yield fail(CheckName.KUBEADM_CONFIG, host.name, reason, hint)


def refusals(facts: UpgradeFacts) -> Iterator[Finding]:
    """Find what kubeadm of a hop says no to, by its own names: the run would stop on it half way."""
    known = set(get(dict(facts.cluster.cluster_config), "featureGates") or {})
    for item in facts.kubeadm.refusals:
        if not item.check and any(gate in item.reason for gate in known):
            continue  # told by the check of gates
        accept = f", or accept it: ignorePreflightErrors: [{item.check}] in the stack's file" if item.check else ""
        yield fail(CheckName.KUBEADM, item.asked, f"{item.check}: " * bool(item.check) + item.reason, f"fix it{accept}")


def addons(facts: UpgradeFacts) -> Iterator[Finding]:
    """Find add-ons that are not there, or are somebody else's: they stay as they are, although kubeadm would bring its own."""
    config = dict(facts.cluster.cluster_config)
    disabled = {name for name, key in (("kube-proxy", "proxy"), ("coredns", "dns")) if get(config, key, "disabled")}
    for name in sorted(disabled | facts.cluster.missing_addons):
        hop = next((hop for hop in facts.hops if hop.target.minor >= SKIPS_SINCE), None)
        if hop:
            reason = (
                f"is not there, or is not kubeadm's: `kubeadm upgrade` to {hop.target} would bring its own, and is told to leave it"
            )
            yield warn(CheckName.ADDONS, name, reason, f"`kubeadm init phase addon {name}` brings it, if that is wanted")
    old = next((hop for hop in facts.hops if hop.target.minor < SKIPS_SINCE), None)
    if old and "kube-proxy" in facts.cluster.missing_addons and facts.cluster.proxy_config:
        # Before it knew phases, kubeadm took the ConfigMap alone for a sign of kube-proxy (kubernetes#89593).
        reason = f"runs nowhere, and its ConfigMap is there: `kubeadm upgrade` to {old.target} would bring it back"
        yield fail(CheckName.ADDONS, "kube-proxy", reason, "`kubectl -n kube-system delete configmap kube-proxy` first")
