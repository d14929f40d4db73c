"""Files of a host that programs of the control plane are told to read by their flags; pure."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from migrator.model.kubeadm import SECTIONS, STATIC_PODS, extra_args
from migrator.model.kubelet import arguments_of
from migrator.model.manifest import Manifest, get

ADMISSION = "--admission-control-config-file"
"""Its settings name further files, of single plugins."""
SETTINGS = frozenset(
    {
        ADMISSION,
        "--audit-policy-file",
        "--authentication-config",
        "--authorization-config",
        "--config",
        "--egress-selector-config-file",
        "--encryption-provider-config",
        "--tracing-config-file",
    }
)
"""Flags whose files are settings with an apiVersion (kubernetes.io/docs/reference/config-api)."""
# Endings of flags whose value is a file that must be there; `audit-log-path` and folders have others.
_READ = ("file", "config", "policy")
# An empty list of tokens is one; the last two are left out by kubeadm where the key of the authority is kept elsewhere.
_NEEDS_NOTHING = frozenset({"--log-file", "--token-auth-file", "--cluster-signing-cert-file", "--cluster-signing-key-file"})
# Folders that every container has.
_OF_CONTAINERS = ("/dev/", "/proc/", "/sys/", "/var/run/secrets/")
# What kubeadm mounts into static pods by itself where the host has it (cmd/kubeadm/app/phases/controlplane/volumes.go).
_AUTHORITIES = (
    "/etc/ssl/certs",
    "/etc/pki",
    "/etc/ca-certificates",
    "/usr/share/ca-certificates",
    "/usr/local/share/ca-certificates",
)


class NamedFile(NamedTuple):
    """A file that a flag of a program names."""

    program: str
    flag: str
    path: str
    """As the program sees it."""
    on_host: str
    """Empty where no folder of the host is mounted there."""


class FileReading(NamedTuple):
    """What a host tells of such a file; nothing but versions is read of it."""

    file: NamedFile
    there: bool
    """False as well where it is empty."""
    versions: tuple[str, ...] = ()
    """The `apiVersion` of everything in it, where it holds settings."""
    kms_v1: bool = False
    """Whether it encrypts by a plug-in for version 1 of the KMS protocol."""


def files_of_manifests(manifests: Mapping[str, Manifest]) -> Iterator[NamedFile]:
    """Yield the files of the host that its static pods are told to read; one that is part of an image is none."""
    for program in STATIC_PODS:
        manifest = manifests.get(program) or {}
        mounts = _mounts_of(manifest)
        for flag, path in _paths(arguments_of(manifest).items()):
            on_host = _behind(path, mounts)
            if on_host:
                yield NamedFile(program, flag, path, on_host)


def files_of_settings(file: NamedFile, path: str, manifests: Mapping[str, Manifest]) -> Iterator[NamedFile]:
    """Yield the file that settings of admission plugins name by a path, which begins at their own folder unless it is absolute."""
    whole = posixpath.normpath(posixpath.join(posixpath.dirname(file.path), path))
    on_host = _behind(whole, _mounts_of(manifests.get(file.program) or {}))
    if on_host:
        yield NamedFile(file.program, file.flag, whole, on_host)


def files_of_cluster(config: Mapping[str, Any]) -> Iterator[NamedFile]:
    """Yield the files that extraArgs of a ClusterConfiguration name: from the next upgrade on they are read as well."""
    for section, program in SECTIONS.items():
        mounts = _mounts_of_cluster(config, section, program)
        for flag, path in _paths((f"--{name}", value) for name, value in extra_args(config, section)):
            yield NamedFile(program, flag, path, _behind(path, mounts))


def _paths(arguments: Iterable[tuple[str, Any]]) -> Iterator[tuple[str, str]]:
    for flag, value in arguments:
        path = str(value or "")
        if flag.endswith(_READ) and flag not in _NEEDS_NOTHING and path.startswith("/") and not path.startswith(_OF_CONTAINERS):
            yield flag, posixpath.normpath(path)


def _mounts_of(manifest: Manifest) -> dict[str, str]:
    """Return folders in the first container to those of the host; what is more than that is left out."""
    volumes = {get(item, "name"): get(item, "hostPath", "path") for item in get(manifest, "spec", "volumes") or []}
    container: Manifest = (get(manifest, "spec", "containers") or [{}])[0]
    return {
        posixpath.normpath(str(get(item, "mountPath"))): str(volumes[get(item, "name")])
        for item in container.get("volumeMounts") or []
        if volumes.get(get(item, "name")) and not get(item, "subPath") and not get(item, "subPathExpr")
    }


def _mounts_of_cluster(config: Mapping[str, Any], section: str, program: str) -> dict[str, str]:
    """Return what kubeadm mounts into a program: its own, then the person's extraVolumes."""
    pki = str(config.get("certificatesDir") or "/etc/kubernetes/pki")
    own = {path: path for path in (pki, *_AUTHORITIES, f"/etc/kubernetes/{program.removeprefix('kube-')}.conf")}
    volumes = get(dict(config), section, "extraVolumes") or []
    return own | {posixpath.normpath(str(item.get("mountPath"))): str(item.get("hostPath")) for item in volumes}


def _behind(path: str, mounts: Mapping[str, str]) -> str:
    """Return where a path in a container is on the host, empty where no mount holds it."""
    holding = [mount for mount in mounts if path == mount or path.startswith(f"{mount.rstrip('/')}/")]
    if not holding:
        return ""
    mount = max(holding, key=len)
    return posixpath.normpath(mounts[mount].rstrip("/") + path[len(mount.rstrip("/")) :])
