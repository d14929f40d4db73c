"""Where the kubelet has a volume of a CSI driver, proven to be that volume; and keeping it there while it is used."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from migrator.volumes.agent.block import is_device
from migrator.volumes.agent.users import Mount, mounts

# The kubelet's folder for a volume of a pod (pkg/volume/csi); a `/` in a name is written `~` there.
_MOUNT = re.compile(r".*/pods/(?P<pod>[0-9A-Za-z-]+)/volumes/kubernetes\.io~csi/(?P<volume>[^/]+)/mount")
# A block device is bound to a file, by the kubelet for itself and by most drivers for the container (pkg/volume/csi/csi_block.go).
_DEVICE = re.compile(
    r"(?P<all>.*/plugins/kubernetes\.io/csi/volumeDevices)/(?:publish/(?P<volume>[^/]+)|(?P<own>[^/]+)/dev)/(?P<pod>[0-9A-Za-z-]+)"
)
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
    points = ((point, _MOUNT.fullmatch(point)) for point in _points(seen))
    places = (
        (point, os.path.dirname(point)) for point, found in points if found and _is(found["volume"], found["pod"], volume, pod)
    )
    return _proven(places, driver, handle, pod)


def device(
    driver: str,
    volume: str,
    handle: str,
    pod: str = "",
    *,
    seen: Callable[[], Iterable[Mount]] = mounts,
    judge: Callable[[str], bool] = is_device,
) -> str:
    """Return the path of a block device that a driver has for a pod, or for any; raises NotMountedError.

    A file that was left where a device was bound is never taken for it.
    """
    points = ((point, _DEVICE.fullmatch(point)) for point in _points(seen))
    places = (
        (point, f"{found['all']}/{named}/data")
        for point, found in points
        if found and _is(named := found["volume"] or found["own"], found["pod"], volume, pod) and judge(point)
    )
    return _proven(places, driver, handle, pod)


def _points(seen: Callable[[], Iterable[Mount]]) -> list[str]:
    return sorted({mount.point for mount in seen()})


def _is(named: str, of: str, volume: str, pod: str) -> bool:
    return named == volume.replace("/", "~") and pod in ("", of)


def _proven(places: Iterable[tuple[str, str]], driver: str, handle: str, pod: str) -> str:
    """Return the first of places, each with the folder of the kubelet's note, whose note names the volume."""
    wrong = ""
    for point, folder in places:
        known = _kept(folder)
        if (known.get("driverName"), known.get("volumeHandle")) == (driver, handle):
            return point
        wrong = f"; what is mounted at {point} is volume {known.get('volumeHandle')!r} of {known.get('driverName')!r}"
    raise NotMountedError(f"volume {handle} of {driver} is not mounted here{' for the pod that holds it' if pod else ''}{wrong}")


def _kept(folder: str) -> dict[str, object]:
    """Return what the kubelet has noted of a volume; what cannot be read proves nothing."""
    try:
        with open(f"{folder}/{_KEPT}", encoding="utf-8") as file:
            found = json.loads(file.read(_LONGEST))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


@contextmanager
def busy(root: str) -> Iterator[None]:
    """Keep a folder or a device open: nobody can unmount it, and no write lands in what lies below a mount that has gone."""
    fd = os.open(root, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        yield
    finally:
        os.close(fd)
