"""Take a cluster off a host."""

from __future__ import annotations

from dataclasses import dataclass

from migrator.nodes.mark import MARK_FILE, refuse_foreign
from migrator.nodes.paths import (
    CONFLIST,
    KUBELET_CONF,
    NETWORK_MANAGER,
    NETWORKD,
    NETWORKD_LINKS,
    ROUTES_SERVICE,
    ROUTES_UNIT,
    STATE,
    WEAVE_CONFLIST,
)
from migrator.nodes.pod_network import forget_routes
from migrator.nodes.spec import ClusterSpec
from migrator.ports import Host

INIT_UNIT, JOIN_UNIT = "migrator-kubeadm-init", "migrator-kubeadm-join"
"""The units that make a host part of a cluster."""
# Units of what is taken away, by the beginnings of their names; pacman is none of them, and would leave half a package.
# A hop that was cut off leaves a second API server and etcd, which would go on answering.
_AT_WORK = ("kubeadm", "control-plane", "node", "etcd-restore", "second")
# Where 0.1.0 wrote kubeadm's configuration, with a token; it stayed there when the connection was cut.
_CONFIG_0_1_0 = "/etc/kubernetes/migrator-kubeadm.yaml"


@dataclass(slots=True, frozen=True)
class Reset:
    """Take everything of a cluster off a host; packages stay."""

    cluster: ClusterSpec
    name: str = "kubeadm reset"

    def done(self, host: Host) -> bool:
        """Return whether nothing is left."""
        return host.ok(f"test ! -e {MARK_FILE} -a ! -e {KUBELET_CONF} -a ! -e {CONFLIST}")

    def run(self, host: Host) -> None:
        """Reset, and remove what kubeadm leaves: pod network, packet filter rules, links."""
        refuse_foreign(host, self.cluster)
        reset(host)
        host.run(f"rm -f {MARK_FILE}")


def reset(host: Host) -> None:
    """Run kubeadm reset and remove what it leaves; a host without kubeadm has nothing to reset.

    What an earlier run has begun and what still runs is ended before, or it would go on with what is taken away.
    """
    units = " ".join(f"'migrator-{name}-*'" for name in _AT_WORK)
    host.run(f"systemctl stop {units} 2>/dev/null; true", timeout=180)
    host.run(
        "if command -v kubeadm >/dev/null; then kubeadm reset --force --cri-socket=unix:///var/run/crio/crio.sock; fi", timeout=300
    )
    host.run(_CLEAN, timeout=60)


_CLEAN = f"""
systemctl stop kubelet 2>/dev/null
rm -rf {CONFLIST} /var/lib/cni {WEAVE_CONFLIST}
rm -rf {_CONFIG_0_1_0} /run/migrator {STATE}/kubernetes-*
systemctl disable --now {ROUTES_SERVICE} 2>/dev/null
{forget_routes()}
rm -f {ROUTES_UNIT} {NETWORKD} {NETWORKD_LINKS} {NETWORK_MANAGER}
rmdir {NETWORKD.rpartition("/")[0]} 2>/dev/null"""
_CLEAN += r"""
rm -rf /etc/cni/net.d/10-weave.conf /opt/cni/bin/weave-* /var/lib/weave
links() { ip -o link show "$@" 2>/dev/null | sed -E 's/^[0-9]+: ([^:@]+).*/\1/'; }
for link in cni0 weave vxlan-6784 $(links | grep '^vethwe'); do ip link delete $link 2>/dev/null; done
if test "$(links type openvswitch)" = datapath; then
  # The kernel deletes no datapath by its link; where nobody else has one, the module takes it along.
  { command -v ovs-dpctl && ovs-dpctl del-dp datapath; } >/dev/null 2>&1 || modprobe -rq vport_vxlan openvswitch
fi
for tool in iptables ip6tables iptables-nft ip6tables-nft iptables-legacy ip6tables-legacy; do
  command -v $tool-save >/dev/null || continue
  $tool-save 2>/dev/null | grep -vE 'KUBE-|CNI-|WEAVE|-[io] weave |Weave Net control port' | $tool-restore 2>/dev/null
done
if command -v ipset >/dev/null; then
  # A set may be a member of another one: all are emptied before one is destroyed. Their names have characters of the shell.
  for verb in flush destroy; do
    ipset list -n | grep -E '^weaver?-' | while read -r name; do ipset $verb "$name"; done
  done
fi
command -v ipvsadm >/dev/null && ipvsadm --clear
command -v nft >/dev/null && { nft delete table ip kube-proxy; nft delete table ip6 kube-proxy; } 2>/dev/null
systemctl try-restart crio
true
"""
