"""Who uses a folder is seen."""

from __future__ import annotations

import io
import mmap
import subprocess
import sys
from pathlib import Path

import pytest

from migrator.volumes.agent import users
from migrator.volumes.agent.users import Mount, is_of_pod, mount_of, mounts

_OPEN = "import sys; file = open(sys.argv[1], 'rb'); print('up', flush=True); sys.stdin.read()"
_MAP = (
    "import mmap, sys\nwith open(sys.argv[1], 'r+b') as file: made = mmap.mmap(file.fileno(), 0)\n"
    "print('up', flush=True); sys.stdin.read()"
)


def seen_while(program: str, path: Path, root: Path) -> list[str]:
    """Return who uses a folder while a process works on a file."""
    with subprocess.Popen([sys.executable, "-c", program, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as started:
        assert started.stdin is not None
        assert started.stdout is not None
        assert started.stdout.readline() == b"up\n"
        return users.users(str(root))


def test_an_open_file_and_a_mapped_one_are_seen(tmp_path: Path) -> None:
    """With the process that has it; a folder whose name only begins the same is another one."""
    for name in ("vol", "volume"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_bytes(bytes(mmap.PAGESIZE))
    root = (tmp_path / "vol").resolve()
    assert users.users(str(root)) == []
    assert any(text.endswith(f"has {root}/file open") for text in seen_while(_OPEN, root / "file", root))
    assert any(f"{root}/file" in text for text in seen_while(_MAP, root / "file", root))
    assert seen_while(_OPEN, tmp_path / "volume/file", root) == []


def test_a_child_that_has_not_executed_its_program_yet_is_no_use(tmp_path: Path) -> None:
    """Another thread starts it, and it has all files of its parent open."""
    root = tmp_path.resolve()
    (root / "file").write_bytes(b"x")
    script = (
        "import os, sys; from migrator.volumes.agent import users; file = open(sys.argv[1] + '/file'); end, go = os.pipe(); child = os.fork()\n"
        "if not child: os.close(go); os.read(end, 1); os._exit(0)\n"
        "print(users.users(sys.argv[1])); os.close(go); os.waitpid(child, 0)"
    )
    done = subprocess.run([sys.executable, "-c", script, str(root)], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_a_mount_of_the_folder_elsewhere_is_a_use() -> None:
    """As a container has it; the host's own mount of the file system is none."""
    place, below = Mount("8:1", "/", "/", "ext4", "/dev/sda1"), "/srv/vol"
    own = Mount("8:1", "/srv/vol", "/data", "ext4", "/dev/sda1")
    assert users._inside("/", "srv/vol") == below
    assert not users._only_mirrors(own, place, "/srv/vol")
    assert users._only_mirrors(place, place, "/srv/vol")


@pytest.mark.parametrize(
    ("mount", "use"),
    [
        (Mount("8:1", "/srv/vol", "/data", "ext4", "/dev/sda1"), True),
        (Mount("8:1", "/srv/vol/inner", "/data", "ext4", "/dev/sda1"), True),
        (Mount("8:1", "/srv/vol", "/srv/vol", "ext4", "/dev/sda1"), False),
        (Mount("8:1", "/srv/volume", "/data", "ext4", "/dev/sda1"), False),
        (Mount("8:2", "/srv/vol", "/data", "ext4", "/dev/sdb1"), False),
        (Mount("8:1", "/srv/vol", "/x/plugins/kubernetes.io/csi/d/1/globalmount", "ext4", "/dev/sda1"), False),
    ],
    ids=["folder", "part", "itself", "another name", "another disk", "kubelet"],
)
def test_which_mounts_are_uses(mount: Mount, *, use: bool) -> None:
    """The folder's own mount is none, nor is that in which the kubelet keeps it for pods."""
    assert users._is_use(mount, Mount("8:1", "/", "/", "ext4", "/dev/sda1"), "/srv/vol", "/srv/vol") is use


def test_the_mount_that_a_path_lies_in_is_the_deepest(tmp_path: Path) -> None:
    """And /proc is one of its own."""
    assert mount_of("/proc/sys").kind == "proc"
    assert any(mount.point == mount_of(str(tmp_path)).point for mount in mounts())


@pytest.mark.parametrize(
    ("group", "own"),
    [
        ("0::/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod1a2b_3c.slice/crio-77.scope\n", True),
        ("0::/kubepods/besteffort/pod1a2b-3c/77\n", True),
        ("0::/kubepods/besteffort/pod9f9f-3c/77\n", False),
        ("0::/system.slice/kubelet.service\n", False),
    ],
)
def test_a_process_of_the_tools_own_pod_is_told_by_its_control_group(
    monkeypatch: pytest.MonkeyPatch, group: str, *, own: bool
) -> None:
    """By systemd's names and by those of cgroupfs; another pod's process is a user."""
    monkeypatch.setattr("builtins.open", lambda path, **_: io.StringIO(group if path == "/proc/7/cgroup" else ""))
    assert is_of_pod(7, "1a2b-3c") is own
