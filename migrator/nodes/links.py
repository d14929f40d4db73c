"""Keep what manages a host's own links away from those of pods, and from routes and rules that a pod network makes."""

from __future__ import annotations

from dataclasses import dataclass

from migrator.nodes.paths import NETWORK_MANAGER, NETWORKD, NETWORKD_LINKS
from migrator.nodes.system import File
from migrator.ports import Host

# Of the standard plugins (eight digits), Weave Net, Calico, Flannel and Cilium, and kube-proxy's own.
_LINKS = (
    *("veth????????", "vethwe*", "cni0", "weave", "datapath", "vxlan-6784", "cali*", "tunl0", "vxlan.calico", "flannel*"),
    *("cilium_*", "kube-ipvs0"),
)
# networkd takes the first file by name that fits a link. One for all links (`Name=*`, `Type=ether`) would ask for an address on
# Weave's bridge and take its links out of it (weave#2601, kontena#1264).
_UNMANAGED = File(NETWORKD_LINKS, f"[Match]\nName={' '.join(_LINKS)}\n\n[Link]\nUnmanaged=yes\n")
# When it starts, as after an update, or a link comes back, it removes routes and rules that no file of its own has: the node is cut
# off from its pods, and with Cilium from everybody (systemd#25451, cilium#18706, deckhouse#5709).
_FOREIGN = File(NETWORKD, "[Network]\nManageForeignRoutes=no\nManageForeignRoutingPolicyRules=no\n")
_IGNORED = File(NETWORK_MANAGER, f"[keyfile]\nunmanaged-devices+={';'.join(f'interface-name:{name}' for name in _LINKS)}\n")
_READ_AGAIN = (
    "systemctl is-active -q systemd-networkd && networkctl reload; "
    "systemctl is-active -q NetworkManager && nmcli general reload conf; true"
)


@dataclass(slots=True, frozen=True)
class LinksLeftAlone:
    """Have networkd and NetworkManager leave links, routes and rules of pods alone."""

    name: str = "links of pods left alone"

    def done(self, host: Host) -> bool:
        """Return whether they are told."""
        return all(file.done(host) for file in _files(host))

    def run(self, host: Host) -> None:
        """Tell them; networkd reads what it does with others' routes when it starts, which is when it would remove them."""
        for file in _files(host):
            file.run(host)
        host.run(_READ_AGAIN)


def _files(host: Host) -> list[File]:
    return [_UNMANAGED, _FOREIGN, *([_IGNORED] if host.ok(f"test -d {NETWORK_MANAGER.rpartition('/')[0]}") else [])]
