"""CRI-O's settings that depend on the version of Kubernetes."""

from __future__ import annotations

from dataclasses import dataclass

from migrator.errors import MigratorError
from migrator.nodes.spec import ClusterSpec
from migrator.nodes.system import File
from migrator.ports import Host
from migrator.untrusted import for_shell


@dataclass(slots=True, frozen=True)
class SandboxImage:
    """Let CRI-O hold pods with the pause image that this kubeadm names, which is the one that it pulls and checks."""

    cluster: ClusterSpec
    name: str = "sandbox image"

    def done(self, host: Host) -> bool:
        """Return whether CRI-O is told so."""
        return self._file(host).done(host)

    def run(self, host: Host) -> None:
        """Tell it."""
        self._file(host).run(host)

    def _file(self, host: Host) -> File:
        images = host.run(" ".join(("kubeadm config images list", *image_flags(self.cluster), "2>/dev/null"))).split()
        pause = next((image for image in images if image.rpartition(":")[0].endswith("/pause")), "")
        if not pause:
            raise MigratorError(f"{host.name}: kubeadm names no pause image")
        return File("/etc/crio/crio.conf.d/20-migrator.conf", f'[crio.image]\npause_image = "{pause}"\n', restart="crio")


def image_flags(cluster: ClusterSpec) -> list[str]:
    """Return the arguments, quoted for a shell, that make kubeadm name this cluster's images."""
    repository = [for_shell(f"--image-repository={cluster.image_repository}")] if cluster.image_repository else []
    return [f"--kubernetes-version=v{cluster.kubernetes_version}", *repository]
