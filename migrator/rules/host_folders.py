"""Folders of hosts in pods: what lies there stays on blue's hosts, and on green's the pods begin with an empty folder, or wait.

Folders that every host has, and what is only read, are none of these; and a DaemonSet is for its hosts.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator

from migrator.model.manifest import POD_TEMPLATES, Manifest, containers, get, pod_spec

# Those of the system, of kubelets and of container runtimes.
_OF_EVERY_HOST = (
    *("/bin", "/boot", "/dev", "/etc", "/lib", "/lib64", "/opt/cni", "/proc", "/run", "/sbin", "/sys", "/usr"),
    *("/var/lib/cni", "/var/lib/containerd", "/var/lib/containers", "/var/lib/docker", "/var/lib/kubelet", "/var/log", "/var/run"),
)
_OF_HOSTS = "DaemonSet.apps"


def written(manifest: Manifest, type_name: str) -> str:
    """Return what a person should know of a workload's folders on hosts, after its name; empty for most."""
    spec = pod_spec(manifest) if type_name in POD_TEMPLATES and type_name != _OF_HOSTS else None
    folders = sorted(set(_folders(spec))) if spec else []
    if not folders:
        return ""
    what = f"folder{'s' if len(folders) > 1 else ''} {', '.join(folders)}"
    return f"writes to the {what} of its host: what lies there is not copied; copy it by hand, or put it into a volume with a claim"


def _folders(spec: Manifest) -> Iterator[str]:
    mounted = {mount["name"] for item in containers(spec) for mount in item.get("volumeMounts") or [] if not mount.get("readOnly")}
    for volume in spec.get("volumes") or []:
        path = get(volume, "hostPath", "path")
        kind = get(volume, "hostPath", "type") or ""
        if path and volume["name"] in mounted and kind in ("", "Directory", "DirectoryOrCreate") and not _is_of_every_host(path):
            yield path


def _is_of_every_host(path: str) -> bool:
    plain = posixpath.normpath(path)
    return plain == "/" or any(f"{plain}/".startswith(f"{known}/") for known in _OF_EVERY_HOST)
