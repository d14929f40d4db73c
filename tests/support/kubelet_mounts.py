"""What a kubelet and a CSI driver leave on a host, made by hand: a volume or a device for a pod, and the note beside it.

It stands for a real driver: the folders, the names and the note are the kubelet's own (pkg/volume/csi of Kubernetes).
"""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass, field
from pathlib import Path

from migrator.model.volumes import Place, PlaceKind
from tests.support.volume_hosts import SpaceHost

DRIVER = "disk.example.com"


@dataclass(slots=True)
class CsiVolume:
    """A volume of a driver on one host: a file system of its own, mounted once for the node and once for each pod."""

    host: SpaceHost
    name: str
    handle: str = ""
    pods: dict[str, Path] = field(default_factory=dict)
    """Where it is mounted, by the UIDs of its pods."""

    def __post_init__(self) -> None:
        self.handle = self.handle or f"vol/{self.name}"
        self.host.run(f"truncate -s 32M '{self._image}' && mkfs.ext4 -qF '{self._image}'")

    @property
    def _image(self) -> Path:
        return self.host.folder / f"{self.name}.img"

    @property
    def _staged(self) -> Path:
        return self.host.folder / f"kubelet/plugins/kubernetes.io/csi/{DRIVER}/{self.name}/globalmount"

    def publish(self, *, driver: str = DRIVER, handle: str = "") -> str:
        """Mount it for a new pod, as a driver and a kubelet do, and return the pod's UID."""
        pod = str(uuid.uuid4())
        there = self.host.folder / f"kubelet/pods/{pod}/volumes/kubernetes.io~csi/{self.name}"
        self.host.run(
            f"mkdir -p '{self._staged}' '{there}/mount'; mountpoint -q '{self._staged}' || mount -o loop '{self._image}' '{self._staged}'; "
            f"mount --bind '{self._staged}' '{there}/mount'"
        )
        noted = {"driverName": driver, "volumeHandle": handle or self.handle, "specVolID": self.name, "nodeName": self.host.name}
        self.host.write(f"{there}/vol_data.json", json.dumps(noted).encode())
        self.pods[pod] = there / "mount"
        return pod

    def unpublish(self, pod: str) -> None:
        """Unmount it for a pod; the empty folder and the note stay for a moment, as with a kubelet that was restarted."""
        self.host.run(f"umount '{self.pods.pop(pod)}'")

    def place(self, node: str, pod: str = "") -> Place:
        """Return it as a plan has it."""
        return Place(node, f"{DRIVER}/{self.name}/{self.handle}", PlaceKind.CSI, pod)

    def seen(self, pod: str) -> Path:
        """Return where this process sees what a pod has mounted."""
        return Path(f"/proc/{self.host.pid}/root") / self.pods[pod].relative_to("/")


@dataclass(slots=True)
class CsiDevice:
    """A block device of a driver on one host, as the kubelet binds it for each pod, with its own loop device over it."""

    host: SpaceHost
    name: str
    megabytes: int = 16
    loops: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        image = self.host.folder / f"{self.name}.img"
        self.host.run(f"truncate -s {self.megabytes}M '{image}'")
        self.loops.append(self.host.run(f"losetup -f --show '{image}'").strip())

    @property
    def disk(self) -> Path:
        """The driver's device."""
        return Path(self.loops[0])

    @property
    def _folder(self) -> Path:
        return self.host.folder / f"kubelet/plugins/kubernetes.io/csi/volumeDevices/{self.name}"

    def publish(self) -> str:
        """Bind it for a new pod, and return the pod's UID; the last loop device is then the kubelet's."""
        pod = str(uuid.uuid4())
        bound = self._folder / "dev" / pod
        self.host.run(f"mkdir -p '{bound.parent}' && touch '{bound}' && mount --bind {self.disk} '{bound}'")
        noted = {"driverName": DRIVER, "volumeHandle": f"vol/{self.name}", "specVolID": self.name, "nodeName": self.host.name}
        self.host.write(f"{self._folder}/data/vol_data.json", json.dumps(noted).encode())
        self.loops.append(self.host.run(f"losetup -f --show '{bound}'").strip())
        return pod

    def place(self, node: str, pod: str = "") -> Place:
        """Return it as a plan has it."""
        return Place(node, f"{DRIVER}/{self.name}/vol/{self.name}", PlaceKind.CSI_BLOCK, pod)

    def remove(self) -> None:
        """Take all of its loop devices away."""
        for loop in reversed(self.loops):
            self.host.run(f"losetup -d {loop}")
