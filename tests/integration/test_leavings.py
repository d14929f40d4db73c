"""What Weave Net leaves on a host is gone after a reset: real links and real rules of both back ends, in a network namespace."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from migrator.nodes.pod_network import Routes
from migrator.nodes.reset import reset
from tests.support.shell_host import ShellHost

_NEEDED = ("ip", "iptables-nft", "iptables-nft-save", "iptables-legacy", "iptables-legacy-save")
_FILES = (
    "etc/cni/net.d/10-weave.conflist",
    "etc/cni/net.d/10-weave.conf",
    "opt/cni/bin/weave-net",
    "opt/cni/bin/weave-ipam",
    "opt/cni/bin/weave-plugin-2.9.0",
    "var/lib/weave/weave-netdata.db",
)
_RULES = """
-N WEAVE-NPC
-N WEAVE-NPC-DEFAULT
-N WEAVE-NPC-EGRESS
-A WEAVE-NPC -j WEAVE-NPC-DEFAULT
-A INPUT -p tcp --dst 127.0.0.1 --dport 6784 -m comment --comment Weave_Net_control_port -j DROP
-A INPUT -i weave -j WEAVE-NPC-EGRESS
-A FORWARD -o weave -j WEAVE-NPC
-A FORWARD -o weave -j DROP
-A FORWARD -i weave ! -o weave -j ACCEPT
-t nat -N WEAVE
-t nat -A POSTROUTING -j WEAVE
-A INPUT -i eth9 -p tcp --dport 22 -j ACCEPT
-A FORWARD -o weave-like -j ACCEPT
"""
"""What the router and its policy controller set up (net/bridge.go, npc/controller.go of 2.9.0), then two rules of the person's."""
_KEPT = {"-A INPUT -i eth9 -p tcp -m tcp --dport 22 -j ACCEPT", "-A FORWARD -o weave-like -j ACCEPT"}


@pytest.fixture
def host(tmp_path: Path) -> Iterator[ShellHost]:
    """Return a host on which Weave Net has run: files in the test's folder, links and rules in a namespace of its own."""
    lacking = [name for name in _NEEDED if not shutil.which(name)] + ([] if os.geteuid() == 0 else ["root"])
    if lacking:
        assert not os.environ.get("CI"), lacking
        pytest.skip(f"needs {', '.join(lacking)}")
    namespace = f"leavings-{os.getpid()}"
    _run("ip", "netns", "add", namespace)
    try:
        made = ShellHost(tmp_path, inside=(str(shutil.which("ip")), "netns", "exec", namespace))
        made.program("kubeadm", "#!/bin/sh\n")
        for file in _FILES:
            made.write(f"/{file}", b"x")
        made.write("/opt/cni/bin/bridge", b"the package's")
        made.run("ip link add weave type bridge && ip link add vethwe-bridge type veth peer name vethwe-pcap")
        made.run("ip link set vethwe-bridge master weave && ip link add vxlan-6784 type vxlan id 1 dstport 6784")
        made.run("ip link add eth9 type dummy 2>/dev/null || ip link add eth9 type bridge")
        for tool in ("iptables-nft", "iptables-legacy"):
            for rule in _RULES.strip().splitlines():
                made.run(
                    f"{tool} -w {rule.replace('Weave_Net_control_port', repr('Block non-local access to Weave Net control port'))}"
                )
        yield made
    finally:
        _run("ip", "netns", "delete", namespace)


def test_what_weave_leaves_is_gone_and_what_is_the_person_s_stays(host: ShellHost) -> None:
    """Links, files, and rules of iptables-nft and of iptables-legacy; a second reset finds nothing to do."""
    for _ in range(2):
        reset(host)
        links = host.run("ip -o link show")
        assert not [name for name in ("weave:", "vethwe", "vxlan-6784") if name in links], links
        assert "eth9" in links
        assert [file for file in _FILES if host.path(file).exists()] == []
        assert host.read("/opt/cni/bin/bridge") == b"the package's"
        for tool in ("iptables-nft", "iptables-legacy"):
            saved = [line for line in host.run(f"{tool}-save").splitlines() if not line.startswith("#")]
            assert [line for line in saved if "WEAVE" in line or "weave " in line or "Weave" in line] == []
            assert {line for line in saved if line.startswith("-A")} == _KEPT


def test_sets_of_the_policy_controller_are_emptied_and_then_destroyed(host: ShellHost) -> None:
    """Their names have characters of the shell, and one may be a member of another; a stub stands for ipset."""
    names = ["weave-local-pods", "weave-;k$(touch x)*{", "weaver-no-masq-local", "mine"]
    host.program("ipset", '#!/bin/sh\ntest "$1" = list && cat "$HOST/sets" || echo "$*" >> "$HOST/asked"\n')
    (host.root / "sets").write_text("\n".join(names) + "\n")
    reset(host)
    assert (host.root / "asked").read_text().splitlines() == [
        f"{verb} {name}" for verb in ("flush", "destroy") for name in names[:3]
    ]


def test_a_datapath_goes_with_its_module_unless_somebody_else_has_one(host: ShellHost) -> None:
    """A program stands for `ip` where it tells of Open vSwitch, which needs a module that test machines may not have."""
    for listed, asked in (("7: datapath: <UP>", ["-rq vport_vxlan openvswitch"]), ("7: datapath: <UP>\n8: ovs-br0: <UP>", [])):
        host.program("ip", f'#!/bin/sh\ncase "$*" in *openvswitch*) echo "{listed}" ;; esac\n')
        host.program("modprobe", '#!/bin/sh\necho "$*" >> "$HOST/unloaded"\n')
        (host.root / "unloaded").write_text("")
        reset(host)
        assert (host.root / "unloaded").read_text().splitlines() == asked


def test_routes_to_pods_of_other_nodes_are_gone(host: ShellHost) -> None:
    """The next cluster may give these ranges to its pods; those of a node that has left go as soon as it has left."""
    host.program("systemctl", "#!/bin/sh\n")
    host.run("ip address add 10.9.0.1/24 dev eth9 && ip link set eth9 up && ip route add 10.8.0.0/24 via 10.9.0.9")

    def routes() -> list[str]:
        return [line.split()[0] for line in host.run("ip route show").splitlines() if "via" in line]

    def setting(ranges: dict[str, str]) -> None:
        Routes(ranges).run(host)
        for pods, node in ranges.items():
            host.run(f"ip route replace {pods} via {node}")  # systemd's part

    setting({"10.244.1.0/24": "10.9.0.2", "10.244.2.0/24": "10.9.0.3"})
    assert routes() == ["10.8.0.0/24", "10.244.1.0/24", "10.244.2.0/24"]
    setting({"10.244.1.0/24": "10.9.0.2"})
    assert routes() == ["10.8.0.0/24", "10.244.1.0/24"]
    reset(host)
    assert routes() == ["10.8.0.0/24"]


def _run(*words: str) -> None:
    subprocess.run(words, check=True, capture_output=True)
