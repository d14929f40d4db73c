"""ARM servers of Hetzner Cloud for a throwaway cluster: network, firewall, key, cloud-init. Needs the extra `cloud`."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pulumi
import pulumi_hcloud as hcloud
import yaml

from migrator.config.public_key import read_public_key
from migrator.config.stack import CloudConfig, StackConfig
from migrator.provision.debian import PACKAGES, pacman_records

# Network zone of each location (docs.hetzner.com/cloud/general/locations).
_ZONES = {
    "fsn1": "eu-central",
    "nbg1": "eu-central",
    "hel1": "eu-central",
    "ash": "us-east",
    "hil": "us-west",
    "sin": "ap-southeast",
}
_UNIT = "migrator-no-metadata.service"
_NO_METADATA = """\
[Unit]
Description=Keep the user data of this server, which has its host key, from pods
After=cloud-config.service
Before=kubelet.service

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/sbin/ip route replace blackhole 169.254.169.254/32
ExecStop=/sbin/ip route del blackhole 169.254.169.254/32

[Install]
WantedBy=multi-user.target
"""


def machines(name: str, stack: StackConfig, cloud: CloudConfig, opts: pulumi.ResourceOptions) -> Sequence[pulumi.Output[str]]:
    """Make a server for each node and return their public addresses, for SSH."""
    network = hcloud.Network(name, ip_range=cloud.network, opts=opts)
    subnet = hcloud.NetworkSubnet(
        name,
        network_id=network.id.apply(int),
        type="cloud",
        network_zone=_ZONES.get(cloud.location, "eu-central"),
        ip_range=str(_subnet(stack)),
        opts=opts,
    )
    key = hcloud.SshKey(
        name,
        public_key=read_public_key(Path(cloud.public_key).expanduser(), named="cloud.publicKey"),
        opts=opts,
    )
    # SSH and the API only: nodes reach each other by the private network, which it does not filter.
    firewall = hcloud.Firewall(name, rules=[_rule("22", cloud.allow_from), _rule("6443", cloud.allow_from)], opts=opts)
    host_key = pulumi.Config("migrator").require_secret("hostKey")
    after = pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(depends_on=[subnet]))
    servers = [
        hcloud.Server(
            node.name,
            name=node.name,
            server_type=cloud.server_type,
            image=cloud.image,
            location=cloud.location,
            ssh_keys=[key.name],
            firewall_ids=[firewall.id.apply(int)],
            networks=[hcloud.ServerNetworkArgs(network_id=network.id.apply(int), ip=node.address)],
            user_data=host_key.apply(cloud_init),
            opts=after,
        )
        for node in stack.nodes
    ]
    return [server.ipv4_address for server in servers]


def cloud_init(host_key: str) -> str:
    """Return what a server does at its first boot: shows the host key that is known already, and gets what packages need.

    The host key lies in the user data, which the cloud hands to whoever asks from the server, pods included. So from then on
    nothing on the server reaches it, once it was read at a boot and before a kubelet starts.
    """
    files = {**pacman_records(), f"/etc/systemd/system/{_UNIT}": _NO_METADATA}
    settings: dict[str, Any] = {
        # The image's own key may be known to others; and this one is known before the first login.
        "ssh_deletekeys": True,
        "ssh_keys": {"ed25519_private": host_key.strip() + "\n"},
        "package_update": True,
        "packages": list(PACKAGES),
        "write_files": [{"path": path, "content": text} for path, text in files.items()],
        "runcmd": [["systemctl", "enable", "--now", _UNIT]],
    }
    return "#cloud-config\n" + yaml.safe_dump(settings, sort_keys=False)


def _subnet(stack: StackConfig) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    # The cloud wants a subnet within the network; all nodes are in one.
    return ipaddress.ip_network(f"{stack.nodes[0].address}/24", strict=False)


def _rule(port: str, sources: Sequence[str]) -> hcloud.FirewallRuleArgs:
    return hcloud.FirewallRuleArgs(direction="in", protocol="tcp", port=port, source_ips=list(sources))
