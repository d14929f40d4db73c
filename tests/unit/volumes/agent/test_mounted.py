"""The kubelet's mount of a volume is found in the kernel's list, and proven by the note beside it; whole passes run in integration."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from migrator.volumes.agent.mounted import NotMountedError, busy, device, mount_point
from migrator.volumes.agent.users import Mount

DRIVER, HANDLE = "disk.example.com", "vol/1"
NOTED = {"driverName": DRIVER, "volumeHandle": HANDLE}


class Kubelet:
    """What is mounted on a host."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._points: list[str] = []

    def publish(self, pod: str, note: object = NOTED, *, is_mounted: bool = True, below: str = "mount") -> str:
        """Note a mount for a pod, and return where it is."""
        folder = self._folder / f"kubelet/pods/{pod}/volumes/kubernetes.io~csi/pv-1"
        folder.mkdir(parents=True)
        (folder / "vol_data.json").write_text(note if isinstance(note, str) else json.dumps(note))
        if is_mounted:
            self._points.append(f"{folder}/{below}")
        return f"{folder}/mount"

    def point(self, volume: str = "pv-1", pod: str = "") -> str:
        """Return where the volume is found."""
        mounts = [Mount("8:1", "/", point, "ext4", "/dev/x") for point in self._points]
        return mount_point(DRIVER, volume, HANDLE, pod, seen=lambda: mounts)


@pytest.fixture
def kubelet(tmp_path: Path) -> Kubelet:
    """Return a kubelet that has mounted nothing yet."""
    return Kubelet(tmp_path)


def test_any_pods_mount_will_do_or_that_of_one_pod(kubelet: Kubelet) -> None:
    """In a folder of the kubelet wherever that is."""
    one, two = kubelet.publish("aaaa-1"), kubelet.publish("bbbb-2")
    assert kubelet.point() == one
    assert kubelet.point("pv-1", "bbbb-2") == two
    with pytest.raises(NotMountedError, match="is not mounted here for the pod that holds it"):
        kubelet.point("pv-1", "cccc-3")


@pytest.mark.parametrize(
    "note", [{}, {**NOTED, "driverName": "other"}, {**NOTED, "volumeHandle": "vol/2"}, [DRIVER, HANDLE], "{", '{"driverName":']
)
def test_a_note_that_does_not_name_the_volume_proves_nothing(kubelet: Kubelet, note: object) -> None:
    """Another driver, another handle, no note."""
    point = kubelet.publish("aaaa-1", note)
    with pytest.raises(NotMountedError, match=f"what is mounted at {point} is volume"):
        kubelet.point()


def test_the_folder_for_a_mount_is_no_mount(kubelet: Kubelet) -> None:
    """Nor is what somebody has mounted below it, nor another volume's."""
    kubelet.publish("aaaa-1", is_mounted=False)
    kubelet.publish("bbbb-2", below="mount/inner")
    with pytest.raises(NotMountedError, match=r"volume vol/1 of disk.example.com is not mounted here$"):
        kubelet.point()
    kubelet.publish("cccc-3")
    with pytest.raises(NotMountedError):
        kubelet.point("pv-2")


def test_a_busy_folder_is_open_for_that_time(tmp_path: Path) -> None:
    """So that the kernel refuses to unmount it."""

    def opened() -> list[str]:
        found = (str(path) for path in Path("/proc/self/fd").iterdir())
        return [path for path in found if os.path.realpath(path) == str(tmp_path)]

    with busy(str(tmp_path)):
        assert len(opened()) == 1
    assert opened() == []


class Devices:
    """What is bound on a host, where files stand for devices."""

    def __init__(self, folder: Path) -> None:
        self._base = folder / "kubelet/plugins/kubernetes.io/csi/volumeDevices"
        self._points: list[str] = []
        self._devices: list[str] = []

    def bind(self, pod: str, note: object = NOTED, *, where: str = "pv-1/dev", is_device: bool = True) -> str:
        """Note a device and bind it for a pod, and return where it is."""
        (self._base / "pv-1/data").mkdir(parents=True, exist_ok=True)
        (self._base / "pv-1/data/vol_data.json").write_text(json.dumps(note))
        self._points.append(f"{self._base}/{where}/{pod}")
        self._devices.extend(self._points[-1:] if is_device else [])
        return self._points[-1]

    def found(self, pod: str = "") -> str:
        """Return where the volume is found."""
        mounts = [Mount("0:6", "/loop1", point, "devtmpfs", "udev") for point in self._points]
        return device(DRIVER, "pv-1", HANDLE, pod, seen=lambda: mounts, judge=lambda path: path in self._devices)


def test_a_device_is_found_where_the_kubelet_or_the_driver_has_bound_it(tmp_path: Path) -> None:
    """For any pod or for one; a note without the device, as older kubelets leave it (kubernetes#87977), is none."""
    host = Devices(tmp_path)
    with pytest.raises(NotMountedError, match=r"is not mounted here$"):
        host.found()
    host.bind("gone-0", is_device=False)
    one, two = host.bind("aaaa-1"), host.bind("bbbb-2", where="publish/pv-1")
    host.bind("cccc-3", where="pv-2/dev")
    assert host.found() in (one, two)
    assert (host.found("aaaa-1"), host.found("bbbb-2")) == (one, two)
    for pod in ("gone-0", "cccc-3"):
        with pytest.raises(NotMountedError, match="is not mounted here for the pod that holds it"):
            host.found(pod)
    host.bind("aaaa-1", {**NOTED, "volumeHandle": "vol/2"})
    with pytest.raises(NotMountedError, match=r"is volume 'vol/2' of 'disk.example.com'"):
        host.found()
