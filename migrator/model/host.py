"""What one look at a host tells."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(slots=True, frozen=True)
class HostFacts:
    """A host's resources and programs; sizes in MiB, 0 where the host does not tell."""

    architecture: str = ""
    hostname: str = ""
    machine_id: str = ""
    addresses: frozenset[str] = frozenset()
    """Of its links; empty where it does not tell."""
    memory: int = 0
    disk: int = 0
    """Free below /var/lib."""
    disk_etc: int | None = None
    """Free below /etc, where that is another file system than /var/lib."""
    disk_total: int = 0
    """Size of the file system of /var/lib."""
    inodes: int | None = None
    """Free below /var/lib; None where the file system does not count them."""
    read_only: tuple[str, ...] = ()
    """Folders that a node must write to and that are on a file system that takes nothing."""
    no_programs: bool = False
    """Whether no program may be started from /var/lib."""
    volatile: tuple[str, ...] = ()
    """Folders of a node whose changes are in memory, and so gone after a boot."""
    foreign_files: tuple[str, ...] = ()
    """Files that packages of a node bring and that are there by another one, each as `PATH:PACKAGE`, or `PATH:nobody`."""
    etcd: int = 0
    """Size of etcd's data."""
    cgroup: int = 0
    """Version of cgroups: 1 or 2."""
    pacman: bool = False
    systemd: bool = False
    overlay: bool = False
    """Whether the kernel has the overlay file system."""
    br_netfilter: bool = False
    modules: frozenset[str] = frozenset()
    """Those of the kernel modules that were asked for which are loaded, built in, or can be loaded."""
    modules_known: bool = False
    """Whether the host has what tells of modules: modprobe, and the folder of the running kernel."""
    iptables: str = ""
    """Back end of iptables: nft or legacy; empty where it is not installed."""
    legacy_tables: frozenset[str] = frozenset()
    """Tables of iptables-legacy that exist."""
    routes: tuple[str, ...] = ()
    """Networks that it has a route to, as `NETWORK@DEVICE`; default routes left out."""
    ports: frozenset[int] = frozenset()
    """TCP ports that something listens on."""
    marked: bool = False
    """Whether this tool has begun to make a node of it."""
    skew: float = 0.0
    """Seconds that its clock differs from this machine's."""
    controllers: frozenset[str] = frozenset()
    """Controllers of cgroups that the kernel has turned on; empty where it does not tell."""
    kernel_arguments: tuple[str, ...] = ()
    """Words of the kernel's command line about cgroups."""
    kernel_replaced: bool = False
    """Whether the modules of the running kernel are gone, while there are some of another one."""
    bits: int = 0
    """Word size of its programs: 32 or 64."""
    pacman_lock: bool = False
    """Whether there is an old lock of pacman's that nobody holds."""
    nameservers: tuple[str, ...] = ()
    """Those of /etc/resolv.conf."""
    resolved: bool | None = None
    """Whether systemd-resolved has written down the name servers that it asks; None where it does not tell."""
    forwarding_off: tuple[str, ...] = ()
    """Files that forbid the kernel to forward packets at boot, after ours have allowed it."""
    bridged_off: tuple[str, ...] = ()
    """Files that keep packets on bridges from the packet filter at boot, after ours have let them."""
    kernel_settings: Mapping[str, str] = field(default_factory=dict)
    """Settings of the kernel that a kubelet may look at."""
    kubelet_ids: str = ""
    """The user ids of pods that are set apart for user `kubelet`, as `FIRST:COUNT`, or why they cannot be told: `unanswered`
    where nobody says whether there is such a user, `missing` where there is no getsubids to tell its ids, `unclear` where these are
    not one range; empty where there is no such user."""
    images_on: str = ""
    """Type of the file system of CRI-O's images, as stat(1) calls it."""
    no_file_types: bool = False
    """Whether that is an XFS made without the types of files in folders (ftype=0)."""
    firewalls: tuple[str, ...] = ()
    """Services that run and make rules of their own for packets."""
    drops: tuple[str, ...] = ()
    """Tables of the packet filter, as `FAMILY/NAME`, that drop packets to the host or through it unless a rule lets them pass."""
    addresses_all: bool = False
    """Whether its DHCP client asks for addresses on whatever links there are."""
    networks: tuple[str, ...] = ()
    """Files of pod networks in CRI-O's folder."""
    page_size: int = 0
    """Bytes of a memory page."""
    swaps: tuple[str, ...] = ()
    """What it swaps to now."""
    swap_units: tuple[str, ...] = ()
    """Units that turn swap on at boot."""
    time: float = 0.0
    """Seconds since 1970 by its own clock."""
    has_rtc: bool | None = None
    """Whether it has a clock that goes on without power; None where it does not tell, as in a container."""
    time_kept: bool | None = None
    """Whether its kernel says that something keeps its clock at the network's time; None where it does not tell."""
    waits_for_time: bool = False
    """Whether its boot waits until the network has told the time."""
