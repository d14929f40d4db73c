"""The kubelet's mount of a volume is found in the kernel's list, and proven by the note beside it; whole passes run in integration."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from migrator.volumes.agent import mounted
from migrator.volumes.agent.mounted import NotMountedError, busy, mount_point
from migrator.volumes.agent.users import Mount

DRIVER, HANDLE = "disk.example.com", "vol/1"
NOTED = {"driverName": DRIVER, "volumeHandle": HANDLE}
Publish = Callable[..., str]


@pytest.fixture
def publish(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Publish:
    """Return what notes a mount for a pod."""
    points: list[str] = []

    def published(pod: str, note: object = NOTED, *, is_mounted: bool = True, below: str = "mount") -> str:
        folder = tmp_path / f"kubelet/pods/{pod}/volumes/kubernetes.io~csi/pv-1"
        folder.mkdir(parents=True)
        (folder / "vol_data.json").write_text(note if isinstance(note, str) else json.dumps(note))
        if is_mounted:
            points.append(f"{folder}/{below}")
        return f"{folder}/mount"

    monkeypatch.setattr(mounted, "mounts", lambda: [Mount("8:1", "/", point, "ext4", "/dev/x") for point in points])
    return published


def test_any_pods_mount_will_do_or_that_of_one_pod(publish: Publish) -> None:
    """In a folder of the kubelet wherever that is."""
    one, two = publish("aaaa-1"), publish("bbbb-2")
    assert mount_point(DRIVER, "pv-1", HANDLE) == one
    assert mount_point(DRIVER, "pv-1", HANDLE, "bbbb-2") == two
    with pytest.raises(NotMountedError, match="is not mounted here for the pod that holds it"):
        mount_point(DRIVER, "pv-1", HANDLE, "cccc-3")


@pytest.mark.parametrize(
    "note", [{}, {**NOTED, "driverName": "other"}, {**NOTED, "volumeHandle": "vol/2"}, [DRIVER, HANDLE], "{", '{"driverName":']
)
def test_a_note_that_does_not_name_the_volume_proves_nothing(publish: Publish, note: object) -> None:
    """Another driver, another handle, no note."""
    point = publish("aaaa-1", note)
    with pytest.raises(NotMountedError, match=f"what is mounted at {point} is volume"):
        mount_point(DRIVER, "pv-1", HANDLE)


def test_the_folder_for_a_mount_is_no_mount(publish: Publish) -> None:
    """Nor is what somebody has mounted below it, nor another volume's."""
    publish("aaaa-1", is_mounted=False)
    publish("bbbb-2", below="mount/inner")
    with pytest.raises(NotMountedError, match=r"volume vol/1 of disk.example.com is not mounted here$"):
        mount_point(DRIVER, "pv-1", HANDLE)
    publish("cccc-3")
    with pytest.raises(NotMountedError):
        mount_point(DRIVER, "pv-2", HANDLE)


def test_a_busy_folder_is_open_for_that_time(tmp_path: Path) -> None:
    """So that the kernel refuses to unmount it."""

    def opened() -> list[str]:
        found = (str(path) for path in Path("/proc/self/fd").iterdir())
        return [path for path in found if os.path.realpath(path) == str(tmp_path)]

    with busy(str(tmp_path)):
        assert len(opened()) == 1
    assert opened() == []
