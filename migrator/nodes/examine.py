"""Examine a host before it is changed, and return all findings at once."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from migrator.errors import BlockedError, CommandFailedError, HostError
from migrator.model.address import is_address
from migrator.model.host import HostFacts
from migrator.model.verdict import Finding, Severity
from migrator.nodes.mark import MARK_FILE, refuse_foreign
from migrator.nodes.packages import FOREIGN_FILES, UNHELD_LOCK
from migrator.nodes.paths import CONFLIST, WEAVE_CONFLIST
from migrator.nodes.spec import ClusterSpec, NodeSpec
from migrator.nodes.system import SWAP_UNITS, SYSCTL_FILE
from migrator.ports import Host
from migrator.readiness import boards, proxy, systems, weave
from migrator.readiness import hosts as fit
from migrator.untrusted import for_shell, printable

# kubeadm's own least for a control plane (its NumCPU and Mem checks), and what a kubelet with CRI-O needs.
_MEMORY_MIB = {"control-plane": 1700, "worker": 700}
_ARCHITECTURES = frozenset({"aarch64", "armv7l", "x86_64"})
# kubernetes.io/docs/reference/networking/ports-and-protocols; the range of node ports is the person's.
_PORTS = {"control-plane": (6443, 2379, 2380, 10250, 10257, 10259), "worker": (10250,)}

_SCRIPT = r"""
echo architecture=$(uname -m)
echo hostname=$(cat /proc/sys/kernel/hostname)
echo machine_id=$(cat /etc/machine-id 2>/dev/null)
echo memory=$(awk '/^MemTotal/ {print int($2 / 1024)}' /proc/meminfo)
echo disk=$(df -Pm /var/lib | awk 'NR == 2 {print $4}')
test "$(stat -c %d /etc)" = "$(stat -c %d /var/lib)" || echo disk_etc=$(df -Pm /etc | awk 'NR == 2 {print $4}')
echo disk_total=$(df -Pm /var/lib | awk 'NR == 2 {print $2}')
echo inodes=$(df -Pi /var/lib 2>/dev/null | awk 'NR == 2 && $2 > 0 {print $4}')
echo read_only=$(for folder in /etc /usr /var/lib /var/cache /tmp; do test ! -e $folder -o -w $folder || echo $folder; done)
echo no_programs=$(findmnt -n -o OPTIONS -T /var/lib 2>/dev/null | tr ',' '\n' | grep -x noexec)
echo volatile=$(systemd-detect-virt -cq 2>/dev/null || for folder in /etc /usr /var/lib; do
  on=$(findmnt -n -o FSTYPE -T $folder 2>/dev/null)
  if test "$on" = overlay; then
    upper=$(findmnt -n -o OPTIONS -T $folder | tr ',' '\n' | sed -n 's/^upperdir=//p')
    on=$(stat -f -c %T "$upper" 2>/dev/null || grep -oE '\<(boot=overlay|overlayroot=tmpfs|systemd.volatile=[^n ]+)' /proc/cmdline)
  fi
  case "$on" in tmpfs | ramfs | rootfs | *=*) echo $folder ;; esac
done)
echo foreign_files=$(@FOREIGN_FILES@)
echo bits=$(getconf LONG_BIT 2>/dev/null)
echo pacman_lock=$(@UNHELD_LOCK@ && find /var/lib/pacman/db.lck -mmin +60)
echo nameservers=$(awk '$1 == "nameserver" {print $2}' /etc/resolv.conf 2>/dev/null)
echo resolved=$(if test -s @RESOLVED@; then echo yes; else echo no; fi)
after_ours() { for file in /etc/sysctl.d/*.conf /run/sysctl.d/*.conf /usr/lib/sysctl.d/*.conf; do
  test "$(printf '%s\n' @SYSCTL@ ${file##*/} | sort | head -n 1)" = @SYSCTL@ &&
  grep -lE "^[[:space:]]*-?net[./]$1[[:space:]]*=[[:space:]]*0" $file 2>/dev/null
done; }
echo forwarding_off=$(after_ours 'ipv4[./](ip_forward|conf[./]all[./]forwarding)')
echo bridged_off=$(after_ours 'bridge[./]bridge-nf-call-iptables')
echo kernel_settings=$(sysctl -e @PROTECTED@ 2>/dev/null | tr -d ' ' | tr '=' ':')
echo cgroup=$(test -e /sys/fs/cgroup/cgroup.controllers && echo 2 || echo 1)
echo pacman=$(command -v pacman)
echo systemd=$(test -d /run/systemd/system && echo yes)
echo overlay=$(grep -qw overlay /proc/filesystems || modprobe overlay 2>/dev/null; grep -cw overlay /proc/filesystems)
echo br_netfilter=$(modprobe br_netfilter 2>/dev/null; test -d /proc/sys/net/bridge && echo 1 || echo 0)
echo ports=$(ss -Hltn | awk '{sub(/.*:/, "", $4); print $4}' | sort -u | tr '\n' ' ')
echo modules_known=$(command -v modprobe >/dev/null && test -d /lib/modules/$(uname -r) && echo yes)
echo modules=$(for name in @MODULES@; do modprobe -nq $name 2>/dev/null || test -d /sys/module/$name && echo $name; done)
echo iptables=$(iptables -V 2>/dev/null | sed -n 's/.*(nf_tables).*/nft/p; s/.*(legacy).*/legacy/p')
echo legacy_tables=$(cat /proc/net/ip_tables_names 2>/dev/null)
echo addresses=$(ip -o addr show 2>/dev/null | awk '{sub("/.*", "", $4); print $4}' | sort -u)
echo routes=$(ip -4 -o route show 2>/dev/null | awk '$1 ~ /\// {for (i = 2; i < NF; i++) if ($i == "dev") print $1 "@" $(i + 1)}')
if test -e /sys/fs/cgroup/cgroup.controllers; then echo controllers=$(cat /sys/fs/cgroup/cgroup.controllers)
else echo controllers=$(awk '$4 == 1 {print $1}' /proc/cgroups 2>/dev/null); fi
echo kernel_arguments=$(tr ' ' '\n' < /proc/cmdline | grep -E '^(cgroup_|systemd.unified)' | tr '\n' ' ')
echo kernel_replaced=$(test ! -d /lib/modules/$(uname -r) && ls -d /lib/modules/*/kernel 2>/dev/null | head -n 1)
echo page_size=$(getconf PAGESIZE 2>/dev/null)
echo swaps=$(awk 'NR > 1 {print $1}' /proc/swaps 2>/dev/null)
echo swap_units=$(@SWAP_UNITS@)
echo rtc=$(systemd-detect-virt -cq 2>/dev/null || if test -e /dev/rtc0; then echo yes; else echo no; fi)
echo time_kept=$(timedatectl show -p NTPSynchronized --value 2>/dev/null)
echo waits_for_time=$(systemctl is-enabled -q systemd-time-wait-sync 2>/dev/null && echo yes)
echo kubelet_ids=$(command -v getent >/dev/null && { getent passwd kubelet >/dev/null 2>&1; case $? in
  2) ;;
  0) if ! command -v getsubids >/dev/null; then echo missing; else
    users=$(getsubids kubelet 2>&1) && test "$users" = "$(getsubids -g kubelet 2>&1)" &&
    test "$(echo "$users" | grep -c .)" = 1 && echo "$users" | awk '{print $3 ":" $4}' || echo unclear; fi ;;
  *) echo unanswered ;;
esac; })
graphroot=$(sed -n 's/^graphroot *= *"\(.*\)"/\1/p' /etc/containers/storage.conf 2>/dev/null)
test -e "${graphroot:=/var/lib/containers}" || graphroot=/var/lib
echo images_on=$(stat -f -c %T "$graphroot" 2>/dev/null)
echo no_file_types=$(xfs_info "$(df -P "$graphroot" | awk 'NR == 2 {print $6}')" 2>/dev/null | grep -o ftype=0)
echo firewalls=$(for unit in firewalld ufw; do systemctl is-active -q $unit 2>/dev/null && echo $unit; done)
echo addresses_all=$(systemctl is-active -q dhcpcd && ! grep -qsE '^ *(deny|allow)interfaces' /etc/dhcpcd.conf && echo yes)
echo drops=$({ nft list ruleset 2>/dev/null |
  awk '$1 == "table" {table = $2 "/" $3} $1 == "chain" {base = 0} /hook (input|forward) / {base = 1}
    base && (/policy drop/ || /^[ \t]*(counter (packets [0-9]+ bytes [0-9]+ )?)?(reject|drop)( |$)/) {print table}'
  iptables -S 2>/dev/null | awk '$2 ~ /^(INPUT|FORWARD)$/ && ($1 == "-P" && $3 == "DROP" ||
    $1 == "-A" && $3 == "-j" && $4 ~ /^(DROP|REJECT)$/) {print "ip/filter"}'; } | sort -u)
echo networks=$(find /etc/cni/net.d -maxdepth 1 '(' -name '*.conf' -o -name '*.conflist' -o -name '*.json' ')' 2>/dev/null | sort)
echo clock=$(date +%s.%N)
""".replace("@MODULES@", " ".join(dict.fromkeys((*weave.MODULES, *proxy.MODULES)))).replace("@SWAP_UNITS@", SWAP_UNITS)
_SCRIPT = (
    _SCRIPT.replace("@RESOLVED@", systems.RESOLVED)
    .replace("@UNHELD_LOCK@", UNHELD_LOCK)
    .replace("@FOREIGN_FILES@", FOREIGN_FILES)
    .replace("@SYSCTL@", SYSCTL_FILE.rpartition("/")[2])
    .replace("@PROTECTED@", " ".join(systems.PROTECTED))
)
_MARKED = f"echo mark=$(test -e {MARK_FILE} && echo yes)"


_BOOT_FIRST = "reboot it: its kernel was replaced, and the modules of the running one are gone"
# Files of the pod networks that are raised here; CRI-O takes the first one of the folder by its name (libcni).
_OWN_NETWORKS = {"weave": WEAVE_CONFLIST, "bridge": CONFLIST}
# Names these findings.
_CHECK = "host"


class _Told:
    """What the script has printed, a line for each name."""

    def __init__(self, output: str) -> None:
        self._values = {key: value.strip() for key, value in (line.split("=", 1) for line in output.splitlines() if "=" in line)}

    def text(self, name: str) -> str:
        """Return all that stands there; empty for a name that was not printed."""
        return self._values.get(name, "")

    def printed(self, name: str) -> bool:
        """Return whether there is such a line, with nothing in it or not."""
        return name in self._values

    def any(self, name: str) -> bool:
        """Return whether anything stands there."""
        return bool(self.text(name))

    def number(self, name: str) -> int:
        """Return a number; 0 for what is none."""
        return int(self.text(name)) if self.text(name).isdigit() else 0

    def words(self, name: str) -> tuple[str, ...]:
        """Return the words."""
        return tuple(self.text(name).split())

    def known(self, name: str) -> bool | None:
        """Return what yes or no means; None for anything else."""
        return {"yes": True, "no": False}.get(self.text(name))


def read_facts(host: Host) -> HostFacts:
    """Look at a host; nothing is changed but the loaded kernel modules."""
    before = host.clock.now()
    output = host.run(f"{_MARKED}{_SCRIPT}")
    middle = (before + host.clock.now()) / 2
    told = _Told(output)
    clock = _seconds(told.text("clock"))
    return HostFacts(
        architecture=told.text("architecture"),
        hostname=told.text("hostname"),
        machine_id=told.text("machine_id"),
        addresses=frozenset(told.words("addresses")),
        memory=told.number("memory"),
        disk=told.number("disk"),
        disk_etc=told.number("disk_etc") if told.printed("disk_etc") else None,
        disk_total=told.number("disk_total"),
        inodes=told.number("inodes") if told.any("inodes") else None,
        read_only=told.words("read_only"),
        no_programs=told.any("no_programs"),
        volatile=told.words("volatile"),
        foreign_files=told.words("foreign_files"),
        bits=told.number("bits"),
        pacman_lock=told.any("pacman_lock"),
        nameservers=told.words("nameservers"),
        resolved=told.known("resolved"),
        forwarding_off=told.words("forwarding_off"),
        bridged_off=told.words("bridged_off"),
        kernel_settings=dict(pair.split(":", 1) for pair in told.words("kernel_settings") if ":" in pair),
        cgroup=told.number("cgroup"),
        pacman=told.any("pacman"),
        systemd=told.any("systemd"),
        overlay=told.number("overlay") > 0,
        br_netfilter=told.number("br_netfilter") > 0,
        modules=frozenset(told.words("modules")),
        modules_known=told.any("modules_known"),
        iptables=told.text("iptables"),
        legacy_tables=frozenset(told.words("legacy_tables")),
        routes=told.words("routes"),
        ports=frozenset(int(port) for port in told.words("ports") if port.isdigit()),
        marked=told.any("mark"),
        controllers=frozenset(told.words("controllers")),
        kernel_arguments=told.words("kernel_arguments"),
        kernel_replaced=told.any("kernel_replaced"),
        page_size=told.number("page_size"),
        kubelet_ids=told.text("kubelet_ids"),
        images_on=told.text("images_on"),
        no_file_types=told.any("no_file_types"),
        firewalls=told.words("firewalls"),
        swaps=told.words("swaps"),
        swap_units=told.words("swap_units"),
        drops=told.words("drops"),
        addresses_all=told.any("addresses_all"),
        networks=told.words("networks"),
        time=clock or 0.0,
        has_rtc=told.known("rtc"),
        time_kept=told.known("time_kept"),
        waits_for_time=told.any("waits_for_time"),
        skew=(clock or middle) - middle,
    )


def _seconds(told: str) -> float:
    """Return what `date` tells, 0 where it tells nothing; that of busybox knows no parts of a second and leaves `%N` as it is."""
    found = re.match(r"\d+(\.\d+)?", told)
    return float(found[0]) if found else 0.0


def examine(host: Host, node: NodeSpec, cluster: ClusterSpec) -> tuple[list[Finding], HostFacts | None]:
    """Return everything that is wrong with one host; a host that is not reachable is a finding, too."""
    try:
        facts = read_facts(host)
        foreign = _foreign(host, cluster)
        unreachable = _cannot_reach(host, node, cluster)
    except (HostError, CommandFailedError) as error:
        return [_failure(node.name, error.message.removeprefix(f"{node.name} "), error.hint or "check the host")], None
    return [*foreign, *judge(facts, node, cluster), *unreachable], facts


def judge(facts: HostFacts, node: NodeSpec, cluster: ClusterSpec) -> Iterator[Finding]:
    """Yield what makes a host unfit for its role."""
    found: list[tuple[bool, str, str]] = [
        (
            facts.architecture not in _ARCHITECTURES,
            f"architecture {facts.architecture} is none we have packages for",
            f"use one of {', '.join(sorted(_ARCHITECTURES))}",
        ),
        (not facts.pacman, "has no pacman", "use Arch Linux or Arch Linux ARM"),
        (not facts.systemd, "does not run systemd", "use Arch Linux or Arch Linux ARM"),
        (
            facts.memory < _MEMORY_MIB[node.role],
            f"has {facts.memory} MiB of memory, a {node.role} needs {_MEMORY_MIB[node.role]}",
            "use a larger machine",
        ),
        (
            not facts.overlay,
            "its kernel has no overlay file system",
            _BOOT_FIRST if facts.kernel_replaced else "use a kernel with CONFIG_OVERLAY_FS",
        ),
        (
            not facts.br_netfilter and cluster.cni == "weave",
            "its kernel has no br_netfilter",
            _BOOT_FIRST if facts.kernel_replaced else "use a kernel with CONFIG_BRIDGE_NETFILTER",
        ),
    ]
    taken = [] if facts.marked else [port for port in _PORTS[node.role] if port in facts.ports]
    found.append((bool(taken), f"something listens on port {', '.join(map(str, taken))} already", "`ss -ltnp` names it; stop it"))
    yield from (_failure(node.name, reason, hint) for unfit, reason, hint in found if unfit)
    minor = int(cluster.kubernetes_version.split(".")[1])
    yield from fit.disk(node.name, facts, fit.NEW_NODE_MIB)
    yield from systems.disks(node.name, facts)
    yield from systems.packages(node.name, facts)
    yield from systems.foreign_files(node.name, facts)
    yield from systems.resolver(node.name, facts, cluster.kubelet)
    yield from systems.forwarding(node.name, facts)
    yield from systems.images(node.name, facts)
    yield from systems.firewalls(node.name, facts)
    yield from systems.addresses(node.name, facts)
    if cluster.cni in _OWN_NETWORKS:
        yield from systems.other_networks(node.name, facts, _OWN_NETWORKS[cluster.cni])
    yield from systems.user_ids(node.name, facts, cluster.kubelet, minor)
    yield from systems.protected(node.name, facts, cluster.kubelet)
    yield from boards.word_size(node.name, facts)
    yield from fit.cgroup(node.name, facts, minor, accepted=cluster.kubelet.get("failCgroupV1") is False)
    yield from fit.clock(node.name, facts)
    yield from boards.controllers(node.name, facts)
    yield from boards.pages(node.name, facts)
    yield from boards.clock_at_boot(node.name, facts)
    yield from boards.architecture(node.name, facts, minor, cluster.image_repository)
    yield from fit.ranges(node.name, facts, cluster.pod_subnet, cluster.service_subnet, strict=cluster.cni == "weave")
    yield from proxy.fit_for_proxy(node.name, facts, str(cluster.kube_proxy.get("mode") or "iptables"))
    if cluster.cni in _OWN_NETWORKS:
        yield from systems.bridged(node.name, facts)
    if cluster.cni == "weave":
        yield from weave.fit_for_weave(node.name, facts)


def twins(facts: Mapping[str, HostFacts]) -> list[Finding]:
    """Return hosts that share a machine-id or a name, as copies of one disk do."""
    ids = {name: item.machine_id for name, item in facts.items()}
    names = {name: item.hostname for name, item in facts.items()}
    return [
        *_shared("machine-id", ids, "rm /etc/machine-id && systemd-machine-id-setup, then boot"),
        *_shared("hostname", names, "hostnamectl set-hostname NAME"),
    ]


def require(findings: Iterable[Finding]) -> None:
    """Raise BlockedError with every failure, one a line."""
    lines = [printable(f"{item.subject}: {item.reason}; {item.hint}") for item in findings if item.severity is Severity.FAILURE]
    if lines:
        raise BlockedError("\n".join(lines), hint="nothing was changed")


def _shared(what: str, values: Mapping[str, str], hint: str) -> Iterator[Finding]:
    seen: dict[str, str] = {}
    for name, value in values.items():
        if value and value in seen:
            yield _failure(name, f"has the same {what} as {seen[value]}", hint)
        seen.setdefault(value, name)


def _failure(name: str, reason: str, hint: str) -> Finding:
    return Finding(_CHECK, name, Severity.FAILURE, reason, hint)


def _foreign(host: Host, cluster: ClusterSpec) -> list[Finding]:
    try:
        refuse_foreign(host, cluster)
    except BlockedError as error:
        return [_failure(host.name, error.message.removeprefix(f"{host.name} "), error.hint)]
    return []


def _cannot_reach(host: Host, node: NodeSpec, cluster: ClusterSpec) -> list[Finding]:
    """Return whether a host's packets get to the API server's address at all; a port that refuses is fine here."""
    address = cluster.endpoint.rpartition(":")[0]
    if not is_address(address):
        # `ip route get` takes addresses only; kubeadm's kubeconfigs name the endpoint on the first control plane, too.
        found = host.run(f"getent ahostsv4 {for_shell(address)} 2>/dev/null | awk 'NR == 1 {{print $1}}'").strip()
        if not is_address(found):
            hint = "a record in the DNS that it asks, or a line in its /etc/hosts"
            return [_failure(node.name, f"does not know {printable(address)}, the name of the API server's endpoint", hint)]
        address = found
    if node.first or host.ok(f"ip route get {for_shell(address)} >/dev/null 2>&1"):
        return []
    return [_failure(node.name, f"has no route to the API server at {address}", "check the network between the nodes")]
