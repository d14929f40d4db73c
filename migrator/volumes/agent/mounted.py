"""Where the kubelet has mounted a volume of a CSI driver, proven to be that volume; and keeping it mounted while it is used."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from migrator.volumes.agent.users import Mount, mounts

# The kubelet's folder for a volume of a pod (pkg/volume/csi); a `/` in a name is written `~` there.
_MOUNT = re.compile(r"/pods/(?P<pod>[0-9A-Za-z-]+)/volumes/kubernetes\.io~csi/(?P<volume>[^/]+)/mount")
_KEPT = "vol_data.json"
# It holds a dozen short texts.
_LONGEST = 1 << 20


class NotMountedError(Exception):
    """The volume is not mounted here, or what is mounted is another one."""


def mount_point(driver: str, volume: str, handle: str, pod: str = "", *, seen: Callable[[], Iterable[Mount]] = mounts) -> str:
    """Return where a volume is mounted for a pod, or for any; raises NotMountedError.

    It is taken from the kernel's list of mounts, so that the empty folder for a mount that is gone is never taken for the
    volume; and what the kubelet has written beside it must name the same driver and handle as the PersistentVolume.
    """
    wrong = ""
    for point in sorted({mount.point for mount in seen()}):
        found = _MOUNT.search(point)
        if not found or found.end() != len(point) or found["volume"] != volume.replace("/", "~") or pod not in ("", found["pod"]):
            continue
        known = _kept(point)
        if (known.get("driverName"), known.get("volumeHandle")) == (driver, handle):
            return point
        wrong = f"; what is mounted at {point} is volume {known.get('volumeHandle')!r} of {known.get('driverName')!r}"
    raise NotMountedError(f"volume {handle} of {driver} is not mounted here{' for the pod that holds it' if pod else ''}{wrong}")


def _kept(point: str) -> dict[str, object]:
    """Return what the kubelet has noted of a volume; what cannot be read proves nothing."""
    try:
        with open(f"{os.path.dirname(point)}/{_KEPT}", encoding="utf-8") as file:
            found = json.loads(file.read(_LONGEST))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


@contextmanager
def busy(root: str) -> Iterator[None]:
    """Keep a folder open, so that nobody can unmount it, and no write lands in the folder below a mount that has gone."""
    fd = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield
    finally:
        os.close(fd)
