"""Which versions may meet which (kubernetes.io/releases/version-skew-policy), and what CRI-O needs."""

from __future__ import annotations

from collections.abc import Iterator

from migrator.model.facts import UpgradeFacts
from migrator.model.manifest import Manifest, get
from migrator.model.verdict import CheckName, Finding
from migrator.model.version import Version, version_in
from migrator.untrusted import printable
from migrator.upgrade.checks.finding import fail, warn

KUBELET_SKEW = 3
"""Minors that a kubelet, and kube-proxy, may be older than the API server (KEP-3935)."""
_NO_CONTAINERD_1 = 38
_KUBERNETES = "kubernetes"
# As packages/cri-o/10-crio.conf has it; an upgrade of the package writes that file anew.
_OF_PACKAGE = "runc"
# May be a minor older than the API server, not newer (kubernetes.io/releases/version-skew-policy).
_CONTROLLERS = ("kube-controller-manager", "kube-scheduler")


def kubelets(facts: UpgradeFacts) -> Iterator[Finding]:
    """Find kubelets newer than the API server, and those that a hop would leave more than three minors behind."""
    for node in facts.cluster.nodes:
        name, version = node["metadata"]["name"], version_in(get(node, "status", "nodeInfo", "kubeletVersion"))
        if version is None:
            continue
        if version > facts.cluster.version:
            yield fail(
                CheckName.SKEW,
                name,
                f"its kubelet {version} is newer than the API server {facts.cluster.version}",
                f"upgrade to {version} at least, or put the kubelet back",
            )
        stays = [hop for hop in facts.hops if hop.target.minor - version.minor > KUBELET_SKEW]
        # The first hop that also upgrades workers ends the skew.
        reached = next((hop for hop in facts.hops if hop.workers), None)
        if stays and (reached is None or facts.hops.index(reached) >= facts.hops.index(stays[0])):
            yield fail(
                CheckName.SKEW,
                name,
                f"its kubelet {version} would be more than {KUBELET_SKEW} minors behind {stays[0].target}",
                "upgrade workers with each hop (--workers each-hop)",
            )


def replaced_programs(facts: UpgradeFacts) -> Iterator[Finding]:
    """Find packages that were replaced and whose programs run on as the old ones (kubernetes#65562, updates by themselves).

    The next restart, of a boot or a crash, starts the new ones, at a moment that nobody has chosen.
    """
    nodes = {node["metadata"]["name"]: node for node in facts.cluster.nodes}
    for host in (item for item in facts.hosts if not item.error and item.name in nodes):
        told = get(nodes[host.name], "status", "nodeInfo") or {}
        for package, program, field in (("kubernetes", "kubelet", "kubeletVersion"), ("cri-o", "CRI-O", "containerRuntimeVersion")):
            # pacman's version ends with the release of the package, such as 1.37.2-1.
            installed = version_in(host.installed.get(package, "").rpartition("-")[0])
            # As the kubelet reports it: the program in memory, not the file on disk.
            runs = version_in(str(told.get(field, "")).removeprefix("cri-o://"))
            if not installed or not runs or installed == runs:
                continue
            reason = f"has {package} {installed} installed, and its {program} still runs as {runs}"
            if package == "kubernetes" and installed > facts.cluster.version:
                hint = (
                    f"put {package} {runs} back (`pacman -U`), and hold it (IgnorePkg); the upgrade brings the new one in its turn"
                )
                reason += f": started again it would be newer than the API server {facts.cluster.version}"
                yield fail(CheckName.PACKAGES, host.name, reason, hint)
            elif package == "cri-o" and installed.line != runs.line:
                reason += ": when it starts, all pods of the node start anew (cri-o#8739)"
                yield warn(
                    CheckName.PACKAGES, host.name, reason, f"`kubectl drain {host.name}`, then `systemctl restart crio` there"
                )
            else:
                yield warn(
                    CheckName.PACKAGES,
                    host.name,
                    reason,
                    f"restart it while you watch: `systemctl restart {program.lower().replace('-', '')}`",
                )


def foreign_programs(facts: UpgradeFacts) -> Iterator[Finding]:
    """Find kubelets of somebody else: pacman replaces no package of another name without being asked, and no file of none.

    An upgrade would meet that on a drained node, whose control plane is the new one already; a rollback would meet it again.
    """
    for host in (item for item in facts.hosts if facts.hops and not item.error):
        path, _, package = host.kubelet_program.partition(" ")
        if _KUBERNETES in host.installed and (not path or package == _KUBERNETES):
            continue
        found = f"its kubelet is {path}" + (f" of the package {package}" if package else "") if path else "has no such package"
        reason = f"{printable(found)}: an upgrade brings the package {_KUBERNETES}"
        hint = (
            f"take it away (`pacman -R` of its packages, or the files and the unit in /etc/systemd/system), install {_KUBERNETES} "
            f"{facts.hops[0].start} of `migrator packages build` there, and restart the kubelet"
        )
        yield fail(CheckName.PACKAGES, host.name, reason, hint)


def control_planes(facts: UpgradeFacts) -> Iterator[Finding]:
    """Find API servers more than a minor apart, and controllers or kube-proxies outside of their range."""
    servers = {pod["metadata"]["name"]: version for pod, version in _component(facts, "kube-apiserver")}
    # Skew policy: API servers of one cluster may be one minor apart.
    if servers and max(servers.values()).minor - min(servers.values()).minor > 1:
        shown = ", ".join(f"{name} {version}" for name, version in servers.items())
        yield fail(
            CheckName.SKEW,
            "kube-apiserver",
            f"more than a minor apart: {shown}",
            "bring the older ones forward with kubeadm upgrade node",
        )
    for part in _CONTROLLERS:
        for pod, version in _component(facts, part):
            behind = facts.cluster.version.minor - version.minor
            if behind > 1 or version > facts.cluster.version:
                reason = f"{version} beside an API server of {facts.cluster.version}"
                yield fail(
                    CheckName.SKEW, pod["metadata"]["name"], reason, "may be a minor older, and never newer: kubeadm upgrade node"
                )
    for daemon in facts.cluster.daemon_sets:
        if daemon["metadata"]["name"] == "kube-proxy" and facts.hops:
            proxy = _image_version(get(daemon, "spec", "template", "spec") or {})
            if proxy and facts.hops[0].target.minor - proxy.minor > KUBELET_SKEW:
                yield fail(CheckName.SKEW, "kube-proxy", f"{proxy} is too old for {facts.hops[0].target}", "bring it forward first")
            elif proxy and proxy > facts.cluster.version:
                yield fail(
                    CheckName.SKEW, "kube-proxy", f"{proxy} is newer than the API server", "put it back to the API server's version"
                )


def runtime(facts: UpgradeFacts) -> Iterator[Finding]:
    """Find hops whose CRI-O is not of Kubernetes' own minor (cri-o: compatibility matrix)."""
    for hop in facts.hops:
        version = version_in(hop.packages.get("cri-o", ""))
        if version and version.line != hop.target.line:
            yield warn(
                CheckName.RUNTIME,
                f"hop to {hop.target}",
                f"cri-o {version} beside Kubernetes {hop.target}: they go together minor by minor",
                f"build cri-o 1.{hop.target.minor} (`migrator packages build cri-o=1.{hop.target.minor}.0`)",
            )


def runtime_programs(facts: UpgradeFacts) -> Iterator[Finding]:
    """Find hosts on which the package cri-o would have another program run containers.

    The one that takes over does not know those of the other: they run on beside the new ones, on the same volumes (cri-o#8705).
    """
    wanted = {hop.packages.get("cri-o", "") for hop in facts.hops} - {""}
    for host in (item for item in facts.hosts if not item.error):
        now, kept = host.oci_runtime
        if not now or (kept or _OF_PACKAGE) == now or wanted <= {host.installed.get("cri-o", "").rpartition("-")[0]}:
            continue
        reason = (
            f"its CRI-O runs containers by {printable(now)}, and after the upgrade by {printable(kept or _OF_PACKAGE)}: "
            "those that run would go on beside new ones"
        )
        hint = (
            f'write `[crio.runtime]` with `default_runtime = "{printable(now)}"`, and its table, into a later file, such as '
            "/etc/crio/crio.conf.d/20-runtime.conf; nothing changes by that now"
        )
        yield fail(CheckName.RUNTIME, host.name, reason, hint)


def runtimes_of_nodes(facts: UpgradeFacts) -> Iterator[Finding]:
    """Find nodes whose containerd is of 1.x, which the kubelets of 1.38 and later refuse (KEP-4033, kubernetes#139267)."""
    minor = facts.hops[-1].target.minor if facts.hops else 0
    for node in facts.cluster.nodes:
        told = str(get(node, "status", "nodeInfo", "containerRuntimeVersion") or "")
        if told.startswith("containerd://1."):
            name, runs = node["metadata"]["name"], told.replace("://", " ")
            if minor >= _NO_CONTAINERD_1:
                reason = f"runs {runs}, which kubelets of 1.{_NO_CONTAINERD_1} and later refuse"
                yield fail(CheckName.RUNTIME, name, reason, "bring it to containerd 2 first")
            else:
                yield warn(CheckName.RUNTIME, name, f"runs {runs}, which kubelets no longer support from 1.{_NO_CONTAINERD_1}")


def packages(facts: UpgradeFacts) -> Iterator[Finding]:
    """Find packages that the source does not have."""
    for hop in facts.hops:
        for name, version in hop.packages.items():
            installed = {host.installed.get(name, "").rpartition("-")[0] for host in facts.hosts if not host.error}
            # What all hosts have already is never fetched.
            if version not in facts.available.get(name, ()) and installed != {version}:
                there = ", ".join(facts.available.get(name, ())) or "none"
                yield fail(
                    CheckName.PACKAGES,
                    f"hop to {hop.target}",
                    f"{name} {version} is not in the package source (there: {there})",
                    f"`migrator packages build {name}={version}`, then publish",
                )


def way_back(facts: UpgradeFacts) -> Iterator[Finding]:
    """Find hops whose start the source does not have any more: a rollback installs it again."""
    for hop in facts.hops:
        if str(hop.start) not in facts.available.get("kubernetes", ()):
            reason = f"kubernetes {hop.start} is not in the package source: a rollback needs it, unless the hosts have kept it"
            yield warn(
                CheckName.PACKAGES,
                f"hop to {hop.target}",
                reason,
                f"`migrator packages build kubernetes={hop.start}`, then publish",
            )


def _component(facts: UpgradeFacts, name: str) -> Iterator[tuple[Manifest, Version]]:
    for pod in facts.cluster.pods:
        metadata = pod["metadata"]
        if metadata["namespace"] == "kube-system" and (metadata.get("labels") or {}).get("component") == name:
            version = _image_version(pod["spec"])
            if version:
                yield pod, version


def _image_version(spec: Manifest) -> Version | None:
    # The tag; kubeadm pulls by tag, and the version is nowhere else in a static pod.
    images = [item.get("image", "") for item in spec.get("containers") or []]
    return version_in(images[0].rpartition(":")[2]) if images else None
