"""What hosts and nodes must be before a hop."""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator
from typing import Any

from migrator.model.address import one_form
from migrator.model.difference import all_differences
from migrator.model.facts import HostReading, UpgradeFacts
from migrator.model.kubelet import arguments_of
from migrator.model.manifest import get
from migrator.model.verdict import CheckName, Finding
from migrator.readiness import boards, systems
from migrator.readiness import hosts as fit
from migrator.untrusted import printable
from migrator.upgrade.checks.etcd import is_replaced
from migrator.upgrade.checks.finding import fail, warn

_PRESSURES = ("MemoryPressure", "DiskPressure", "PIDPressure", "NetworkUnavailable")
_DAY = 86400.0
# What kubeadm copies below /etc beside etcd.
_SETTINGS_MIB = 20
# Days before the end of an authority, and of another certificate.
_SOON_DAYS = {True: 180, False: 30}
# What kubeadm renews with etcd only, below etcd/ of its folder.
_OF_ETCD = frozenset({"server", "peer", "healthcheck-client"})
# A kubelet makes it for a year, and never again (kubernetes#99418): each older cluster has one that ran out.
_SELF_SIGNED = "/var/lib/kubelet/pki/kubelet.crt"
# Admission plugins and the first minor without them (CHANGELOG of each).
_GONE_PLUGINS = {"PodSecurityPolicy": 25, "SecurityContextDeny": 30, "PersistentVolumeLabel": 31}
# Flags that the kubeadm of this minor takes out of its own file (kubernetes#133778, kubeadm#3281).
_TAKEN_OUT_BY_KUBEADM = {"--pod-infra-container-image": 35}
# What kubeadm itself writes differently on some nodes.
_OWN_SETTINGS = frozenset(
    {"apiVersion", "kind", "clusterDNS", "clusterDomain", "staticPodPath", "authentication", "resolvConf"}
    | {"containerRuntimeEndpoint"}
)


# Flags of static pods whose addresses must be the host's own.
_LISTENING = ("--listen-client-urls", "--listen-peer-urls", "--bind-address")
_ANY = frozenset({"0.0.0.0", "::", "127.0.0.1"})  # noqa: S104 - compared, not bound


def reachable(facts: UpgradeFacts) -> Iterator[Finding]:
    """Find hosts that cannot be asked, or that do not let us be root."""
    for host in facts.hosts:
        if host.error:
            yield fail(CheckName.SSH, host.name, host.error.removeprefix(f"{host.name}: "), host.hint)


def identity(facts: UpgradeFacts) -> Iterator[Finding]:
    """Find hosts that are other machines than their nodes: addresses that are swapped, or lead elsewhere."""
    nodes = {node["metadata"]["name"]: node for node in facts.cluster.nodes}
    for host in _asked(facts):
        node = nodes.get(host.name)
        wanted = fit.machine_of(node) if node else ""
        if wanted and not fit.same_machine(host.facts.machine_id, wanted):
            yield fail(CheckName.IDENTITY, host.name, fit.another_machine(host.facts.machine_id, wanted), fit.OTHER_MACHINE_HINT)


def twins(facts: UpgradeFacts) -> Iterator[Finding]:
    """Find nodes that share a machine-id, as copies of one disk do: it does not tell which of them an address leads to."""
    seen: dict[str, str] = {}
    for node in facts.cluster.nodes:
        name, machine = node["metadata"]["name"], fit.machine_of(node)
        if machine and machine in seen:
            reason = f"has the same machine-id as {seen[machine]}: swapped addresses of the two would not be seen"
            yield fail(CheckName.NODES, name, reason, "rm /etc/machine-id && systemd-machine-id-setup, then restart the kubelet")
        seen.setdefault(machine, name)


def known(facts: UpgradeFacts) -> Iterator[Finding]:
    """Find nodes that the file does not name, and the reverse: a node left out would stay behind for good."""
    there = {node["metadata"]["name"] for node in facts.cluster.nodes}
    named = {host.name for host in facts.hosts}
    for name in sorted(there - named):
        yield fail(
            CheckName.NODES,
            name,
            "is in the cluster and not in the file",
            "add it to the stack's nodes, or take it out of the cluster",
        )
    for name in sorted(named - there):
        yield fail(
            CheckName.NODES, name, "is in the file and not in the cluster", "`pulumi up` joins it; or take it out of the file"
        )


def names(facts: UpgradeFacts) -> Iterator[Finding]:
    """Find hosts whose kubelet would start as another node: it takes the hostname of the time (kubeadm#3244)."""
    for host in _asked(facts):
        name = host.flags.get("--hostname-override") or host.facts.hostname
        if host.flags and host.facts.hostname and name.strip().lower() != host.name:
            reason = f"its hostname is {printable(name)} now, and a kubelet that starts again would be another node"
            hint = f"`hostnamectl set-hostname {host.name}`, or --hostname-override={host.name} for the kubelet"
            yield fail(CheckName.NODES, host.name, reason, hint)


def addresses(facts: UpgradeFacts) -> Iterator[Finding]:
    """Find addresses that the kubelet or static pods are told to take, and that the host does not have any more."""
    for host in _asked(facts):
        there = {one_form(text) for text in host.facts.addresses}
        wanted = {"its kubelet (--node-ip)": set(filter(None, host.flags.get("--node-ip", "").split(",")))}
        for component, manifest in host.manifests.items():
            given = arguments_of(manifest)
            wanted[component] = {found for flag in _LISTENING for found in re.findall(r"\d+\.\d+\.\d+\.\d+", given.get(flag, ""))}
        for component, found in wanted.items():
            gone = sorted(found - _ANY - {text for text in found if one_form(text) in there})
            if gone and host.facts.addresses:
                reason = f"has not the address {', '.join(map(printable, gone))} any more, which {component} is told to take"
                hint = "give it the address again (a fixed lease); static pods, certificates and etcd's members are made for it"
                yield fail(CheckName.NODES, host.name, reason, hint)


def conditions(facts: UpgradeFacts) -> Iterator[Finding]:
    """Find nodes that are not Ready, under pressure or cordoned."""
    for node in facts.cluster.nodes:
        name = node["metadata"]["name"]
        for item in get(node, "status", "conditions") or []:
            if item["type"] == "Ready" and item["status"] != "True":
                yield fail(CheckName.NODES, name, f"is not Ready: {item.get('message', '')}", f"`journalctl -u kubelet` on {name}")
            elif item["type"] in _PRESSURES and item["status"] == "True":
                yield fail(
                    CheckName.NODES,
                    name,
                    f"has {item['type']}: {item.get('message', '')}",
                    "make room first: pods are evicted as it is",
                )
        if get(node, "spec", "unschedulable"):
            yield warn(
                CheckName.NODES,
                name,
                "is cordoned; it will be upgraded and stays cordoned",
                f"`kubectl uncordon {name}` if that is not meant",
            )


def cgroups(facts: UpgradeFacts) -> Iterator[Finding]:
    """Find hosts on cgroup v1, where kubelets of 1.35 and later do not start unless configured to (KEP-5573)."""
    minor = facts.hops[-1].target.minor if facts.hops else 0
    for host in _asked(facts):
        yield from fit.cgroup(host.name, host.facts, minor, accepted=_after(facts, host).get("failCgroupV1") is False)


def disk(facts: UpgradeFacts) -> Iterator[Finding]:
    """Find hosts without room for packages, images, the snapshot, and kubeadm's own copy of etcd (kubernetes#125357)."""
    hint = "make room: `crictl rmi --prune`, /etc/kubernetes/tmp/kubeadm-backup-*, the package cache"
    for host in _asked(facts):
        yield from fit.disk(host.name, host.facts, fit.HOP_MIB + 2 * host.facts.etcd * len(facts.hops), hint)
        copies = host.facts.etcd * len(facts.hops) + _SETTINGS_MIB
        if host.facts.disk_etc is not None and host.facts.disk_etc < copies:
            reason = f"has {host.facts.disk_etc} MiB free below /etc, and kubeadm copies etcd there: {copies} are needed"
            yield fail(CheckName.DISK, host.name, reason, "make room, or mount a larger disk at /etc/kubernetes/tmp")


def certificates(facts: UpgradeFacts) -> Iterator[Finding]:
    """Find certificates that have run out, are not valid yet or will end soon; kubeadm renews its own, and no authority."""
    for host in _asked(facts):
        for item in host.certificates:
            if item.unreadable:
                reason = f"{item.path} is not there, empty or broken, as after a power cut: what reads it would not start again"
                yield fail(CheckName.CERTIFICATES, host.name, reason, item.hint)
                continue
            days = (item.not_after - facts.now) / _DAY
            if item.authority:
                known = "an upgrade does not renew it: replace the authority by hand"
            else:
                known = item.hint or "kubeadm certs renew all"
            if item.not_before > facts.now + fit.SKEW_SECONDS:
                reason = f"{item.path} is not valid before {_date(item.not_before)}"
                yield fail(CheckName.CERTIFICATES, host.name, reason, "is a clock wrong, of this host or of who signed it?")
            elif days < 0 and item.path == _SELF_SIGNED and not _asks_kubelets(facts):
                reason = f"{item.path} ran out {-days:.0f} days ago; only who compares it, such as a metrics-server, minds that"
                yield warn(CheckName.CERTIFICATES, host.name, reason, known)
            elif days < 0:
                yield fail(CheckName.CERTIFICATES, host.name, f"{item.path} ran out {-days:.0f} days ago", known)
            elif days < _SOON_DAYS[item.authority]:
                hint = _renewal(facts, item.path) if item.renewed and not item.authority else known
                yield warn(CheckName.CERTIFICATES, host.name, f"{item.path} runs out in {days:.0f} days", hint)


def _asks_kubelets(facts: UpgradeFacts) -> bool:
    """Return whether the API server compares the certificates that kubelets serve with; by default it does not."""
    servers = (arguments_of(host.manifests.get("kube-apiserver") or {}) for host in facts.hosts)
    return any("--kubelet-certificate-authority" in arguments for arguments in servers)


def _renewal(facts: UpgradeFacts, path: str) -> str:
    """Return who renews a certificate that kubeadm has made: with the component that serves it, if that changes."""
    name = path.rpartition("/etcd/")[2].removesuffix(".crt")
    if name in _OF_ETCD and not is_replaced(facts):
        return f"`kubeadm certs renew etcd-{name}`, then restart etcd: this upgrade leaves etcd, and so its certificates, as is"
    return "this upgrade renews it"


def boards_before(facts: UpgradeFacts) -> Iterator[Finding]:
    """Find what a board lacks, also where it shows at the next boot only: an update of the kernel may wait for that."""
    minor = facts.hops[-1].target.minor if facts.hops else 0
    repository = str(facts.cluster.cluster_config.get("imageRepository") or "")
    for host in _asked(facts):
        yield from boards.controllers(host.name, host.facts)
        yield from boards.swap(host.name, host.facts, accepted=_after(facts, host).get("failSwapOn") is False)
        yield from boards.pages(host.name, host.facts)
        yield from boards.word_size(host.name, host.facts)
        yield from boards.replaced_kernel(host.name, host.facts)
        yield from boards.clock_at_boot(host.name, host.facts)
        yield from boards.architecture(host.name, host.facts, minor, repository)


def systems_before(facts: UpgradeFacts) -> Iterator[Finding]:
    """Find what of a host's system keeps packages from being installed, or the next kubelet and its pods from starting."""
    minor = facts.hops[-1].target.minor if facts.hops else 0
    for host in _asked(facts):
        settings = _after(facts, host)
        yield from systems.disks(host.name, host.facts)
        yield from systems.programs(host.name, host.facts)
        yield from systems.evictions(host.name, host.facts, settings)
        yield from systems.packages(host.name, host.facts)
        yield from systems.resolver(host.name, host.facts, settings)
        yield from systems.forwarding(host.name, host.facts)
        yield from systems.protected(host.name, host.facts, settings)
        yield from systems.user_ids(host.name, host.facts, settings, minor)


def clocks(facts: UpgradeFacts) -> Iterator[Finding]:
    """Find hosts whose clocks are wrong."""
    asked = tuple(_asked(facts))
    skews = [host.facts.skew for host in asked]
    if len(asked) > 1 and min(map(abs, skews)) > fit.SKEW_SECONDS >= max(skews) - min(skews):
        reason = f"all hosts agree on the time, and this machine's clock is {-skews[0]:+.0f} s off theirs"
        yield warn(CheckName.CLOCK, "this machine", reason, "timedatectl set-ntp true, here")
        return
    for host in asked:
        yield from fit.clock(host.name, host.facts)


def edited_manifests(facts: UpgradeFacts) -> Iterator[Finding]:
    """Find static pods that somebody has edited: kubeadm writes them anew (kubeadm#2157)."""
    for host in _asked(facts):
        # A patch keeps what it is for, and nothing else: `kube-apiserver0+merge.yaml` is for lines of kube-apiserver.
        lost = [line for line in host.edited if not any(name.startswith(line.split()[0]) for name in facts.patches)]
        if lost:
            shown = "; ".join(lost[:4]) + (f" and {len(lost) - 4} more lines" if len(lost) > 4 else "")
            yield fail(
                CheckName.MANIFESTS,
                host.name,
                f"static pods were edited by hand, and the upgrade drops the edits: {shown}",
                "put it into ClusterConfiguration (extraArgs; a proxy: extraEnvs), or into --patches; --ignore manifests drops it",
            )


def kubelet_settings(facts: UpgradeFacts) -> Iterator[Finding]:
    """Find settings of single kubelets: `kubeadm upgrade node` writes the cluster's over them (kubeadm#3049)."""
    shared = {key: value for key, value in facts.cluster.kubelet_config.items() if key not in _OWN_SETTINGS}
    for host in _asked(facts):
        own = {key: value for key, value in host.kubelet.items() if key not in _OWN_SETTINGS}
        found = all_differences(own, shared) if own and shared else []
        if found and not any(name.startswith("kubeletconfiguration") for name in facts.patches):
            shown = ", ".join(f"{item.path}: {item.live}" for item in found[:4])
            hint = "put them into a patch (kubeletconfiguration0+merge.yaml, --patches), or into the cluster's kubelet-config"
            yield warn(CheckName.KUBELET, host.name, f"settings that only this node has are overwritten: {shown}", hint)


def refused_settings(facts: UpgradeFacts) -> Iterator[Finding]:
    """Find what the target's programs say no to, and leave out, of settings and feature gates: with the first they do not start."""
    target = facts.hops[-1].target if facts.hops else None
    for host in _asked(facts):
        for component, reasons in host.refused.items():
            subject = host.name if component == "kubelet" else f"{host.name}/{component}"
            for reason in reasons:
                name = CheckName.GATES if component != "kubelet" or "feature" in reason else CheckName.KUBELET
                hint = "take it out first: of the cluster's kubelet-config, of drop-in files and flags of the node, of --patches"
                if component == "kube-proxy":
                    hint = "take it out of ConfigMap kube-system/kube-proxy first"
                elif component != "kubelet":
                    hint = "take it out of extraArgs in ConfigMap kube-system/kubeadm-config, and of the static pod, first"
                yield fail(name, subject, f"{component} of {target} would not start here: {reason}", hint)
        for setting in host.left_out:
            reason = f"its kubelet's setting {setting} is not one that {target} knows: it is left out"
            yield warn(CheckName.KUBELET, host.name, reason, "see what stands in its place (release notes), or take it out")


def gates_and_plugins(facts: UpgradeFacts) -> Iterator[Finding]:
    """Find admission plugins and flags that the target does not know: what has them set does not start."""
    target = facts.hops[-1].target if facts.hops else None
    for host in _asked(facts):
        for flag in host.unknown_flags:
            if flag in host.flags_of_kubeadm and facts.cluster.version.minor < _TAKEN_OUT_BY_KUBEADM.get(flag, 0):
                continue
            yield fail(
                CheckName.GATES, host.name, f"its kubelet is started with {flag}, which {target} does not know", "take it out first"
            )
        given = arguments_of(host.manifests.get("kube-apiserver") or {})
        named = (given.get(f"--{what}-admission-plugins", "").split(",") for what in ("enable", "disable"))
        for plugin in sorted({plugin for plugins in named for plugin in plugins}):
            if target and _GONE_PLUGINS.get(plugin, 99) <= target.minor:
                yield fail(
                    CheckName.GATES,
                    f"{host.name}/kube-apiserver",
                    f"names admission plugin {plugin}, which {target} does not have: it would not start",
                    "take it out first",
                )


def _date(seconds: float) -> str:
    return datetime.datetime.fromtimestamp(seconds, datetime.UTC).strftime("%Y-%m-%d %H:%M UTC")


def _after(facts: UpgradeFacts, host: HostReading) -> dict[str, Any]:
    """Return the settings that count for a kubelet that starts after the upgrade, or those of now where nobody can tell."""
    found = facts.settings_after(host)
    return host.in_force if found is None else found


def _asked(facts: UpgradeFacts) -> Iterator[HostReading]:
    return (host for host in facts.hosts if not host.error)
