"""What files beside its settings decide about a kubelet that starts, or about a pod that comes to its node; pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from migrator.model.manifest import Manifest, get

SOCKETS = ("/var/run/containerd/containerd.sock", "/var/run/crio/crio.sock", "/var/run/cri-dockerd.sock")
"""Sockets of runtimes that kubeadm looks for, and the first one is what it takes where there are none, or several."""
_APPARMOR_ANNOTATION = "container.apparmor.security.beta.kubernetes.io/"


class CredentialProviders(NamedTuple):
    """The programs that give a kubelet the passwords of registries (KEP-2133)."""

    config: str = ""
    """Its file, or folder of files; empty: it has none."""
    programs: str = ""
    """The folder of the programs."""
    readable: bool = True
    """Whether there is at least one file, and all of them have the form of one."""
    missing: tuple[str, ...] = ()
    """Programs that are named there and are not in the folder."""


class KubeletFiles(NamedTuple):
    """What a host tells of such files."""

    providers: CredentialProviders = CredentialProviders()
    sockets: tuple[str, ...] | None = None
    """Those of `SOCKETS` that are there; None where it is known otherwise which one kubeadm takes (instance-config.yaml)."""
    profiles: frozenset[str] | None = None
    """Profiles for pods that are here, as `localhost_profiles` names them; None where the host was not asked."""
    trusts: frozenset[str] = frozenset()
    """The authorities that kubelet.conf trusts, each as subject and key; empty where it names a file, or none."""
    authority: str = ""
    """The one that signs for the API server of this host, likewise; empty on a worker."""
    user: str = ""
    """As whom kubelet.conf logs in; empty where it is not known."""


def taken_socket(sockets: tuple[str, ...]) -> str:
    """Return the socket that kubeadm of 1.37 takes for a host of which nothing else tells (DetectCRISocket, DefaultCRISocket)."""
    return sockets[0] if len(sockets) == 1 else SOCKETS[0]


def localhost_profiles(pod: Manifest) -> Iterator[str]:
    """Yield the profiles of the host without which a pod does not start, as `seccomp/FILE` and `apparmor/NAME`."""
    spec = pod.get("spec") or {}
    containers = [item for key in ("initContainers", "containers") for item in spec.get(key) or []]
    for holder in (spec, *containers):
        for key, kind in (("seccompProfile", "seccomp"), ("appArmorProfile", "apparmor")):
            profile = get(holder, "securityContext", key) or {}
            if profile.get("type") == "Localhost" and profile.get("localhostProfile"):
                yield f"{kind}/{profile['localhostProfile']}"
    for name, value in (get(pod, "metadata", "annotations") or {}).items():
        if name.startswith(_APPARMOR_ANNOTATION) and str(value).startswith("localhost/"):
            yield f"apparmor/{str(value).removeprefix('localhost/')}"
