"""What of a host's operating system keeps a node from working."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from migrator.model.host import HostFacts
from migrator.model.verdict import Finding
from migrator.readiness import systems

Check = Callable[..., Iterator[Finding]]


@pytest.mark.parametrize(
    ("check", "facts", "found"),
    [
        (systems.disks, {}, []),
        (systems.disks, {"read_only": ("/var/lib",)}, ["cannot write to /var/lib"]),
        (systems.disks, {"inodes": 19_999}, ["19999 inodes"]),
        (systems.disks, {"inodes": 20_000}, []),
        (systems.disks, {"volatile": ("/etc", "/usr")}, ["written to /etc, /usr is in memory"]),
        (systems.foreign_files, {}, []),
        (
            systems.foreign_files,
            {"foreign_files": ("/etc/containers/policy.json:containers-common", "/opt/cni/bin/portmap:nobody", "/a:nobody")},
            ["/etc/containers/policy.json of the package containers-common", "/opt/cni/bin/portmap, /a of no package"],
        ),
        (systems.programs, {"no_programs": True}, ["mounted noexec"]),
        (systems.programs, {}, []),
        (systems.packages, {"pacman_lock": True}, ["db.lck"]),
        (systems.packages, {}, []),
        (systems.forwarding, {"forwarding_off": ("/etc/sysctl.d/99-hardening.conf",)}, ["99-hardening.conf"]),
        (systems.forwarding, {}, []),
        (systems.bridged, {"bridged_off": ("/etc/sysctl.d/bridge.conf",)}, ["hides packets between pods from kube-proxy"]),
        (systems.bridged, {"bridged_off": ("a\x1b[2J",)}, ["(a\\x1b[2J)"]),
        (systems.bridged, {}, []),
        (systems.images, {"images_on": "nfs"}, ["(nfs) that carries no overlay"]),
        (systems.images, {"images_on": "fuseblk"}, ["(fuseblk)"]),
        (systems.images, {"images_on": "xfs", "no_file_types": True}, ["ftype=0"]),
        (systems.images, {"images_on": "f2fs"}, []),
        (systems.images, {"images_on": ""}, []),
        (systems.images, {"images_on": "overlayfs"}, ["(overlayfs) that carries no overlay"]),
        (systems.images, {"images_on": "tmpfs"}, ["in memory (tmpfs)"]),
        (systems.firewalls, {"firewalls": ("firewalld",)}, ["runs firewalld"]),
        (systems.firewalls, {}, []),
        (systems.firewalls, {"drops": ("inet/filter",)}, ["drops what no rule lets through (inet/filter: policy drop,"]),
        (systems.addresses, {}, []),
        (systems.addresses, {"addresses_all": True}, ["dhcpcd asks for addresses on links of pods"]),
        (systems.firewalls, {"firewalls": ("ufw",), "drops": ("ip/filter",)}, ["runs ufw"]),
    ],
    ids=[
        *(
            "fine",
            "a card after an error",
            "no inodes",
            "just enough",
            "a card that is protected",
            "a new system",
            "podman, and a cluster of before",
            "hardened",
            "not hardened",
            "a lock",
            "no lock",
            "a later file",
            "no such file",
        ),
        *("a bridge that hides", "a name of controls", "no bridge"),
        *("root on NFS", "an NTFS disk", "an old XFS", "F2FS", "it does not tell"),
        *(
            "a protected card",
            "in memory",
            "a firewall",
            "none",
            "a table of one's own",
            "no dhcpcd",
            "a Raspberry Pi OS of before",
        ),
        "its cause is told",
    ],
)
def test_what_is_wrong_with_a_system_is_told_with_its_cure(check: Check, facts: dict[str, Any], found: list[str]) -> None:
    """One finding for one thing."""
    items = list(check("a", HostFacts(**facts)))
    assert [words in item.reason for item, words in zip(items, found, strict=True)] == [True] * len(found)
    assert all(item.hint for item in items)


@pytest.mark.parametrize(
    ("networks", "marked", "found"),
    [
        (("/etc/cni/net.d/10-calico.conflist",), False, ["10-calico.conflist of another pod network"]),
        (("/etc/cni/net.d/10-calico.conflist",), True, []),
        (("/etc/cni/net.d/10-weave.conflist", "/etc/cni/net.d/87-podman.conflist"), False, []),
        ((), False, []),
    ],
    ids=["of a cluster before", "of a person, later", "its own, and behind it", "none"],
)
def test_what_another_pod_network_has_left_is_found(networks: tuple[str, ...], marked: object, found: list[str]) -> None:
    """CRI-O takes the first file of the folder (k0s#823)."""
    items = list(systems.other_networks("a", HostFacts(networks=networks, marked=bool(marked)), "/etc/cni/net.d/10-weave.conflist"))
    assert [words in item.reason for item, words in zip(items, found, strict=True)] == [True] * len(found)


@pytest.mark.parametrize(
    ("servers", "resolved", "setting", "found"),
    [
        (("192.168.1.1",), False, "", []),
        (("127.0.0.1",), False, "", ["CoreDNS would ask itself"]),
        (("127.0.0.53",), True, "", []),
        (("127.0.0.53",), True, "/etc/resolv.conf", ["CoreDNS would ask itself"]),
        (("127.0.0.1", "192.168.1.1"), False, "", []),
        (("::1",), False, "", ["CoreDNS would ask itself"]),
        (("fe80::1%eth0",), False, "", ["of its own link (fe80::1%eth0)"]),
        (("fe80::1%eth0", "192.168.1.1"), False, "", []),
        (("192.168.1.1",), False, systems.RESOLVED, ["none would start"]),
        (("127.0.0.53",), True, systems.RESOLVED, []),
        (("127.0.0.1",), False, "/etc/kubernetes/resolv.conf", []),
        (("127.0.0.1",), None, systems.RESOLVED, []),
        ((), False, "", []),
    ],
)
def test_name_servers_that_pods_cannot_use_are_found(
    servers: tuple[str, ...], setting: str, found: list[str], *, resolved: bool | None
) -> None:
    """Dnsmasq or a Pi-hole on the node itself; a setting of nodes with systemd-resolved on one without."""
    kubelet = {"resolvConf": setting} if setting else {}
    items = list(systems.resolver("a", HostFacts(nameservers=servers, resolved=resolved), kubelet))
    assert [words in item.reason for item, words in zip(items, found, strict=True)] == [True] * len(found)


@pytest.mark.parametrize(
    ("free", "total", "kubelet", "found"),
    [
        (20_000, 30_000, {}, 0),
        (5_200, 30_000, {}, 1),
        (5_300, 30_000, {}, 0),
        (5_200, 30_000, {"evictionHard": {"nodefs.available": "5%", "imagefs.available": "5%"}}, 0),
        (5_200, 30_000, {"evictionHard": {"nodefs.available": "1Gi", "imagefs.available": "1Gi"}}, 0),
        (5_200, 30_000, {"evictionHard": {"nodefs.available": "x%"}}, 1),
        (700, 30_000, {}, 0),
        (5_200, 0, {}, 0),
    ],
    ids=[
        "room",
        "a full card",
        "just enough",
        "told to fill it",
        "in bytes",
        "a slip of the pen",
        "told by another check",
        "not told",
    ],
)
def test_images_that_make_a_kubelet_evict_are_found(free: int, total: int, kubelet: dict[str, Any], found: int) -> None:
    """With its usual limits, or those that it is told (kubelet: evictionHard)."""
    assert len(list(systems.evictions("a", HostFacts(disk=free, disk_total=total), kubelet))) == found


@pytest.mark.parametrize(
    ("kubelet", "settings", "found"),
    [
        (
            {"protectKernelDefaults": True},
            {"vm.overcommit_memory": "0", "kernel.panic": "10"},
            ["vm.overcommit_memory = 0 (wanted: 1)"],
        ),
        ({"protectKernelDefaults": True}, dict(systems.PROTECTED), []),
        ({"protectKernelDefaults": True}, {}, []),
        ({}, {"vm.overcommit_memory": "0"}, []),
    ],
)
def test_a_kubelet_that_protects_the_kernel_s_settings_wants_its_own(
    kubelet: dict[str, Any], settings: dict[str, str], found: list[str]
) -> None:
    """It ends with "invalid kernel flag"."""
    items = list(systems.protected("a", HostFacts(kernel_settings=settings), kubelet))
    assert [words in item.reason for item, words in zip(items, found, strict=True)] == [True] * len(found)


@pytest.mark.parametrize(
    ("told", "settings", "minor", "found"),
    [
        ("", {}, 37, []),
        ("65536:7208960", {}, 37, []),
        ("65536:7208960", {"maxPods": 250}, 37, ["16384000 from a multiple"]),
        ("100000:7208960", {}, 37, ["sets ids 100000 to"]),
        ("65536:65536", {}, 37, ["sets ids 65536 to 131071"]),
        ("unanswered", {}, 37, ["getent passwd kubelet"]),
        ("unanswered", {}, 32, []),
        ("unanswered", {"featureGates": {"UserNamespacesSupport": False}}, 37, []),
        ("unclear", {}, 37, ["without one range"]),
        ("missing", {}, 37, ["no program getsubids"]),
    ],
)
def test_a_kubelet_that_cannot_tell_the_ids_of_its_pods_does_not_start(
    told: str, settings: dict[str, Any], minor: int, found: list[str]
) -> None:
    """From 1.33 on it looks for them as it starts (kubespray#12738: LDAP did not answer)."""
    items = list(systems.user_ids("a", HostFacts(kubelet_ids=told), settings, minor))
    assert [words in item.reason for item, words in zip(items, found, strict=True)] == [True] * len(found)
