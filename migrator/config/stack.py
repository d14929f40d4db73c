"""The shape of a stack's settings: `migrator:cluster` in stacks/Pulumi.NAME.yaml."""

from __future__ import annotations

import ipaddress
import re
from collections import Counter
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from migrator.config.duration import parse_duration
from migrator.config.fields import Frozen, SshWord
from migrator.config.login import Login
from migrator.config.parse import load_cluster
from migrator.config.ranges import endpoint, require_kubeadms, require_room

_VERSION = re.compile(r"\d+\.\d+\.\d+")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_NAME = re.compile(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?")
_TAINT = re.compile(r"[^=:\s]+(=[^=:\s]*)?:(NoSchedule|PreferNoSchedule|NoExecute)")


_IPV4 = "clusters are raised with IPv4 alone here; take an IPv4 range or address, or raise it by hand"


def _only_ipv4(value: ipaddress.IPv4Address | ipaddress.IPv6Address | ipaddress.IPv4Network | ipaddress.IPv6Network) -> None:
    if value.version != 4:
        raise ValueError(f"{value} is IPv6: {_IPV4}")


class SshConfig(Frozen):
    """How all nodes are reached, unless a node says otherwise."""

    user: SshWord = Field("root", description="User to log in as: root, or one who may use sudo without a password.")
    key: str = Field("", description="Path of the private key; left out: what ssh takes by itself.")
    known_hosts: str = Field("", description="Path of the file with the hosts' keys; left out: your own.")
    port: int = Field(22, ge=1, le=65535, description="Port of the SSH server.")


class NodeConfig(Frozen):
    """One host that becomes a node."""

    name: str = Field(description="Name of the node.")
    address: str = Field(description="IP address of the host, as the other nodes reach it.")
    role: Literal["control-plane", "worker"] = Field(
        "worker", description="What it becomes; the first control plane begins the cluster."
    )
    ssh_address: SshWord = Field("", description="Address for SSH, where it is not the same.")
    user: SshWord = Field("", description="User for SSH on this host.")
    key: str = Field("", description="Private key for this host.")
    port: int = Field(0, ge=0, le=65535, description="Port of this host's SSH server.")
    labels: dict[str, str] = Field(default_factory=dict, description="Labels of the node.")
    taints: tuple[str, ...] | None = Field(None, description="Taints as key=value:effect; left out: what kubeadm sets; []: none.")

    @field_validator("name")
    @classmethod
    def _is_name(cls, value: str) -> str:
        if not _NAME.fullmatch(value):
            raise ValueError(f"{value!r} is not a node name: lower case letters, digits, - and .")
        return value

    @field_validator("address")
    @classmethod
    def _is_address(cls, value: str) -> str:
        _only_ipv4(ipaddress.ip_address(value))
        return value

    @field_validator("taints")
    @classmethod
    def _are_taints(cls, value: tuple[str, ...] | None) -> tuple[str, ...] | None:
        wrong = [text for text in value or () if not _TAINT.fullmatch(text)]
        if wrong:
            raise ValueError(f"{wrong[0]!r} is not a taint; write key=value:NoSchedule")
        return value


class WeaveConfig(Frozen):
    """Settings of Weave Net; its password is the secret `migrator:weavePassword`."""

    version: str = Field("2.9.0", description="Tag of the images of the maintained fork, rajch/weave.")
    registry: str = Field("docker.io/rajchaudhuri", description="Where the images weave-kube and weave-npc come from.")
    digests: dict[str, str] = Field(
        default_factory=dict,
        description="Digest (sha256:...) of the images weave-kube and weave-npc; a tag alone can be moved to another image.",
    )
    mtu: int = Field(1376, ge=576, le=9000, description="Largest packet of the pod network.")

    @field_validator("digests")
    @classmethod
    def _are_digests(cls, value: dict[str, str]) -> dict[str, str]:
        if value and set(value) != {"weave-kube", "weave-npc"}:
            raise ValueError("must have both weave-kube and weave-npc, and only those")
        wrong = [name for name, digest in value.items() if not re.fullmatch(r"sha256:[0-9a-f]{64}", digest)]
        if wrong:
            raise ValueError(f"{wrong[0]}: is not a digest; `skopeo inspect --format '{{{{.Digest}}}}' docker://IMAGE` prints it")
        return value

    @property
    def chosen(self) -> bool:
        """Whether a person has said which images are to run, and it is not this tool's default."""
        return bool(self.model_fields_set & {"version", "registry", "digests"})

    def image(self, program: str) -> str:
        """Return the reference of one of its images."""
        digest = self.digests.get(program)
        return f"{self.registry}/{program}:{self.version}" + (f"@{digest}" if digest else "")


class NetworkManifest(Frozen):
    """A pod network of your own choice, such as Flannel, Calico or Cilium."""

    manifest: str = Field(description="Path of the manifest that its guide has you apply.")


class StorageClassConfig(Frozen):
    """The StorageClass that claims without one get."""

    name: str = Field(description="Its name.")
    provisioner: str = Field(description="Who makes its volumes, such as rancher.io/local-path.")
    parameters: dict[str, str] = Field(default_factory=dict, description="What that provisioner asks for.")
    reclaim_policy: Literal["Delete", "Retain"] = Field("Delete", description="What becomes of a volume whose claim is gone.")


class CloudConfig(Frozen):
    """ARM servers of Hetzner Cloud to make for the nodes; their `address` is the one in the private network."""

    server_type: str = Field("cax21", description="Type of the servers.")
    location: str = Field("fsn1", description="Where they stand.")
    image: str = Field("debian-12", description="Debian, on which cloud-init puts pacman and what the packages need.")
    network: str = Field("10.90.0.0/16", description="Private network; the nodes' addresses lie in it.")
    public_key: str = Field("~/.ssh/id_ed25519.pub", description="Path of the public key that may log in.")
    allow_from: tuple[str, ...] = Field(min_length=1, description="Networks that reach SSH and the API server.")

    @field_validator("network")
    @classmethod
    def _is_network(cls, value: str) -> str:
        ipaddress.ip_network(value)
        return value


class StackConfig(Frozen):
    """One cluster."""

    kubernetes_version: str = Field(description="Version of Kubernetes, such as 1.37.2.")
    packages: dict[str, str] = Field(description="Versions of cri-o, crictl and cni-plugins.")
    package_source: str = Field("dist/packages", description="Folder of the packages, or address of a pacman repository.")
    package_key: str = Field("", description="Path of the public key that signs the packages of a repository; each must be.")
    package_sums: dict[str, str] = Field(
        default_factory=dict, description="SHA-256 of packages by their file name; stronger than packageKey."
    )
    nodes: tuple[NodeConfig, ...] = Field(min_length=1, description="The hosts.")
    ssh: SshConfig = Field(default_factory=SshConfig, description="How the hosts are reached.")
    endpoint: str = Field("", description="host:port of the API server; left out: the first control plane's address and 6443.")
    pod_subnet: str = Field("10.244.0.0/16", description="Addresses of pods.")
    service_subnet: str = Field("10.96.0.0/12", description="Addresses of Services.")
    cni: Literal["weave", "bridge", "none"] | NetworkManifest = Field(
        "weave",
        description="Pod network: Weave Net, plain bridges and routes, one by your manifest ({manifest: FILE}), or none from here.",
    )
    ready_timeout: str = Field(
        "", description="How long all nodes may take to become Ready, their images pulled, such as 1h; left out: 30m."
    )
    weave: WeaveConfig = Field(default_factory=WeaveConfig, description="Settings of Weave Net.")
    image_repository: str = Field("", description="Registry of Kubernetes' own images; left out: registry.k8s.io.")
    storage_class: StorageClassConfig | None = Field(None, description="A default StorageClass to make; left out: none.")
    migrator_role: Literal["blue", "green", "none"] = Field(
        "none",
        description="An account kube-system/migrator: what blue needs, what green needs (as strong as cluster-admin), or none.",
    )
    kubelet: dict[str, Any] = Field(default_factory=dict, description="More settings for every KubeletConfiguration.")
    kubeadm: dict[str, Any] = Field(default_factory=dict, description="More settings for kubeadm's ClusterConfiguration.")
    kubeadm_timeouts: dict[str, str] = Field(
        default_factory=dict, description="Timeouts of kubeadm on slow boards, such as controlPlaneComponentHealthCheck: 10m."
    )
    kube_proxy: dict[str, Any] = Field(default_factory=dict, description="More settings for the KubeProxyConfiguration.")
    ignore_preflight_errors: tuple[str, ...] = Field((), description="Checks of kubeadm whose failure is accepted.")
    cloud: CloudConfig | None = Field(None, description="Servers to make for the nodes; left out: the hosts are there.")
    remove_packages: bool = Field(False, description="Whether `pulumi destroy` takes the packages off the hosts, too.")

    @field_validator("kubernetes_version")
    @classmethod
    def _is_version(cls, value: str) -> str:
        if not _VERSION.fullmatch(value):
            raise ValueError(f"{value!r} is not a version; write it as 1.37.2")
        return value

    @field_validator("packages")
    @classmethod
    def _are_packages(cls, value: dict[str, str]) -> dict[str, str]:
        wanted = {"cri-o", "crictl", "cni-plugins"}
        if set(value) != wanted:
            raise ValueError(f"must have the versions of {', '.join(sorted(wanted))}, and only those")
        wrong = [f"{name}: {version}" for name, version in value.items() if not _VERSION.fullmatch(version)]
        if wrong:
            raise ValueError(f"{wrong[0]} is not a version; write it as 1.37.2")
        return value

    @field_validator("package_sums")
    @classmethod
    def _are_sums(cls, value: dict[str, str]) -> dict[str, str]:
        wrong = [name for name, digest in value.items() if not _SHA256.fullmatch(digest)]
        if wrong:
            raise ValueError(f"{wrong[0]}: is not a SHA-256 in lower case; `sha256sum *.pkg.tar.zst` writes them")
        return value

    @field_validator("cni", mode="before")
    @classmethod
    def _is_network(cls, value: object) -> object:
        if isinstance(value, str) and value not in ("weave", "bridge", "none"):
            raise ValueError(f"{value!r} is none of weave, bridge, none; for another network write {{manifest: FILE}}")
        return value

    @field_validator("ready_timeout")
    @classmethod
    def _is_duration(cls, value: str) -> str:
        if value:
            parse_duration(value)
        return value

    @field_validator("endpoint")
    @classmethod
    def _is_endpoint(cls, value: str) -> str:
        return endpoint(value) if value else value

    @field_validator("pod_subnet", "service_subnet")
    @classmethod
    def _is_subnet(cls, value: str) -> str:
        if "," in value:
            raise ValueError(f"{value!r} names two ranges (dual stack): {_IPV4}")
        _only_ipv4(ipaddress.ip_network(value))
        return value

    @model_validator(mode="after")
    def _fits_together(self) -> StackConfig:
        for what in ("name", "address"):
            twice = [value for value, times in Counter(getattr(node, what) for node in self.nodes).items() if times > 1]
            if twice:
                raise ValueError(f"nodes: {what} {twice[0]} is given twice")
        if not self.control_planes:
            raise ValueError("nodes: none has the role control-plane")
        if self.package_source.startswith("http://") and not (self.package_key or self.package_sums):
            raise ValueError("packageSource: over http:// anybody in between may change packages: pin packageKey or packageSums")
        if len(self.control_planes) > 1 and not self.endpoint:
            raise ValueError(
                "endpoint: several control planes need an address that stays when one is gone: a load balancer's or a virtual one"
            )
        require_kubeadms(self.service_subnet)
        pods, services = ipaddress.ip_network(self.pod_subnet), ipaddress.ip_network(self.service_subnet)
        if pods.overlaps(services):
            raise ValueError(f"podSubnet {pods} and serviceSubnet {services} overlap")
        # Weave Net gives out addresses by itself.
        require_room(self.pod_subnet, self.kubeadm, 1 if self.cni == "weave" else len(self.nodes))
        for node in self.nodes:
            if ipaddress.ip_address(node.address) in pods or ipaddress.ip_address(node.address) in services:
                raise ValueError(f"nodes: address {node.address} lies in the range of pods or Services")
        network = ipaddress.ip_network(self.cloud.network) if self.cloud else None
        outside = [node.address for node in self.nodes if network and ipaddress.ip_address(node.address) not in network]
        if outside:
            raise ValueError(f"nodes: address {outside[0]} lies outside of cloud.network {network}")
        return self

    @model_validator(mode="after")
    def _weave_beside_iptables(self) -> StackConfig:
        if self.cni == "weave" and self.kube_proxy.get("mode") == "nftables":
            raise ValueError(
                "kubeProxy.mode: Weave Net sets rules of iptables, which nobody has tried beside those of nftables: take another "
                "mode, or another cni"
            )
        return self

    def login(self, node: NodeConfig) -> Login:
        """Return how a node's host is reached."""
        return Login(
            address=node.ssh_address or node.address,
            user=node.user or self.ssh.user,
            port=node.port or self.ssh.port,
            key=node.key or self.ssh.key,
            known_hosts=self.ssh.known_hosts,
        )

    @property
    def network(self) -> Literal["weave", "bridge", "manifest", "none"]:
        """What makes the pod network."""
        return "manifest" if isinstance(self.cni, NetworkManifest) else self.cni

    @property
    def control_planes(self) -> tuple[NodeConfig, ...]:
        """The control planes, in the file's order."""
        return tuple(node for node in self.nodes if node.role == "control-plane")


def load_stack(path: Path, *, hint: str = "`pulumi stack select NAME`, NAME as in stacks/") -> StackConfig:
    """Return the checked settings of a stack's file; raises ConfigError with every mistake, one a line.

    `hint` is for a file that cannot be read.
    """
    return load_cluster(StackConfig, path, hint=hint)
