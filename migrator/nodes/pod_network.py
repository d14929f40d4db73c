"""A pod network of the standard plugins: each node's own range, and routes to the others' over the network they share."""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from migrator.errors import MigratorError
from migrator.nodes.control_plane import get_node, get_nodes, internal_address, kubectl
from migrator.nodes.paths import CONFLIST, ROUTES_SERVICE, ROUTES_UNIT
from migrator.nodes.spec import NodeSpec
from migrator.nodes.system import File
from migrator.ports import Host

# Below the limit of a command over SSH (60 s), so that the message is this tool's own.
_PROXY_SECONDS = 50
# The unit of 0.1.0 ended once it had set them, in lines of `ExecStart`.
_LISTED_ROUTES = f"sed -n 's|^ExecStart\\(Pre\\)*=/usr/bin/ip route replace ||p' {ROUTES_UNIT} 2>/dev/null"
# The kernel drops all routes over a link with its last address, and networkd and NetworkManager take addresses away while a switch
# is away (systemd#26721); nobody but this unit would bring them back. A look costs less than a probe of the kubelet's.
_LOOK_SECONDS = 10


def forget_routes(keep: Iterable[str] = ()) -> str:
    """Return the shell command that takes the unit's routes away, but for those to keep, each as `RANGE via ADDRESS`."""
    kept = "".join(f" | grep -vxF '{route}'" for route in keep)
    return f'{_LISTED_ROUTES}{kept} | while read -r pods _ node; do ip route del "$pods" via "$node"; done 2>/dev/null; true'


_RUNS = f"systemctl is-active -q {ROUTES_SERVICE}"


@dataclass(slots=True, frozen=True)
class PodNetwork:
    """Give a node's pods addresses of the range that the cluster gave the node."""

    node: NodeSpec
    control_plane_host: Host
    name: str = "pod network"

    def done(self, host: Host) -> bool:
        """Return whether the plugins' configuration is as it should be."""
        return self._file(host).done(host)

    def run(self, host: Host) -> None:
        """Write it; CRI-O sees it by itself.

        Pods start from then on. One that asks for a Service before kube-proxy has made its rules asks in vain for half a
        minute, as the kernel remembers the connection without them: CoreDNS does.
        """
        if kubectl(self.control_plane_host, "-n kube-system get daemonset kube-proxy -o name --ignore-not-found").strip():
            host.ok(
                f"timeout {_PROXY_SECONDS} sh -c 'until iptables-save -t nat 2>/dev/null | grep -q KUBE-SVC; do sleep 0.2; done'"
            )
        self._file(host).run(host)

    def _file(self, host: Host) -> File:
        found = get_node(self.control_plane_host, self.node.name)
        pod_range = (found or {}).get("spec", {}).get("podCIDR")
        if not pod_range:
            # The controller manager hands out ranges a moment after the node joins.
            wait = f"wait --for=jsonpath='{{.spec.podCIDR}}' --timeout=60s node/{self.node.name} >/dev/null"
            kubectl(self.control_plane_host, wait, timeout=70)
            pod_range = ((get_node(self.control_plane_host, self.node.name) or {}).get("spec") or {}).get("podCIDR")
        if not pod_range:
            raise MigratorError(
                f"{self.node.name} was given no range of pod addresses", hint="is podSubnet large enough for one more /24?"
            )
        bridged = host.ok("test -d /proc/sys/net/bridge")
        return File(CONFLIST, json.dumps(_conflist(pod_range, bridged=bridged), indent=2) + "\n")


@dataclass(slots=True, frozen=True)
class Routes:
    """Have a route to each other node's pods; a unit brings them back after a boot, and after a link was away."""

    ranges: Mapping[str, str]
    """Pod range to the address of the node that has it, this node's own left out."""
    name: str = "routes to pods of other nodes"

    def done(self, host: Host) -> bool:
        """Return whether the unit has them, and they are in force."""
        there = [f"ip route show {pods} | grep -q 'via {node} '" for pods, node in self.ranges.items()]
        return self._unit.done(host) and host.ok(" && ".join([_RUNS, *there]))

    def run(self, host: Host) -> None:
        """Write the unit and start it."""
        # The range of a node that is gone may be another network's one day.
        kept = (f"{pods} via {node}" for pods, node in sorted(self.ranges.items()))
        host.run(f"systemctl stop {ROUTES_SERVICE} 2>/dev/null; {forget_routes(kept)}")
        self._unit.run(host)
        host.run(f"systemctl daemon-reload && systemctl enable -q {ROUTES_SERVICE} && systemctl restart {ROUTES_SERVICE}")

    @property
    def _unit(self) -> File:
        commands = [f"ip route replace {pods} via {node}" for pods, node in sorted(self.ranges.items())]
        lines = "".join(f"ExecStartPre=/usr/bin/{command}\n" for command in commands)
        again = " ".join(f"{command} 2>/dev/null;" for command in commands) or "true;"
        return File(
            ROUTES_UNIT,
            "[Unit]\nDescription=Routes to pods of other nodes\nWants=network-online.target\nAfter=network-online.target\n\n"
            f"[Service]\n{lines}ExecStart=/usr/bin/sh -c 'while sleep {_LOOK_SECONDS}; do {again} done'\n"
            "Restart=always\nRestartSec=5\n\n"
            "[Install]\nWantedBy=multi-user.target\n",
        )


def pod_ranges(control_plane_host: Host) -> dict[str, str]:
    """Return each node's pod range and address; raises MigratorError for what is neither, as both go into root's shell."""
    ranges = {(node["spec"].get("podCIDR"), internal_address(node)) for node in get_nodes(control_plane_host)}
    return dict(_checked(pods, address) for pods, address in ranges if pods and address)


def _checked(pods: str, address: str) -> tuple[str, str]:
    try:
        return str(ipaddress.ip_network(pods)), str(ipaddress.ip_address(address))
    except ValueError as error:
        raise MigratorError(
            f"the cluster names a pod range or an address that is none: {error}", hint="see `kubectl get nodes -o yaml`"
        ) from error


def _conflist(pod_range: str, *, bridged: bool) -> dict[str, object]:
    # Without br_netfilter a bridge would carry packets past the Service rules: each pod then gets a link of its own.
    gateway = str(next(ipaddress.ip_network(pod_range).hosts()))
    ipam = {"type": "host-local", "ranges": [[{"subnet": pod_range, "gateway": gateway}]], "routes": [{"dst": "0.0.0.0/0"}]}
    bridge = {"type": "bridge", "bridge": "cni0", "isGateway": True, "ipMasq": True, "hairpinMode": True}
    main = (bridge if bridged else {"type": "ptp", "ipMasq": True}) | {"ipam": ipam}
    plugins = [main, {"type": "portmap", "capabilities": {"portMappings": True}}]
    return {"cniVersion": "0.4.0", "name": "migrator", "plugins": plugins}
