"""Make a cluster, join it, and leave it again, with kubeadm."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from migrator.config.duration import parse_duration
from migrator.errors import BlockedError, CommandFailedError, MigratorError
from migrator.nodes.control_plane import ask, get_node, internal_address, kubectl
from migrator.nodes.mark import MARK_FILE, Mark, read_mark, refuse_foreign, write_mark
from migrator.nodes.paths import ADMIN_CONF, CONFLIST, KUBELET_CONF, ROUTES_SERVICE, ROUTES_UNIT
from migrator.nodes.spec import ClusterSpec, NodeSpec
from migrator.ports import Host
from migrator.untrusted import for_shell

_CONFIG = "/etc/kubernetes/migrator-kubeadm.yaml"
_API = "kubeadm.k8s.io/v1beta4"
_INIT_SECONDS = 1800.0
"""A board that pulls its images over a slow line takes long; kubeadm has timeouts of its own for what it waits for."""
_REGISTER_SECONDS = 60
_TOKEN_LIFE = "15m"  # noqa: S105 - how long one lives, not one


@dataclass(slots=True, frozen=True)
class Init:
    """Begin a cluster on its first control plane."""

    node: NodeSpec
    cluster: ClusterSpec
    name: str = "kubeadm init"

    def done(self, host: Host) -> bool:
        """Return whether it was done to its end."""
        return _complete(host, self.cluster.id) and host.ok(f"test -s {ADMIN_CONF}")

    def run(self, host: Host) -> None:
        """Run it; what a broken run left is reset before."""
        _start(host, self.cluster.id)
        _kubeadm(host, "init", [*_init_documents(self.node, self.cluster)], self.cluster)
        write_mark(host, Mark(self.cluster.id, "complete"))


@dataclass(slots=True, frozen=True)
class Join:
    """Join a cluster through one of its control planes, with a token made for this and gone after a quarter of an hour."""

    node: NodeSpec
    cluster: ClusterSpec
    control_plane_host: Host
    name: str = "kubeadm join"

    def done(self, host: Host) -> bool:
        """Return whether it was done to its end, and the cluster still knows the node.

        Raises CommandFailedError when the cluster does not answer: a node is not begun anew because nobody could be asked.
        """
        return _complete(host, self.cluster.id) and get_node(self.control_plane_host, self.node.name) is not None

    def run(self, host: Host) -> None:
        """Run it; what a broken run left is reset before."""
        mark = read_mark(host)
        if mark and mark.state == "complete" and mark.cluster == self.cluster.id:
            # The cluster has forgotten this node: what it knows of the cluster is of no use.
            write_mark(host, Mark(self.cluster.id, "started"))
        _start(host, self.cluster.id)
        self._forget_former(host)
        token = ask(self.control_plane_host, f"kubeadm token create --ttl {_TOKEN_LIFE}").strip().splitlines()[-1]
        discovery = {
            "bootstrapToken": {
                "apiServerEndpoint": self.cluster.endpoint,
                "token": token,
                "caCertHashes": [f"sha256:{ca_fingerprint(self.control_plane_host)}"],
            }
        }
        document: dict[str, Any] = {
            "apiVersion": _API,
            "kind": "JoinConfiguration",
            "discovery": discovery,
            **({"timeouts": dict(self.cluster.kubeadm_timeouts)} if self.cluster.kubeadm_timeouts else {}),
            "nodeRegistration": _registration(self.node),
        }
        if self.node.role == "control-plane":
            key = ask(self.control_plane_host, "kubeadm init phase upload-certs --upload-certs").strip().splitlines()[-1]
            document["controlPlane"] = {
                "certificateKey": key,
                "localAPIEndpoint": {"advertiseAddress": self.node.address, "bindPort": _port(self.cluster)},
            }
        _kubeadm(host, "join", [document], self.cluster)
        # kubeadm ends once the kubelet has its certificate; the kubelet tells the cluster of its node a moment later.
        kubectl(
            self.control_plane_host,
            f"wait --for=create node/{self.node.name} --timeout={_REGISTER_SECONDS}s >/dev/null",
            timeout=90,
        )
        write_mark(host, Mark(self.cluster.id, "complete"))

    def _forget_former(self, host: Host) -> None:
        """Delete the node object of a disk that is gone: kubeadm refuses to join under a name that is still Ready."""
        former = get_node(self.control_plane_host, self.node.name)
        if former is None:
            return
        machine = ((former.get("status") or {}).get("nodeInfo") or {}).get("machineID", "")
        if machine == host.run("cat /etc/machine-id").strip() or internal_address(former) == self.node.address:
            kubectl(self.control_plane_host, f"delete node {self.node.name} --ignore-not-found")
            return
        raise BlockedError(
            f"{host.name}: the cluster has a node {self.node.name} that is another machine",
            hint=f"give this one another name, or `kubectl delete node {self.node.name}` if that machine is gone",
        )


@dataclass(slots=True, frozen=True)
class Reset:
    """Take everything of a cluster off a host; packages stay."""

    cluster: str
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
    """Run kubeadm reset and remove what it leaves; a host without kubeadm has nothing to reset."""
    host.run(
        "if command -v kubeadm >/dev/null; then kubeadm reset --force --cri-socket=unix:///var/run/crio/crio.sock; fi", timeout=300
    )
    host.run(_CLEAN, timeout=60)


_CLEAN = f"""
systemctl stop kubelet 2>/dev/null
rm -rf {CONFLIST} /etc/cni/net.d/10-weave.conflist /var/lib/cni /var/lib/weave
rm -f {_CONFIG}
systemctl disable --now {ROUTES_SERVICE} 2>/dev/null; rm -f {ROUTES_UNIT}"""
_CLEAN += r"""
for link in cni0 weave datapath vxlan-6784; do ip link delete $link 2>/dev/null; done
for tool in iptables ip6tables; do
  command -v $tool-save >/dev/null || continue
  $tool-save 2>/dev/null | grep -vE 'KUBE-|CNI-|WEAVE' | $tool-restore 2>/dev/null
done
command -v ipvsadm >/dev/null && ipvsadm --clear
command -v nft >/dev/null && { nft delete table ip kube-proxy; nft delete table ip6 kube-proxy; } 2>/dev/null
systemctl try-restart crio
true
"""


@dataclass(slots=True, frozen=True)
class KubeletSettings:
    """Bring the kubelet's settings to what the spec says, in the cluster's ConfigMap and on this node."""

    cluster: ClusterSpec
    control_plane_host: Host
    name: str = "kubelet settings"

    def done(self, host: Host) -> bool:
        """Return whether the node's file has every wanted value."""
        current = yaml.safe_load(host.run("cat /var/lib/kubelet/config.yaml")) or {}
        return _contains(current, kubelet_settings(self.cluster))

    def run(self, host: Host) -> None:
        """Write the ConfigMap, let kubeadm write the node's file from it, restart the kubelet."""
        stored = kubectl(self.control_plane_host, "-n kube-system get configmap kubelet-config -o jsonpath={.data.kubelet}")
        merged = _merged(yaml.safe_load(stored), kubelet_settings(self.cluster))
        body = {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "kubelet-config", "namespace": "kube-system"},
            "data": {"kubelet": yaml.safe_dump(merged)},
        }
        kubectl(
            self.control_plane_host, "apply --server-side --force-conflicts -f - >/dev/null", stdin=yaml.safe_dump(body).encode()
        )
        host.run("kubeadm upgrade node phase kubelet-config && systemctl restart kubelet", timeout=180)


def kubelet_settings(cluster: ClusterSpec) -> dict[str, Any]:
    """Return what every KubeletConfiguration of a cluster has beyond kubeadm's defaults."""
    return {"cgroupDriver": "systemd", **cluster.kubelet}


def ca_fingerprint(host: Host) -> str:
    """Return the SHA-256 of the public key of a control plane's authority, as kubeadm writes it in hex."""
    pem = host.run("cat /etc/kubernetes/pki/ca.crt")
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    key = x509.load_pem_x509_certificate(pem.encode()).public_key()
    return hashlib.sha256(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).hexdigest()


def _complete(host: Host, cluster: str) -> bool:
    mark = read_mark(host)
    return mark == Mark(cluster, "complete") and host.ok(f"test -s {KUBELET_CONF}")


def _start(host: Host, cluster: str) -> None:
    refuse_foreign(host, cluster)
    mark = read_mark(host)
    if mark and mark.state == "complete" and host.ok(f"test -s {KUBELET_CONF}"):
        raise BlockedError(
            f"{host.name} was made part of {cluster} before and does not answer as such: it is left as it is",
            hint="see `journalctl -u kubelet` there; `kubeadm reset` on it, if its data is not needed, lets this begin anew",
        )
    if mark:
        reset(host)
    write_mark(host, Mark(cluster, "started"))


def _kubeadm(host: Host, verb: str, documents: list[dict[str, Any]], cluster: ClusterSpec) -> None:
    """Run kubeadm with a configuration file that only root reads and that is gone afterwards."""
    host.write(_CONFIG, yaml.safe_dump_all(documents).encode(), mode=0o600)
    command = " ".join(("kubeadm", verb, "--config", _CONFIG, *preflight_flags(cluster.ignore_preflight_errors)))
    try:
        host.run(f"trap 'rm -f {_CONFIG}' EXIT; {command}", timeout=_INIT_SECONDS)
    except CommandFailedError as error:
        raise MigratorError(
            f"{host.name}: kubeadm {verb} failed: {error_of(error.message)}",
            hint=f"`journalctl -u kubelet -u crio` on {host.name} tells more; run this again to go on",
        ) from error


def preflight_flags(errors: Iterable[str]) -> list[str]:
    """Return the arguments, quoted for a shell, that make kubeadm accept these failures of its checks."""
    accepted = ",".join(errors)
    return [for_shell(f"--ignore-preflight-errors={accepted}")] if accepted else []


def error_of(message: str) -> str:
    """Return kubeadm's own words: from its error on, without what could be a token."""
    lines = [line.strip() for line in message.splitlines() if line.strip() and "token" not in line.lower()]
    begin = next((number for number, line in enumerate(lines) if line.startswith("error")), max(len(lines) - 3, 0))
    checks = [line for line in lines[:begin] if line.startswith("[ERROR ")]
    return " ".join(line for line in (*lines[begin:], *checks) if "--v=5" not in line)[-600:]


def _init_documents(node: NodeSpec, cluster: ClusterSpec) -> list[dict[str, Any]]:
    configuration: dict[str, Any] = {
        "apiVersion": _API,
        "kind": "ClusterConfiguration",
        "clusterName": cluster.id.replace("/", "-"),
        "kubernetesVersion": f"v{cluster.kubernetes_version}",
        "controlPlaneEndpoint": cluster.endpoint,
        "networking": {"podSubnet": cluster.pod_subnet, "serviceSubnet": cluster.service_subnet},
        **({"imageRepository": cluster.image_repository} if cluster.image_repository else {}),
    }
    return [
        {
            "apiVersion": _API,
            "kind": "InitConfiguration",
            **({"timeouts": dict(cluster.kubeadm_timeouts)} if cluster.kubeadm_timeouts else {}),
            # No token: each node gets one of its own when it joins.
            "bootstrapTokens": [],
            "localAPIEndpoint": {"advertiseAddress": node.address, "bindPort": _port(cluster)},
            "nodeRegistration": _registration(node),
        },
        _merged(configuration, cluster.kubeadm),
        {"apiVersion": "kubelet.config.k8s.io/v1beta1", "kind": "KubeletConfiguration", **kubelet_settings(cluster)},
        {"apiVersion": "kubeproxy.config.k8s.io/v1alpha1", "kind": "KubeProxyConfiguration", **cluster.kube_proxy},
    ]


def _registration(node: NodeSpec) -> dict[str, Any]:
    return {
        "name": node.name,
        "criSocket": "unix:///var/run/crio/crio.sock",
        "kubeletExtraArgs": [{"name": "node-ip", "value": node.address}],
        **({"taints": [_taint(text) for text in node.taints]} if node.taints is not None else {}),
    }


def _taint(text: str) -> dict[str, str]:
    pair, _, effect = text.rpartition(":")
    key, _, value = pair.partition("=")
    return {"key": key, "effect": effect, **({"value": value} if value else {})}


def _port(cluster: ClusterSpec) -> int:
    return int(cluster.endpoint.rpartition(":")[2])


def _merged(base: Mapping[str, Any], more: Mapping[str, Any]) -> dict[str, Any]:
    out = dict(base)
    for key, value in more.items():
        both = isinstance(value, Mapping) and isinstance(out.get(key), Mapping)
        out[key] = _merged(out[key], value) if both else value
    return out


def _contains(whole: Any, part: Any) -> bool:
    if isinstance(part, Mapping):
        return isinstance(whole, Mapping) and all(key in whole and _contains(whole[key], value) for key, value in part.items())
    return bool(whole == part) or (_seconds(whole) is not None and _seconds(whole) == _seconds(part))


def _seconds(value: Any) -> float | None:
    """Return a duration in seconds, or None for another value: kubeadm writes 15m as 15m0s (Go's time.Duration)."""
    try:
        return parse_duration(value)
    except (TypeError, ValueError):
        return None
