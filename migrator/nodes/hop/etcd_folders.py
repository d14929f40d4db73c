"""Where a stacked etcd keeps its data and its certificates, and who it is to others, as its static pod says (kubeadm#3044)."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass
from typing import Any

from migrator.errors import BlockedError
from migrator.model.manifest import get
from migrator.model.yaml_text import mapping
from migrator.nodes.paths import MANIFESTS
from migrator.ports import Host
from migrator.untrusted import printable

ETCD_MANIFEST = f"{MANIFESTS}/etcd.yaml"


@dataclass(slots=True, frozen=True)
class EtcdFolders:
    """Folders on the host."""

    data: str
    pki: str
    """Of the authority of etcd's clients, and of the client that kubeadm's probe is."""


def etcd_folders(host: Host) -> EtcdFolders:
    """Return the folders of the etcd that runs on a control plane; raises as `folders_in` does."""
    return folders_in(host.read(ETCD_MANIFEST).decode(errors="replace"), host.name)


def member_in(manifest: str, host: str, address: str) -> tuple[str, str]:
    """Return a member's name, and the URLs at which the others reach it; raises BlockedError as `folders_in` does.

    Its certificate is for these: the address in a stack's file may be one of another network of the host (kubeadm#3010).
    """
    flags = _flags(_container(mapping(manifest), host))
    return flags.get("name") or host, flags.get("initial-advertise-peer-urls") or f"https://{address}:2380"


def folders_in(manifest: str, host: str) -> EtcdFolders:
    """Return the folders that a manifest names; raises BlockedError for a manifest that does not tell them for sure."""
    pod = mapping(manifest)
    container = _container(pod, host)
    flags = _flags(container)
    if flags.get("wal-dir"):
        raise _unclear(host, "keeps its log in a folder of its own (--wal-dir), which a restore would not put back")
    mounts = _mounts(pod, container)
    return EtcdFolders(
        _on_host(flags.get("data-dir", ""), mounts, host),
        posixpath.dirname(_on_host(flags.get("trusted-ca-file", ""), mounts, host)),
    )


def _container(pod: dict[str, Any], host: str) -> dict[str, Any]:
    listed = get(pod, "spec", "containers")
    found = [item for item in listed if isinstance(item, dict) and item.get("name") == "etcd"] if isinstance(listed, list) else []
    if len(found) != 1:
        raise _unclear(host, "has no single container etcd")
    return found[0]


def _flags(container: dict[str, Any]) -> dict[str, str]:
    """Return the flags of a command, whether written as one word or as two."""
    words = [str(word) for key in ("command", "args") for word in container.get(key) or []]
    flags: dict[str, str] = {}
    for number, word in enumerate(words):
        if word.startswith("--"):
            name, equals, value = word[2:].partition("=")
            following = words[number + 1] if number + 1 < len(words) else ""
            flags[name] = value if equals else following
    return flags


def _mounts(pod: dict[str, Any], container: dict[str, Any]) -> dict[str, str]:
    """Return folders in the container to those of the host behind them; a mount that is more than that is left out."""
    volumes = {get(item, "name"): get(item, "hostPath", "path") for item in get(pod, "spec", "volumes") or []}
    return {
        posixpath.normpath(str(get(item, "mountPath"))): posixpath.normpath(str(volumes[get(item, "name")]))
        for item in container.get("volumeMounts") or []
        if volumes.get(get(item, "name")) and not get(item, "subPath") and not get(item, "subPathExpr")
    }


def _on_host(path: str, mounts: dict[str, str], host: str) -> str:
    path = posixpath.normpath(path) if path else ""
    # Mounts may lie in each other: the innermost one counts.
    behind = [mount for mount in mounts if path == mount or path.startswith(f"{mount.rstrip('/')}/")]
    found = posixpath.normpath(mounts[max(behind, key=len)] + path[len(max(behind, key=len)) :]) if behind else ""
    # In `/` itself, or in a folder such as /var, etcd would not be alone with its data.
    if not found.startswith("/") or found.count("/") < 2:
        raise _unclear(host, f"has {printable(path) or 'its data'} in no known folder of the host")
    return found


def _unclear(host: str, why: str) -> BlockedError:
    return BlockedError(
        f"{host}: etcd of {ETCD_MANIFEST} {why}",
        hint="without knowing its folders there is no way back; nothing was stopped. See the manifest there",
    )
