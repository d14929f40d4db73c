"""Make a cluster, and join it, with kubeadm."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from migrator.errors import BlockedError, CommandFailedError, MigratorError
from migrator.model.kubeadm import sharing_port
from migrator.model.manifest import merged
from migrator.model.yaml_text import dump_all
from migrator.nodes.control_plane import ask, get_node, internal_address, kubectl
from migrator.nodes.detached import Detached, SecretFile
from migrator.nodes.hop.etcd_members import has_local_etcd, remove_member
from migrator.nodes.kubelet import kubelet_settings
from migrator.nodes.mark import COMPLETE, STARTED, read_mark, refuse_foreign, write_mark
from migrator.nodes.paths import ADMIN_CONF, KUBELET_CONF
from migrator.nodes.reset import INIT_UNIT, JOIN_UNIT, reset
from migrator.nodes.spec import ClusterSpec, NodeSpec
from migrator.ports import Host
from migrator.untrusted import for_shell

_CONFIG = "/run/migrator/kubeadm.yaml"
# A host that is away for longer ends the run; kubeadm goes on there, and the next run waits for it.
_PATIENCE_SECONDS = 30.0
_API = "kubeadm.k8s.io/v1beta4"
# A board that pulls its images over a slow line takes long; kubeadm has timeouts of its own for what it waits for.
_INIT_SECONDS = 1800.0
# A kubelet registers its node once it has its client certificate, which kubeadm has waited for.
_REGISTER_SECONDS = 60
# How long a token lives that a node joins with, and the one that `kubeadm init` makes and nobody uses.
_TOKEN_LIFE, _UNUSED_TOKEN_LIFE = "15m", "1m0s"


@dataclass(slots=True, frozen=True)
class Init:
    """Begin a cluster on its first control plane."""

    node: NodeSpec
    cluster: ClusterSpec
    name: str = "kubeadm init"

    def done(self, host: Host) -> bool:
        """Return whether it was done to its end."""
        return _complete(host, self.cluster) and host.ok(f"test -s {ADMIN_CONF}")

    def run(self, host: Host) -> None:
        """Run it; one that an earlier run has begun is waited for, what a broken one left is reset before."""
        run = _Run(INIT_UNIT, "init", self.cluster)
        if not run.joined(host):
            _start(host, self.cluster)
            run.begin(host, _init_documents(self.node, self.cluster))
        write_mark(host, self.cluster, COMPLETE)


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
        return _complete(host, self.cluster) and get_node(self.control_plane_host, self.node.name) is not None

    def run(self, host: Host) -> None:
        """Run it; one that an earlier run has begun is waited for, what a broken one left is reset before."""
        run = _Run(JOIN_UNIT, "join", self.cluster)
        if not run.joined(host):
            self._begin(host, run)
        # kubeadm ends once the kubelet has its certificate; the kubelet tells the cluster of its node a moment later.
        kubectl(
            self.control_plane_host,
            f"wait --for=create node/{self.node.name} --timeout={_REGISTER_SECONDS}s >/dev/null",
            timeout=90,
        )
        write_mark(host, self.cluster, COMPLETE)

    def _begin(self, host: Host, run: _Run) -> None:
        mark = read_mark(host)
        if mark and mark.state == COMPLETE and mark.of(self.cluster):
            # The cluster has forgotten this node: what it knows of the cluster is of no use.
            write_mark(host, self.cluster, STARTED)
        _start(host, self.cluster)
        self._forget_member(known=self._forget_former(host))
        run.begin(host, [self._document()])

    def _document(self) -> dict[str, Any]:
        # The last line: warnings come before it.
        token = ask(self.control_plane_host, f"kubeadm token create --ttl {_TOKEN_LIFE}").strip().splitlines()[-1]
        discovery = {
            "bootstrapToken": {
                "apiServerEndpoint": self.cluster.endpoint,
                "token": token,
                # Read over SSH: with a token alone, a host in between could pass for the API server.
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
            # A new key for each join: the Secret with the encrypted certificates expires after two hours (kubeadm-certs).
            key = ask(self.control_plane_host, "kubeadm init phase upload-certs --upload-certs").strip().splitlines()[-1]
            document["controlPlane"] = {
                "certificateKey": key,
                "localAPIEndpoint": {"advertiseAddress": self.node.address, "bindPort": _port(self.cluster)},
            }
        return document

    def _forget_former(self, host: Host) -> bool:
        """Delete the node object of a disk that is gone, if there is one: kubeadm refuses to join under a name still Ready."""
        former = get_node(self.control_plane_host, self.node.name)
        if former is None:
            return False
        # The address as well: a disk that was set up again has a new machine-id.
        machine = ((former.get("status") or {}).get("nodeInfo") or {}).get("machineID", "")
        if machine == host.run("cat /etc/machine-id").strip() or internal_address(former) == self.node.address:
            kubectl(self.control_plane_host, f"delete node {self.node.name} --ignore-not-found")
            return True
        raise BlockedError(
            f"{host.name}: the cluster has a node {self.node.name} that is another machine",
            hint=f"give this one another name, or `kubectl delete node {self.node.name}` if that machine is gone",
        )

    def _forget_member(self, *, known: bool) -> None:
        """Remove the etcd member of a disk that is gone: kubeadm takes it for the new one, and etcd misses its log (kubeadm#2138).

        Nothing of a cluster is on the host by now. Raises BlockedError where etcd would lose its majority; of a node that the
        cluster did not know there may be none, so that an etcd that cannot be asked is no reason not to begin.
        """
        if self.node.role != "control-plane" or not has_local_etcd(self.control_plane_host):
            return
        try:
            remove_member(self.control_plane_host, self.node.name)
        except MigratorError:
            if known:
                raise


def ca_fingerprint(host: Host) -> str:
    """Return the SHA-256 of the public key of a control plane's authority, as kubeadm writes it in hex."""
    pem = host.run("cat /etc/kubernetes/pki/ca.crt")
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    # kubeadm pins the public key, as RFC 7469 does: a certificate that was renewed with the same key still fits.
    key = x509.load_pem_x509_certificate(pem.encode()).public_key()
    return hashlib.sha256(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).hexdigest()


def _complete(host: Host, cluster: ClusterSpec) -> bool:
    mark = read_mark(host)
    return mark is not None and mark.of(cluster) and mark.state == COMPLETE and host.ok(f"test -s {KUBELET_CONF}")


def _start(host: Host, cluster: ClusterSpec) -> None:
    refuse_foreign(host, cluster)
    mark = read_mark(host)
    if mark and mark.state == COMPLETE and host.ok(f"test -s {KUBELET_CONF}"):
        raise BlockedError(
            f"{host.name} was made part of {cluster.id} before and does not answer as a node: nothing on it was changed",
            hint="see `journalctl -u kubelet` there; `kubeadm reset` on it, if its data is not needed, lets this begin anew",
        )
    if mark:
        # Of an attempt that broke: kubeadm refuses files and ports of an earlier one in its preflight.
        reset(host)
    write_mark(host, cluster, STARTED)


@dataclass(slots=True, frozen=True)
class _Run:
    """kubeadm as a unit of its own, which a lost connection does not end."""

    unit: str
    verb: str
    cluster: ClusterSpec

    def joined(self, host: Host) -> bool:
        """Wait for one that an earlier run has begun; return whether it ended well, False where none runs."""
        refuse_foreign(host, self.cluster)
        begun = self._detached(None)
        if not begun.runs(host):
            return False
        try:
            begun.await_end(host, _quiet)
        except CommandFailedError:
            # Its settings may have been others: it is reset and begun with those of now, whose error is told.
            return False
        return True

    def begin(self, host: Host, documents: list[dict[str, Any]]) -> None:
        """Run it with a configuration that only root reads and that is gone afterwards; raises MigratorError."""
        try:
            self._detached(SecretFile(_CONFIG, dump_all(documents).encode())).run(host, _quiet)
        except CommandFailedError as error:
            raise MigratorError(
                f"{host.name}: kubeadm {self.verb} failed: {error_of(error.output)}",
                hint=f"`journalctl -u kubelet -u crio` on {host.name} tells more; run this again to continue",
            ) from error

    def _detached(self, secret: SecretFile | None) -> Detached:
        # The token that `init` makes is for nobody: it must not stand in a log.
        quiet = ["--skip-token-print"] if self.verb == "init" else []
        accepted = preflight_flags(self.cluster.ignore_preflight_errors)
        command = " ".join(("kubeadm", self.verb, "--config", _CONFIG, *quiet, *accepted))
        return Detached(self.unit, command, _INIT_SECONDS, _PATIENCE_SECONDS, secret)


def _quiet(_text: str) -> None:
    """Show nothing: kubeadm's lines may name a token."""


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
            # kubeadm makes a token for a day also where none is asked for; each node gets one of its own when it joins.
            "bootstrapTokens": [{"ttl": _UNUSED_TOKEN_LIFE}],
            "localAPIEndpoint": {"advertiseAddress": node.address, "bindPort": _port(cluster)},
            "nodeRegistration": _registration(node),
        },
        sharing_port(merged(configuration, cluster.kubeadm)),
        {"apiVersion": "kubelet.config.k8s.io/v1beta1", "kind": "KubeletConfiguration", **kubelet_settings(cluster)},
        {"apiVersion": "kubeproxy.config.k8s.io/v1alpha1", "kind": "KubeProxyConfiguration", **cluster.kube_proxy},
    ]


def _registration(node: NodeSpec) -> dict[str, Any]:
    return {
        "name": node.name,
        "criSocket": "unix:///var/run/crio/crio.sock",
        # A host with several networks: the kubelet would take the address of the default route.
        "kubeletExtraArgs": [{"name": "node-ip", "value": node.address}],
        **({"taints": [_taint(text) for text in node.taints]} if node.taints is not None else {}),
    }


def _taint(text: str) -> dict[str, str]:
    pair, _, effect = text.rpartition(":")
    key, _, value = pair.partition("=")
    return {"key": key, "effect": effect, **({"value": value} if value else {})}


def _port(cluster: ClusterSpec) -> int:
    return int(cluster.endpoint.rpartition(":")[2])
