"""The next version's programs beside the installed ones.

kubeadm of the new version has to run before the kubelet may be replaced: a kubelet that is newer than its API server is not
supported, and one that crashes in between would start as the new one. So kubeadm is taken out of the package, and the package is
installed when the control plane is there (kubernetes.io/releases/version-skew-policy).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from migrator.errors import CommandFailedError, MigratorError
from migrator.nodes.packages import Packages
from migrator.nodes.paths import KUBEADM_COPIES, PACKAGE_CACHE, STATE
from migrator.ports import Host
from migrator.untrusted import for_shell


@dataclass(slots=True, frozen=True)
class Staged:
    """Have kubeadm and kubelet of a version in a folder of their own."""

    packages: Packages
    name: str = "kubeadm of the new version"

    @property
    def version(self) -> str:
        """The version of Kubernetes."""
        return self.packages.versions["kubernetes"]

    @property
    def folder(self) -> str:
        """Where they lie on the host."""
        return f"{STATE}/kubernetes-{self.version}"

    @property
    def kubeadm(self) -> str:
        """Path of kubeadm."""
        return f"{self.folder}/kubeadm"

    def done(self, host: Host) -> bool:
        """Return whether kubeadm is there and says this version."""
        return host.run(f"{self.kubeadm} version -o short 2>/dev/null; true").strip() == f"v{self.version}"

    def run(self, host: Host) -> None:
        """Bring the package and take the programs out of it; raises MigratorError when it is not whole."""
        file = self.packages.fetch(host, ["kubernetes"])[0]
        partial = f"{self.folder}.partial"
        try:
            host.run(
                f"set -e; rm -rf {partial}; mkdir -p {partial}; "
                # The kubelet, too: it is asked which settings and flags it takes (ask_kubelet.py).
                f"tar --zstd -xf {PACKAGE_CACHE}/{file} -C {partial} --strip-components=2 usr/bin/kubeadm usr/bin/kubelet; "
                # In place once it is whole: half a program must not be run.
                f"rm -rf {self.folder}; mv {partial} {self.folder}",
                timeout=300,
            )
        except CommandFailedError as error:
            raise MigratorError(
                f"{host.name}: {file} is not a whole package: {error.output.strip().splitlines()[-1:] or error.code}",
                hint="build or fetch it again (`migrator packages build`), then `migrator upgrade resume`",
            ) from error

    def bring(self, host: Host) -> None:
        """Bring them unless they are there; raises MigratorError when the package is not whole."""
        if not self.done(host):
            self.run(host)


# What `kubeadm upgrade` writes there and never takes away, etcd's whole data included (kubernetes#125357).
_KINDS = ("kubeadm-backup-etcd-", "kubeadm-backup-manifests-", "kubeadm-upgraded-manifests", "kubeadm-kubelet-config")


def forget_staged(host: Host, keep: Iterable[str]) -> None:
    """Remove the programs of all versions but these."""
    kept = " ".join(f"! -name {for_shell(f'kubernetes-{version}')}" for version in keep)
    host.run(f"find {STATE} -maxdepth 1 -name 'kubernetes-*' {kept} -exec rm -rf {{}} +")


def forget_copies(host: Host) -> None:
    """Remove what kubeadm has copied, but the newest of each kind: it may be of use to a person."""
    for kind in _KINDS:
        host.run(f"ls -1dt {KUBEADM_COPIES}/{kind}* 2>/dev/null | tail -n +2 | tr '\\n' '\\0' | xargs -0 -r rm -rf --", timeout=300)
