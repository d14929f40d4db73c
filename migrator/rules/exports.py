"""Claims on NFS exports: an export is handed over, or a person copies it; nothing here mounts one."""

from __future__ import annotations

from typing import Any

from migrator.model.manifest import Manifest, get
from migrator.untrusted import for_shell

_FOLDERS = "/mnt/blue", "/mnt/green"


def by_hand(blue: Manifest, green: Manifest | None) -> tuple[str, str] | None:
    """Return why an NFS volume is copied to no other export, and the command that does it; None for a volume of another kind.

    The command runs as root on a host that reaches both servers, twice: while blue serves, and when it has stopped.
    """
    source = blue["spec"].get("nfs")
    if not source:
        return None
    target = (green or {}).get("spec", {}).get("nfs") or {}
    here, there = _FOLDERS
    steps = (
        f"mkdir -p {here} {there}",
        f"mount -t nfs -o ro {_address(source)} {here}",
        f"mount -t nfs {_address(target) if target else 'SERVER:/EXPORT'} {there}",
        f"rsync -aHAX --numeric-ids --modify-window=-1 --delete {here}/ {there}/",
        f"umount {here} {there}",
    )
    reason = f"it lies on an NFS server, and this tool mounts no exports: {source.get('server')}:{source.get('path')}"
    twice = "while blue serves and again when nothing uses it, on a host whose root both servers trust (no_root_squash)"
    return reason, f"the same export: way: handOver; another one: `{' && '.join(steps)}` {twice}"


def same_export(blue: Manifest, green: Manifest | None) -> bool:
    """Return whether both sides have the same export: nothing is to be copied, and both may write."""
    return bool(blue["spec"].get("nfs")) and get(green or {}, "spec", "nfs") is not None and _address_of(blue) == _address_of(green)


def _address_of(volume: Manifest | None) -> tuple[Any, str]:
    nfs = get(volume or {}, "spec", "nfs") or {}
    return nfs.get("server"), str(nfs.get("path") or "/").rstrip("/") or "/"


def _address(nfs: Manifest) -> str:
    """Return `server:path` for mount(8), which wants an IPv6 address in brackets."""
    server = str(nfs.get("server"))
    return for_shell(f"{f'[{server}]' if ':' in server and not server.startswith('[') else server}:{nfs.get('path') or '/'}")
