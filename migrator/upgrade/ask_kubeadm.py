"""Ask the kubeadm of each hop, on the first control plane, before anything is changed."""

from __future__ import annotations

from collections.abc import Mapping

from migrator.errors import HostError, MigratorError
from migrator.model.facts import ClusterReading, KubeadmReading, Refusal
from migrator.model.upgrade import Hop
from migrator.nodes.hop.addons import DNS_CHECKS
from migrator.nodes.hop.ask_kubeadm import known_gates, planned, refused_configuration
from migrator.nodes.hop.kubeadm import kubeadm_images
from migrator.upgrade.session import UpgradeSession


def ask_kubeadm(
    session: UpgradeSession, cluster: ClusterReading, hops: tuple[Hop, ...], available: Mapping[str, tuple[str, ...]]
) -> KubeadmReading:
    """Return what they tell; a version that the package source lacks, or a host that cannot be asked, tells nothing.

    Only the first is asked for its plan: kubeadm plans one minor at a time.
    """
    gates: frozenset[str] = frozenset()
    refusals: list[Refusal] = []
    etcd: dict[str, str] = {}
    said = ""
    host = session.control_plane_host
    for number, hop in enumerate(hops):
        version = str(hop.target)
        if version not in available.get("kubernetes", ()) or not session.is_same_machine(session.first):
            continue
        try:
            spec = session.hop_spec(hop)
            spec.staged.bring(host)
            kubeadm = spec.staged.kubeadm
            gates = known_gates(host, kubeadm)
            images = kubeadm_images(host, spec.staged, spec.cluster)
            tags = [tag for name, _, tag in (image.rpartition(":") for image in images) if name.endswith("/etcd")]
            etcd |= {hop.key: tags[0]} if tags else {}
            if cluster.cluster_config:
                refusals += refused_configuration(host, kubeadm, cluster.cluster_config, version)
            if number == 0:
                # A CoreDNS that kubeadm is told to leave need not be one that it can upgrade.
                accepted = DNS_CHECKS if "coredns" in cluster.missing_addons else ()
                said, found = planned(host, kubeadm, version, (*session.spec.ignore_preflight_errors, *accepted))
                # What cannot be read is refused by both.
                refusals += () if refusals else found
        except HostError:
            break
        except MigratorError:
            continue  # what is wrong with the package is a finding already
    return KubeadmReading(gates, tuple(refusals), etcd, said)
