"""What of a host's operating system keeps a node from working: disks, packages, name servers, settings of the kernel."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from migrator.model.address import is_link_local, is_loopback
from migrator.model.host import HostFacts
from migrator.model.verdict import CheckName, Finding, Severity
from migrator.untrusted import printable

# Files that packages and images of one more version bring, with some to spare.
_INODES = 20_000
# What images and packages of one more version take at least.
_HOP_MIB = 800
# File systems on which the kernel makes no overlay: of the network, without owners or links (docs.kernel.org, overlayfs), and
# overlays themselves, as a Raspberry Pi has them whose card is protected (raspi-config, overlayroot).
_NO_OVERLAY = frozenset(
    {"overlayfs", "aufs", "squashfs", "nfs", "smb2", "cifs", "smb", "msdos", "exfat", "fuseblk", "ntfs", "ntfs3"}
)
_IN_MEMORY = frozenset({"tmpfs", "ramfs"})
# From this minor on a kubelet looks for the ids of its pods as it starts (KEP-127), in blocks of so many for each pod.
_USER_NAMESPACES = 33
_IDS = 65536
# The kubelet's default of maxPods.
_PODS = 110
RESOLVED = "/run/systemd/resolve/resolv.conf"
"""What systemd-resolved writes for programs that want the name servers behind it."""
PROTECTED = {
    "kernel.keys.root_maxbytes": "25000000",
    "kernel.keys.root_maxkeys": "1000000",
    "kernel.panic": "10",
    "kernel.panic_on_oops": "1",
    "vm.overcommit_memory": "1",
    "vm.panic_on_oom": "0",
}
"""What a kubelet with protectKernelDefaults wants, and does not set (k8s.io/kubernetes, pkg/util/sysctl)."""


def disks(name: str, facts: HostFacts) -> Iterator[Finding]:
    """Yield a finding for file systems that take no new files or keep none: read-only, without inodes, in memory.

    A boot would bring back the programs and manifests of before, over an etcd of later (raspi-config, overlayroot).
    """
    if facts.volatile:
        reason = f"what is written to {_names(facts.volatile)} is in memory, and gone after its next boot (a protected card)"
        hint = "turn the overlay file system off (raspi-config; overlayroot; systemd.volatile), and boot"
        yield Finding(CheckName.DISK, name, Severity.FAILURE, reason, hint)
    if facts.read_only:
        reason = f"cannot write to {_names(facts.read_only)}: mounted read-only, as a kernel does after errors of a card or disk"
        hint = "`dmesg | grep -iE 'I/O error|remount'`; check the disk, and mount it writable again"
        yield Finding(CheckName.DISK, name, Severity.FAILURE, reason, hint)
    if facts.inodes is not None and facts.inodes < _INODES:
        reason = f"has {facts.inodes} inodes free below /var/lib, {_INODES} are needed: files do not fit, whatever room there is"
        hint = "`du --inodes -d 3 /var | sort -n | tail`; `crictl rmi --prune`"
        yield Finding(CheckName.DISK, name, Severity.FAILURE, reason, hint)


def programs(name: str, facts: HostFacts) -> Iterator[Finding]:
    """Yield a finding for a /var/lib from which no program starts: a next version is asked, and begins, from there (k3s#7372)."""
    if facts.no_programs:
        reason = "starts no program from /var/lib (mounted noexec), where the next version's kubeadm and kubelet are put first"
        hint = "`mount -o remount,exec` the file system of /var/lib for the time of the upgrade, as in /etc/fstab"
        yield Finding(CheckName.DISK, name, Severity.FAILURE, reason, hint)


def evictions(name: str, facts: HostFacts, kubelet: Mapping[str, Any]) -> Iterator[Finding]:
    """Yield a finding where images and packages of one more version take so much room that the kubelet evicts pods for it."""
    set_to = kubelet.get("evictionHard") or {}
    # The kubelet's defaults (docs: Node-pressure Eviction).
    shares = [_share(set_to.get(signal, usual)) for signal, usual in (("nodefs.available", "10%"), ("imagefs.available", "15%"))]
    least = max(shares) * facts.disk_total
    left = facts.disk - _HOP_MIB
    if 0 < left < least:
        reason = (
            f"has {facts.disk} of {facts.disk_total} MiB free below /var/lib: "
            f"with the new images less than {max(shares):.0%} would be left"
        )
        hint = "make room (`crictl rmi --prune`): its kubelet removes images, then evicts pods (evictionHard)"
        yield Finding(CheckName.DISK, name, Severity.WARNING, reason, hint)


def packages(name: str, facts: HostFacts) -> Iterator[Finding]:
    """Yield a finding for a lock of pacman's that nobody holds any more."""
    if facts.pacman_lock:
        reason = "has had pacman's lock /var/lib/pacman/db.lck for more than an hour, and no pacman runs: one was cut off"
        hint = "see that no program installs packages, then `rm /var/lib/pacman/db.lck`"
        yield Finding(CheckName.PACKAGES, name, Severity.FAILURE, reason, hint)


def foreign_files(name: str, facts: HostFacts) -> Iterator[Finding]:
    """Yield a finding for files of a node's packages that are somebody else's: pacman ends at them ("exists in filesystem")."""
    others: dict[str, list[str]] = {}
    for path, _, owner in (item.rpartition(":") for item in facts.foreign_files):
        others.setdefault(owner, []).append(path)
    for owner, paths in others.items():
        whose = "of no package" if owner == "nobody" else f"of the package {printable(owner)}"
        hint = (
            "`rm` them, if nothing else needs them" if owner == "nobody" else f"`pacman -R {printable(owner)}`, and what needs it"
        )
        reason = f"has {_names(tuple(paths))} {whose}, and a node's packages bring them: pacman replaces none of them"
        yield Finding(CheckName.PACKAGES, name, Severity.FAILURE, reason, hint)


def resolver(name: str, facts: HostFacts, kubelet: Mapping[str, Any]) -> Iterator[Finding]:
    """Yield a finding for name servers that pods cannot use: CoreDNS would ask itself (its plugin `loop` ends it).

    Without a setting the kubelet takes /etc/resolv.conf, and kubeadm what systemd-resolved writes where that runs.
    """
    path = str(kubelet.get("resolvConf") or "")
    if path == RESOLVED and facts.resolved is False:
        reason = f"has no {RESOLVED}, which its kubelet is told to give to pods: none would start"
        hint = "`systemctl enable --now systemd-resolved`; or resolvConf: /etc/resolv.conf for its kubelet, by a patch (--patches)"
        yield Finding(CheckName.KUBELET, name, Severity.FAILURE, reason, hint)
        return
    read = path in ("", "/etc/resolv.conf") and not (facts.resolved and not path)
    if read and facts.nameservers and all(map(is_loopback, facts.nameservers)):
        reason = (
            f"its only name servers in /etc/resolv.conf are its own ({_names(facts.nameservers)}): "
            "CoreDNS would ask itself, and end"
        )
        hint = "resolvConf for its kubelet: a file with the servers behind them (coredns.io/plugins/loop)"
        yield Finding(CheckName.KUBELET, name, Severity.FAILURE, reason, hint)
    elif read and facts.nameservers and all(is_loopback(item) or is_link_local(item) for item in facts.nameservers):
        reason = (
            f"its only name servers are of its own link ({_names(facts.nameservers)}), as routers announce them: pods do not reach "
            "them, and know no names outside of the cluster"
        )
        hint = "resolvConf for its kubelet: a file with the router's other address (coredns#3528)"
        yield Finding(CheckName.KUBELET, name, Severity.WARNING, reason, hint)


def forwarding(name: str, facts: HostFacts) -> Iterator[Finding]:
    """Yield a finding for files that forbid the kernel to forward packets from the next boot on: pods would have no network."""
    if facts.forwarding_off:
        reason = f"stops forwarding packets at its next boot ({_names(facts.forwarding_off)}): its pods have no network then"
        yield Finding(CheckName.NODES, name, Severity.WARNING, reason, "take net.ipv4.ip_forward = 0 out of that file")


def bridged(name: str, facts: HostFacts) -> Iterator[Finding]:
    """Yield a finding for files that hide packets on bridges from kube-proxy after a boot, as guides of libvirt have it."""
    if facts.bridged_off:
        reason = f"hides packets between pods from kube-proxy from its next boot on ({_names(facts.bridged_off)}): Services fail"
        hint = "take net.bridge.bridge-nf-call-iptables = 0 out of that file (libvirt.org, bridge-nf-call and sysctl.conf)"
        yield Finding(CheckName.NODES, name, Severity.WARNING, reason, hint)


def images(name: str, facts: HostFacts) -> Iterator[Finding]:
    """Yield a finding for a file system on which CRI-O can lay out no image (cri-o: storage driver overlay)."""
    if facts.images_on in _IN_MEMORY:
        reason = f"its images, and so its pods, would lie in memory ({facts.images_on}): a boot leaves nothing of the node"
        hint = "mount a disk or card at /var/lib; on a Raspberry Pi, turn the overlay file system off (raspi-config)"
        yield Finding(CheckName.DISK, name, Severity.FAILURE, reason, hint)
    elif facts.images_on in _NO_OVERLAY or facts.no_file_types:
        kind = "XFS made with ftype=0" if facts.no_file_types else printable(facts.images_on)
        reason = f"its images would lie on a file system ({kind}) that carries no overlay: no container starts"
        hint = "mount ext4, XFS, Btrfs or F2FS at /var/lib, also where the rest of a board comes from the network or is read-only"
        yield Finding(CheckName.DISK, name, Severity.FAILURE, reason, hint)


def firewalls(name: str, facts: HostFacts) -> Iterator[Finding]:
    """Yield a finding for a firewall of the system: its rules stand beside those of kube-proxy and the pod network."""
    if facts.firewalls:
        reason = f"runs {_names(facts.firewalls)}, which does not know of pods: what they send to each other may be dropped"
        hint = "`systemctl disable --now` it, or let it pass the ranges of pods and Services, and the nodes' ports"
        yield Finding(CheckName.NODES, name, Severity.WARNING, reason, hint)
    elif facts.drops:
        reason = (
            f"its packet filter drops what no rule lets through ({_names(facts.drops)}: policy drop, or a last rule that refuses "
            "all), and has no rules for nodes and pods"
        )
        hint = (
            "see `nft list ruleset`: /etc/nftables.conf of Arch has this for packets to forward, Docker sets it "
            "(`iptables -P FORWARD ACCEPT`), images of Oracle Cloud end with REJECT (/etc/iptables/rules.v4; k3s#977)"
        )
        yield Finding(CheckName.NODES, name, Severity.WARNING, reason, hint)


def addresses(name: str, facts: HostFacts) -> Iterator[Finding]:
    """Yield a finding for a DHCP client that takes pods' links for the host's own: routes go where nobody is (dhcpcd#531, #90)."""
    if facts.addresses_all:
        reason = "its dhcpcd asks for addresses on links of pods as well, and may lead the host's own packets there"
        hint = "`denyinterfaces veth* cni0 weave datapath vxlan-6784 cali* flannel*` in /etc/dhcpcd.conf; then restart it"
        yield Finding(CheckName.NODES, name, Severity.WARNING, reason, hint)


def other_networks(name: str, facts: HostFacts, own: str) -> Iterator[Finding]:
    """Yield a finding for what another cluster has left of its pod network: CRI-O takes the first file by name (k0s#823)."""
    before = tuple(path for path in facts.networks if path < own)
    if before and not facts.marked:
        reason = f"has {_names(before)} of another pod network, which CRI-O would take before the cluster's own: no pod would start"
        yield Finding(
            CheckName.NODES, name, Severity.FAILURE, reason, "`rm` it there, if nothing else needs it; kubeadm reset does not"
        )


def user_ids(name: str, facts: HostFacts, kubelet: Mapping[str, Any], minor: int) -> Iterator[Finding]:
    """Yield a finding where a kubelet would not start as it cannot tell the user ids of its pods (kubespray#12738, KEP-127)."""
    told = facts.kubelet_ids
    if not told or minor < _USER_NAMESPACES or (kubelet.get("featureGates") or {}).get("UserNamespacesSupport") is False:
        return
    first, _, count = told.partition(":")
    pods = kubelet.get("maxPods")
    wanted = (pods if isinstance(pods, int) else _PODS) * _IDS
    if told == "unanswered":
        reason = "does not tell whether there is a user `kubelet` (`getent passwd kubelet` fails): its kubelet would not start"
        hint = "see /etc/nsswitch.conf: what is named there for passwd (ldap, sss) does not answer"
    elif told == "missing":
        # Meant to be no error, and it is one (kubernetes#141345).
        reason = "has a user `kubelet` and no program getsubids, which tells that user's ids: its kubelet would not start"
        hint = "`userdel kubelet`, which no package here needs; or install it (Arch: shadow, Debian: uidmap)"
    elif not first.isdigit() or not count.isdigit():
        reason = "has a user `kubelet` without one range of ids, the same for users and groups: its kubelet would not start"
        hint = "one line `kubelet:65536:N` in /etc/subuid and in /etc/subgid, with N = 65536 x pods; or `userdel kubelet`"
    elif int(first) < _IDS or int(first) % _IDS or int(count) % _IDS or int(count) < wanted:
        reason = f"sets ids {first} to {int(first) + int(count) - 1} apart for pods, {wanted} from a multiple of {_IDS} are needed"
        hint = f"`kubelet:65536:{wanted}` in /etc/subuid and /etc/subgid; or `userdel kubelet`, which no package here needs"
    else:
        return
    yield Finding(CheckName.KUBELET, name, Severity.FAILURE, reason, hint)


def protected(name: str, facts: HostFacts, kubelet: Mapping[str, Any]) -> Iterator[Finding]:
    """Yield a finding for settings of the kernel with which a kubelet that protects them does not start."""
    if kubelet.get("protectKernelDefaults") is not True:
        return
    wrong = [
        f"{key} = {facts.kernel_settings[key]} (wanted: {value})"
        for key, value in PROTECTED.items()
        if facts.kernel_settings.get(key, value) != value
    ]
    if wrong:
        reason = f"its kubelet has protectKernelDefaults and would not start: {printable(', '.join(wrong))}"
        hint = "put them into a file in /etc/sysctl.d, `sysctl --system`; or protectKernelDefaults: false"
        yield Finding(CheckName.KUBELET, name, Severity.FAILURE, reason, hint)


def _share(threshold: object) -> float:
    """Return the part of a disk that an eviction threshold of the kubelet is, 0 for one in bytes."""
    text = str(threshold)
    try:
        # Thresholds in bytes are of the person's own choice, for their disk.
        return float(text.removesuffix("%")) / 100 if text.endswith("%") else 0.0
    except ValueError:
        return 0.0


def _names(names: tuple[str, ...]) -> str:
    return printable(", ".join(names))
