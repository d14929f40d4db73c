"""What makes a host unfit to become a node, and how it is told."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from migrator.errors import BlockedError, HostError
from migrator.model.host import HostFacts
from migrator.model.verdict import Finding, Severity
from migrator.nodes.examine import _SCRIPT, examine, judge, read_facts, require, twins
from migrator.nodes.mark import MARK_FILE
from migrator.readiness import proxy, weave
from tests.support.hosts import FakeHost
from tests.support.nodes import FIRST, WORKER, spec
from tests.support.shell_host import ShellHost

ANSWER = """\
architecture=aarch64
hostname=a
machine_id=1
memory=4000
disk=20000
cgroup=2
pacman=/usr/bin/pacman
systemd=yes
overlay=1
br_netfilter=1
ports=22 x 5353
modules_known=yes
modules={modules}
iptables=nft
legacy_tables=
routes=192.168.1.0/24@eth0
mark=
clock=1800000000.0
""".format(modules=" ".join((*weave.MODULES, *proxy.MODULES)))
GOOD_BOARD = HostFacts(
    architecture="aarch64", hostname="a", machine_id="1", memory=4000, disk=20000, cgroup=2,
    pacman=True, systemd=True, overlay=True, br_netfilter=True, ports=frozenset({22}),
    modules=frozenset({*weave.MODULES, *proxy.MODULES}), modules_known=True, iptables="nft", routes=("192.168.1.0/24@eth0",),
)  # fmt: skip


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"architecture": "riscv64"}, "none we have packages for"),
        ({"modules": GOOD_BOARD.modules - {"nf_conntrack"}}, "which kube-proxy needs (mode iptables)"),
        ({"memory": 900}, "MiB of memory"),
        ({"disk": 100}, "free below /var/lib"),
        ({"cgroup": 1}, "cgroup v1"),
        ({"ports": frozenset({22, 6443, 10250})}, "port 6443, 10250"),
        ({"pacman": False}, "no pacman"),
        ({"systemd": False}, "systemd"),
        ({"overlay": False}, "overlay"),
        ({"br_netfilter": False}, "br_netfilter"),
        ({"bits": 32}, "its system 32-bit"),
        ({"read_only": ("/usr",)}, "cannot write to /usr"),
        ({"inodes": 100}, "100 inodes free"),
        ({"pacman_lock": True}, "db.lck"),
        ({"nameservers": ("127.0.0.1",)}, "CoreDNS would ask itself"),
        ({"forwarding_off": ("/etc/sysctl.d/99-x.conf",)}, "stops forwarding"),
    ],
)
def test_each_preflight_row_has_a_finding_with_its_cure(change: dict[str, Any], words: str) -> None:
    """A good board has none."""
    assert list(judge(GOOD_BOARD, FIRST, spec())) == []
    (found,) = judge(replace(GOOD_BOARD, **change), FIRST, spec())
    assert words in found.reason
    assert found.hint


def test_what_only_one_pod_network_needs_is_asked_for_that_one_alone() -> None:
    """Weave Net needs modules, and does not start beside a wider route; a network of plain bridges does."""
    poor = replace(GOOD_BOARD, modules=frozenset({*proxy.MODULES, "ip_tables"}), routes=("10.0.0.0/8@wg0",))
    assert [item.reason.partition(",")[0] for item in judge(poor, FIRST, spec())] == [
        "has a route to 10.0.0.0/8 by wg0",
        "its kernel has no bridge",
    ]
    assert list(judge(poor, FIRST, spec(cni="bridge"))) == []


def test_the_script_reads_a_real_machine() -> None:
    """What it asks is understood by a real shell: modules that are there, routes with their device."""
    found = subprocess.run(["sh", "-c", _SCRIPT], capture_output=True, text=True, check=True).stdout
    values = dict(line.split("=", 1) for line in found.splitlines())
    assert {"modules_known", "modules", "iptables", "legacy_tables", "routes"} <= set(values)
    assert set(values["modules"].split()) <= {*weave.MODULES, *proxy.MODULES}
    assert values["iptables"] in ("nft", "legacy", "")
    assert all("/" in route and "@" in route for route in values["routes"].split())


def test_files_of_a_host_are_judged_as_its_boot_does(tmp_path: Path) -> None:
    """By a real shell: settings that come after ours, an old lock, name servers."""
    host = ShellHost(tmp_path)
    files = {
        "etc/sysctl.d/10-early.conf": "net.ipv4.ip_forward = 0\n",
        "etc/sysctl.d/99-hardening.conf": "# x\n net.ipv4.ip_forward=0\n",
        "etc/sysctl.d/70-libvirt.conf": "net.bridge.bridge-nf-call-ip6tables = 0\nnet/bridge/bridge-nf-call-iptables=0\n",
        "etc/sysctl.d/99-other.conf": "net.bridge.bridge-nf-call-iptables = 1\nnet.ipv4.ip_forward=1\n#net.ipv4.ip_forward=0\n",
        "etc/resolv.conf": "# by hand\nnameserver 127.0.0.1\nnameserver ::1\n",
        "run/systemd/resolve/resolv.conf": "nameserver 192.0.2.1\n",
        "var/lib/pacman/db.lck": "",
    }
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(content)
    seen = read_facts(host)
    assert seen.forwarding_off == (str(tmp_path / "etc/sysctl.d/99-hardening.conf"),)
    assert seen.bridged_off == (str(tmp_path / "etc/sysctl.d/70-libvirt.conf"),)
    assert (seen.nameservers, seen.resolved, seen.pacman_lock) == (("127.0.0.1", "::1"), True, False)
    os.utime(tmp_path / "var/lib/pacman/db.lck", (1, 1))
    assert read_facts(host).pacman_lock
    with (tmp_path / "var/lib/pacman/db.lck").open():  # whoever has it keeps it open, packagekitd as well as pacman
        assert not read_facts(host).pacman_lock
    assert (seen.bits, seen.read_only, "127.0.0.1" in seen.addresses) == (64, (), True)


def test_packets_on_bridges_matter_to_networks_with_bridges() -> None:
    """Another pod network may want them hidden (k3s#14022)."""
    board = replace(GOOD_BOARD, bridged_off=("/etc/sysctl.d/99-libvirt.conf",))
    told = {cni: [item.reason for item in judge(board, FIRST, replace(spec(), cni=cni))] for cni in ("bridge", "weave", "manifest")}
    assert [len(found) for found in told.values()] == [1, 1, 0]
    assert "99-libvirt.conf" in told["weave"][0]


def test_a_clock_that_is_off_is_found() -> None:
    """Certificates and leases would fail."""
    (found,) = judge(replace(GOOD_BOARD, skew=-90.0), FIRST, spec())
    assert "-90 s off" in found.reason


def test_copied_disks_are_found() -> None:
    """Two hosts with one machine-id, or one name."""
    found = twins({"a": GOOD_BOARD, "b": replace(GOOD_BOARD, hostname="b"), "c": replace(GOOD_BOARD, machine_id="3")})
    assert [(item.subject, item.reason) for item in found] == [
        ("b", "has the same machine-id as a"),
        ("c", "has the same hostname as a"),
    ]


def board() -> FakeHost:
    """Return a host that is fit and belongs to nobody."""
    host = FakeHost("green-2", accepts=[f"cat {MARK_FILE}", "ip route get"])
    host.answers["uname -m"] = ANSWER
    host.fails("test -e /etc/kubernetes/kubelet.conf")
    return host


def test_what_a_host_prints_is_read_into_typed_facts() -> None:
    """Each line of the script is a field; a port that is not a number is left out."""
    assert read_facts(board()) == replace(GOOD_BOARD, ports=frozenset({22, 5353}), time=1_800_000_000.0)
    host = board()
    host.answers["uname -m"] = (
        ANSWER + "controllers=cpu io pids\nkernel_arguments=cgroup_disable=memory\nkernel_replaced=/lib/modules/7/kernel\n"
        "page_size=16384\nswaps=/dev/zram0\nswap_units=dev-zram0.swap\nrtc=no\ntime_kept=no\nwaits_for_time=yes\ndisk_etc=7\n"
    )
    seen = read_facts(host)
    assert (seen.controllers, seen.kernel_arguments) == (frozenset({"cpu", "io", "pids"}), ("cgroup_disable=memory",))
    assert (seen.page_size, seen.swaps, seen.swap_units, seen.disk_etc) == (16384, ("/dev/zram0",), ("dev-zram0.swap",), 7)
    assert (seen.has_rtc, seen.time_kept, seen.waits_for_time, seen.kernel_replaced) == (False, False, True, True)


def test_a_board_is_judged_before_it_becomes_a_node() -> None:
    """Controllers that are off, pages that are large, a clock without a battery; a kernel that was replaced wants a boot."""
    board_facts = replace(GOOD_BOARD, controllers=frozenset({"cpu", "cpuset", "pids"}), page_size=65536, has_rtc=False)
    checks = [item.check for item in judge(board_facts, WORKER, spec())]
    assert {"cgroup", "board", "clock"} <= set(checks)
    (found,) = judge(replace(GOOD_BOARD, overlay=False, kernel_replaced=True), WORKER, spec())
    assert "boot it" in found.hint


def test_what_a_host_does_not_tell_is_unfit() -> None:
    """A line that is missing counts as the worst value, never as a good one."""
    host = board()
    host.answers["uname -m"] = "hostname=a\n"
    reasons = " ; ".join(item.reason for item in judge(read_facts(host), WORKER, spec()))
    assert all(words in reasons for words in ("architecture", "0 MiB of memory", "pacman", "systemd", "overlay"))


def test_a_host_that_is_away_is_a_finding_and_no_crash() -> None:
    """All hosts are examined before anything is told."""
    host = board()
    host.answers["uname -m"] = HostError("green-2 cannot be reached: timeout", hint="is it on?")
    assert examine(host, WORKER, spec()) == (
        [Finding("host", "green-2", Severity.FAILURE, "cannot be reached: timeout", "is it on?")],
        None,
    )


def test_a_host_of_another_cluster_and_one_without_a_route_are_found_together() -> None:
    """Everything that is wrong is told at once."""
    host = board()
    del host.answers["test -e /etc/kubernetes/kubelet.conf"]
    host.accepts("test -e /etc/kubernetes/kubelet.conf")
    host.fails("ip route get")
    found, facts = examine(host, WORKER, spec())
    assert [item.reason.partition(" (")[0] for item in found] == [
        "is part of a cluster that was not made here",
        "has no route to the API server at 10.0.0.1",
    ]
    assert facts is not None


def test_the_address_of_a_stack_s_endpoint_is_one_word_of_the_shell() -> None:
    """The route is asked for by root."""
    host = board()
    host.accepts("getent ahostsv4")
    examine(host, WORKER, spec(endpoint="$(reboot):6443"))
    assert shlex.split(host.commands[-1])[:3] == ["getent", "ahostsv4", "$(reboot)"]
    assert "'$(reboot)'" in host.commands[-1]


def test_the_name_of_an_endpoint_is_asked_for_before_the_way_to_it() -> None:
    """On each host: the first control plane's own kubeconfigs have the name, too; `ip route get` takes no names."""
    host = board()
    host.answers["getent ahostsv4 api.example"] = "10.0.0.100\n"
    assert examine(host, WORKER, spec(endpoint="api.example:6443"))[0] == []
    assert "ip route get 10.0.0.100 " in host.commands[-1]
    host.answers["getent ahostsv4 api.example"] = ""
    for node in (FIRST, WORKER):
        (found,) = examine(host, node, spec(endpoint="api.example:6443"))[0]
        assert "does not know api.example" in found.reason


def test_a_date_without_parts_of_a_second_is_a_time() -> None:
    """Busybox leaves `%N` as it is; such a host is told what it lacks, in lines."""
    host = board()
    host.answers["uname -m"] = ANSWER.replace("clock=1800000000.0", "clock=1800000000.%N")
    assert read_facts(host).time == 1800000000.0


@pytest.mark.parametrize(("options", "found"), [("rw,nosuid,noexec,relatime", True), ("rw,relatime", False)])
def test_a_file_system_that_starts_no_program_is_read(tmp_path: Path, options: str, *, found: bool) -> None:
    """Hardened systems mount /var so (k3s#6474)."""
    host = ShellHost(tmp_path)
    host.program("findmnt", f"#!/bin/sh\necho {options}\n")
    assert read_facts(host).no_programs is found


def test_tables_that_drop_packets_and_files_of_pod_networks_are_read(tmp_path: Path) -> None:
    """Of all tables of nftables, and of iptables-legacy beside them."""
    host = ShellHost(tmp_path)
    chains = r"table ip nat {\n\tchain OUTPUT {\n\t\ttype nat hook output priority -100; policy accept;\n\t}\n}\n"
    chains += r"table inet filter {\n\tchain forward {\n\t\ttype filter hook forward priority filter; policy drop;\n\t}\n}\n"
    host.program("nft", f"#!/bin/sh\nprintf '{chains}'\n")
    host.program("iptables", "#!/bin/sh\ntest \"$1\" = -S && printf '%s\\n' '-P INPUT ACCEPT' '-P FORWARD DROP' '-N DOCKER'\n")
    host.write("/etc/cni/net.d/10-flannel.conflist", b"{}")
    seen = read_facts(host)
    assert seen.drops == ("inet/filter", "ip/filter")
    assert [path.rpartition("/")[2] for path in seen.networks] == ["10-flannel.conflist"]


def test_rules_that_refuse_all_at_the_end_of_a_chain_are_read(tmp_path: Path) -> None:
    """Images of Oracle Cloud have them behind a policy of accept (k3s#977, microk8s#1692); one for a link of its own is none."""
    host = ShellHost(tmp_path)
    chains = r"table inet own {\n\tchain forward {\n\t\ttype filter hook forward priority filter; policy accept;\n"
    chains += r"\t\toifname weave drop\n\t\tcounter packets 1 bytes 60 reject with icmpx admin-prohibited\n\t}\n}\n"
    chains += r"table ip kube {\n\tchain input {\n\t\ttype filter hook input priority filter; policy accept;\n\t\tjump a\n\t}\n"
    chains += r"\tchain a {\n\t\tdrop\n\t}\n}\n"
    host.program("nft", f"#!/bin/sh\nprintf '{chains}'\n")
    host.program("iptables", "#!/bin/sh\ncat $HOST/rules\n")
    rules = tmp_path / "rules"
    rules.write_text("-P FORWARD ACCEPT\n-A FORWARD -o weave -j DROP\n-A FORWARD -j KUBE-FORWARD\n-A KUBE-FIREWALL -j DROP\n")
    assert read_facts(host).drops == ("inet/own",)
    rules.write_text("-P INPUT ACCEPT\n-A INPUT -j REJECT --reject-with icmp-host-prohibited\n")
    assert read_facts(host).drops == ("inet/own", "ip/filter")


@pytest.mark.parametrize(
    ("mounted", "upper", "found"),
    [
        ("ext4 rw,relatime", "", ()),
        ("tmpfs rw", "", ("/etc", "/usr", "/var/lib")),
        ("overlay rw,lowerdir=/media/root-ro,upperdir=/dev/shm,workdir=/w", "tmpfs", ("/etc", "/usr", "/var/lib")),
        ("overlay rw,lowerdir=/l,upperdir=/proc,workdir=/w", "ext2/ext3", ()),
    ],
    ids=["a disk", "in memory", "a protected card", "an overlay on a disk"],
)
def test_folders_whose_changes_a_boot_takes_are_read(tmp_path: Path, mounted: str, upper: str, found: tuple[str, ...]) -> None:
    """An overlay is as lasting as what its changes are on (raspi-config, overlayroot)."""
    host = ShellHost(tmp_path)
    host.program("systemd-detect-virt", "#!/bin/sh\nexit 1\n")
    kind, options = mounted.split()
    host.program("findmnt", f'#!/bin/sh\ncase "$*" in *OPTIONS*) echo {options} ;; *) echo {kind} ;; esac\n')
    host.program("stat", f"#!/bin/sh\necho {upper}\n")
    assert [f"/{path.removeprefix(f'{tmp_path}/')}".replace("//", "/") for path in read_facts(host).volatile] == list(found)
    host.program("systemd-detect-virt", "#!/bin/sh\nexit 0\n")
    assert read_facts(host).volatile == ()  # the overlay of a container is its engine's


def test_files_of_a_node_s_packages_that_are_somebody_else_s_are_read(tmp_path: Path) -> None:
    """Podman brings containers-common; a cluster of before has left its plugins."""
    host = ShellHost(tmp_path)
    host.program(
        "pacman",
        '#!/bin/sh\ncase "$2" in */policy.json) echo containers-common ;; */crictl.yaml) echo crictl ;; *) exit 1 ;; esac\n',
    )
    for path in ("/etc/containers/policy.json", "/etc/crictl.yaml", "/opt/cni/bin/portmap"):
        host.write(path, b"")
    told = [item.removeprefix(str(tmp_path)) for item in read_facts(host).foreign_files]
    assert [item for item in told if not item.startswith("/usr")] == [
        "/etc/containers/policy.json:containers-common",
        "/opt/cni/bin/portmap:nobody",
    ]


@pytest.mark.parametrize(
    ("runs", "settings", "found"),
    [
        (True, "hostname\n#denyinterfaces veth*\n", True),
        (True, "denyinterfaces veth*\n", False),
        (True, "allowinterfaces eth0\n", False),
        (False, "", False),
    ],
)
def test_a_dhcp_client_of_all_links_is_seen(tmp_path: Path, settings: str, *, runs: bool, found: bool) -> None:
    """Raspberry Pi OS had one; links of pods are among all (dhcpcd#531)."""
    host = ShellHost(tmp_path)
    if runs:
        (tmp_path / "units/dhcpcd").touch()
    host.write("/etc/dhcpcd.conf", settings.encode())
    assert read_facts(host).addresses_all is found


def test_only_failures_stop_and_each_is_a_line() -> None:
    """A warning is no reason to refuse; text of a host cannot act on the terminal."""
    warning = Finding("host", "a", Severity.WARNING, "is slow", "wait")
    require([warning])
    with pytest.raises(BlockedError, match=r"^b: is \\x1b\[31mred; paint it$"):
        require([warning, Finding("host", "b", Severity.FAILURE, "is \x1b[31mred", "paint it")])


@pytest.mark.parametrize(
    ("getent", "getsubids", "told"),
    [
        ("exit 2", "exit 1", ""),
        ("exit 1", "exit 1", "unanswered"),
        ("exit 0", "exit 1", "unclear"),
        ("exit 0", "echo 0: kubelet 65536 7208960", "65536:7208960"),
        ("exit 0", "echo 0: kubelet 65536 7208960; echo 1: kubelet 9 9", "unclear"),
        ("exit 0", 'echo "0: kubelet 65536 $#"', "unclear"),
    ],
    ids=["no such user", "nobody answers", "none set apart", "one range", "two ranges", "others for groups"],
)
def test_the_ids_of_pods_are_asked_for_as_a_kubelet_does(tmp_path: Path, getent: str, getsubids: str, told: str) -> None:
    """By the programs that it asks."""
    host = ShellHost(tmp_path)
    host.program("getent", f"#!/bin/sh\n{getent}\n")
    host.program("getsubids", f"#!/bin/sh\n{getsubids}\n")
    assert read_facts(host).kubelet_ids == told


@pytest.mark.skipif(shutil.which("getsubids") is not None, reason="a program of this machine's own would be found")
def test_a_user_whose_ids_no_program_tells_is_seen(tmp_path: Path) -> None:
    """Debian has getsubids in a package of its own, and a kubelet ends without it (kubernetes#141345)."""
    host = ShellHost(tmp_path)
    host.program("getent", "#!/bin/sh\nexit 0\n")
    assert read_facts(host).kubelet_ids == "missing"


def test_where_images_lie_and_which_firewall_runs_is_read(tmp_path: Path) -> None:
    """Of the folder that CRI-O's settings name."""
    host = ShellHost(tmp_path)
    host.write("/etc/containers/storage.conf", f'[storage]\ngraphroot = "{tmp_path}/data/containers"\n'.encode())
    (tmp_path / "data/containers").mkdir(parents=True)
    host.program("stat", '#!/bin/sh\ncase "$*" in *data/containers) echo nfs ;; *) echo ext2/ext3 ;; esac\n')
    host.program("xfs_info", "#!/bin/sh\necho 'naming   =version 2   bsize=4096   ascii-ci=0, ftype=0'\n")
    (tmp_path / "units/ufw").write_text("")
    seen = read_facts(host)
    assert (seen.images_on, seen.no_file_types, seen.firewalls) == ("nfs", True, ("ufw",))
