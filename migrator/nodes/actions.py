"""All that makes a host a node, in order."""

from __future__ import annotations

from migrator.nodes.action import Action
from migrator.nodes.kubeadm import Init, Join
from migrator.nodes.kubelet import KubeletSettings
from migrator.nodes.links import LinksLeftAlone
from migrator.nodes.mark import Marked
from migrator.nodes.membership import LabelsAndTaints, Ready
from migrator.nodes.packages import Packages
from migrator.nodes.pod_network import PodNetwork
from migrator.nodes.runtime import SandboxImage
from migrator.nodes.spec import ClusterSpec, NodeSpec
from migrator.nodes.system import Kernel, Service, SwapOff
from migrator.ports import Host

_IP_FORWARD = ("net.ipv4.ip_forward", "1")
_BRIDGED = (("net.bridge.bridge-nf-call-iptables", "1"), ("net.bridge.bridge-nf-call-ip6tables", "1"))


def actions(node: NodeSpec, cluster: ClusterSpec, *, control_plane_host: Host, bridged: bool) -> list[Action]:
    """Return the actions for a node; `control_plane_host` is a control plane, for the first one itself.

    `bridged` tells whether the host's kernel has br_netfilter.
    """
    modules = ("overlay", "br_netfilter") if bridged else ("overlay",)
    sysctls = (_IP_FORWARD, *_BRIDGED) if bridged else (_IP_FORWARD,)
    host_actions: list[Action] = [] if cluster.kubelet.get("failSwapOn") is False else [SwapOff()]
    host_actions += [
        Kernel(modules, sysctls),
        LinksLeftAlone(),
        Packages(cluster.packages, cluster.package_source, trust=cluster.package_trust),
        SandboxImage(cluster),
    ]
    host_actions += [Service("crio")]
    member: list[Action] = [
        Init(node, cluster) if node.first else Join(node, cluster, control_plane_host),
        Marked(cluster),
        KubeletSettings(cluster, control_plane_host),
    ]
    network: list[Action] = [PodNetwork(node, control_plane_host)] if cluster.cni == "bridge" else []
    # With a network that comes as a workload, nodes get Ready once that runs, which is after all of them are there.
    ready: list[Action] = [Ready(node, control_plane_host, cluster.ready_seconds)] if cluster.cni == "bridge" else []
    return [*host_actions, *member, Service("kubelet"), *network, LabelsAndTaints(node, control_plane_host), *ready]
