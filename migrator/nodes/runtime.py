"""CRI-O's settings that depend on the version of Kubernetes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from migrator.errors import MigratorError
from migrator.model.manifest import get, merged
from migrator.model.yaml_text import dump
from migrator.nodes.spec import ClusterSpec
from migrator.nodes.system import RESTART_CRIO, File
from migrator.ports import Host
from migrator.untrusted import for_shell

_IMAGE_KEYS = ("imageRepository", "dns", "etcd")
_OWN_PAUSE = (
    "grep -Els '^[[:space:]]*pause_image[[:space:]]*=' /etc/crio/crio.conf /etc/crio/crio.conf.d/* | grep -qv '/20-migrator.conf$'"
)


@dataclass(slots=True, frozen=True)
class SandboxImage:
    """Let CRI-O hold pods with the pause image that this kubeadm names, which is the one that it pulls and checks."""

    cluster: ClusterSpec
    name: str = "sandbox image"

    def done(self, host: Host) -> bool:
        """Return whether CRI-O is told so, or a person has told it another one, which stays: their registry may be the only one."""
        return host.ok(_OWN_PAUSE) or self._file(host).done(host)

    def run(self, host: Host) -> None:
        """Tell it."""
        self._file(host).run(host)

    def _file(self, host: Host) -> File:
        images = list_images(host, "kubeadm", self.cluster)
        # Else kubeadm pulls one image beforehand, and CRI-O starts pods with another one.
        pause = next((image for image in images if image.rpartition(":")[0].endswith("/pause")), "")
        if not pause:
            raise MigratorError(f"{host.name}: kubeadm names no pause image")
        return File("/etc/crio/crio.conf.d/20-migrator.conf", f'[crio.image]\npause_image = "{pause}"\n', then=RESTART_CRIO)


def list_images(host: Host, kubeadm: str, cluster: ClusterSpec) -> list[str]:
    """Return the images that a kubeadm asks for, each from the registry that the cluster has for it."""
    sources = merged({key: value for key, value in cluster.kubeadm.items() if key in _IMAGE_KEYS}, cluster.image_sources)
    if not sources:
        return host.run(" ".join((kubeadm, "config images list", *image_flags(cluster), "2>/dev/null"))).split()
    document = {
        # There are no flags for the images of CoreDNS and etcd, so it is given a file.
        "apiVersion": "kubeadm.k8s.io/v1beta4",
        "kind": "ClusterConfiguration",
        "kubernetesVersion": f"v{cluster.kubernetes_version}",
        **({"imageRepository": cluster.image_repository} if cluster.image_repository else {}),
        **sources,
    }
    command = f"{kubeadm} config images list --config /dev/stdin 2>/dev/null"
    return host.run(command, stdin=dump(document).encode()).split()


def image_sources(configuration: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a ClusterConfiguration says of images: its registry, those of CoreDNS and etcd, and tags that are pinned."""
    found: dict[str, Any] = {}
    for path in (("imageRepository",), ("dns", "imageRepository"), ("dns", "imageTag")):
        value = get(dict(configuration), *path)
        if value:
            found = merged(found, {path[0]: {path[1]: value} if len(path) > 1 else value})
    local = get(dict(configuration), "etcd", "local") or {}
    wanted = {key: local[key] for key in ("imageRepository", "imageTag") if local.get(key)}
    return found | ({"etcd": {"local": wanted}} if wanted else {})


def image_flags(cluster: ClusterSpec) -> list[str]:
    """Return the arguments, quoted for a shell, that make kubeadm name this cluster's images."""
    repository = [for_shell(f"--image-repository={cluster.image_repository}")] if cluster.image_repository else []
    return [f"--kubernetes-version=v{cluster.kubernetes_version}", *repository]
