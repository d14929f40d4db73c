"""Who uses a folder is seen."""

from __future__ import annotations

import io
import mmap
import subprocess
import sys
from pathlib import Path
from typing import Any

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


def mount(device: str, root: str, point: str, number: int, above: int) -> Mount:
    """Return a line of a list of mounts."""
    return Mount(device, root, point, "ext4", f"/dev/{device}", number, above)


_KUBELET = "/var/lib/kubelet/pods/a-1/volumes/kubernetes.io~csi/pv/mount"
# A host with its disk, a volume of a driver with the driver's mount for the node, and a disk for local volumes.
_HOST = [
    mount("8:1", "/", "/", 20, 1),
    mount("9:1", "/", "/var/lib/kubelet/plugins/kubernetes.io/csi/pv/globalmount", 30, 20),
    mount("9:1", "/", _KUBELET, 31, 20),
    mount("8:2", "/", "/mnt/disks/one", 32, 20),
]


@pytest.mark.parametrize(
    ("root", "there", "seen"),
    [
        # A container has a folder of the host's disk, or something in it, or the volume's own file system.
        ("/srv/vol", [mount("8:1", "/srv/vol", "/data", 51, 50)], ["/data"]),
        ("/srv/vol", [mount("8:1", "/srv/vol/inner", "/srv/vol", 51, 50)], ["/srv/vol"]),
        ("/srv/vol", [mount("8:1", "/srv/volume", "/data", 51, 50)], []),
        ("/srv/vol", [mount("8:2", "/srv/vol", "/data", 51, 50)], []),
        (_KUBELET, [mount("9:1", "/", "/data", 51, 50)], ["/data"]),
        ("/mnt/disks/one", [mount("8:2", "/", "/mnt/disks/one", 51, 50)], ["/mnt/disks/one"]),
        # node-exporter and the like have all of the host, with all mounts below it; so has a service of systemd's.
        (_KUBELET, [mount("8:1", "/", "/host/root", 51, 50), mount("9:1", "/", f"/host/root{_KUBELET}", 52, 51)], []),
        (_KUBELET, [mount("8:1", "/", "/", 51, 1), mount("9:1", "/", _KUBELET, 52, 51)], []),
        (
            _KUBELET,
            [mount("8:1", "/var/lib/kubelet/pods", "/host_pods", 51, 50), mount("9:1", "/", _KUBELET.replace("/var/lib/kubelet/pods", "/host_pods"), 52, 51)],
            [],
        ),
        ("/mnt/disks/one", [mount("8:1", "/mnt", "/x", 51, 50), mount("8:2", "/", "/x/disks/one", 52, 51)], []),
        # The kubelet's folder lies on two paths (openebs/lvm-localpv#461), and a volume was mounted twice.
        (_KUBELET, [*_HOST, mount("8:1", "/var/lib/kubelet", "/k", 60, 20), mount("9:1", "/", _KUBELET.replace("/var/lib/kubelet", "/k"), 61, 60)], []),
        (_KUBELET, [*_HOST, mount("9:1", "/", _KUBELET, 60, 31)], []),
        # Another pod's mount by the kubelet is a use wherever it is seen.
        (_KUBELET, [mount("8:1", "/", "/host", 51, 50), mount("9:1", "/", f"/host{_KUBELET.replace('a-1', 'b-2')}", 52, 51)], [f"/host{_KUBELET.replace('a-1', 'b-2')}"]),
    ],
)  # fmt: skip
def test_a_mount_of_the_volume_is_a_use_but_not_the_hosts_own_seen_elsewhere(
    root: str, there: list[Mount], seen: list[str]
) -> None:
    """What is told apart by the folder that it lies on, as its paths are those of each mount namespace."""
    container = mount("0:50", "/", "/", 50, 49)
    assert users.Volume(root, _HOST).mounted([container, *there]) == seen


def test_where_processes_see_a_volume_is_known_for_each_mount_namespace() -> None:
    """A path that only sounds the same in a container is its own."""
    volume = users.Volume("/srv/vol", _HOST)
    container = mount("0:50", "/", "/", 50, 49)
    assert volume.visible(_HOST) == ("/srv/vol",)
    assert volume.visible([container]) == ()
    assert volume.visible([container, mount("8:1", "/", "/host", 51, 50), mount("8:1", "/srv", "/s", 52, 50)]) == (
        "/host/srv/vol",
        "/s/vol",
    )
    assert users.Volume(_KUBELET, _HOST).visible(_HOST)[0].endswith("/globalmount")


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


MOUNTINFO = (
    "36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue\n"
    "37 36 0:44 / /srv/a\\040b\\134c\\011d\\012e rw shared:5 propagate_from:2 - fuse.s3fs s3\\040b\\043x rw\n"
    "38 36 0:45 / /srv/\\134040 rw - nfs4 [fd00::1]:/export rw,vers=4.2\n"
    "39 36 0:46 / /srv/\udcff rw - tmpfs tmpfs rw\n"
)


def test_the_kernel_s_list_of_mounts_is_read_as_the_kernel_writes_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """With any number of optional fields, escapes of octal numbers, and bytes that are no text (proc_pid_mountinfo(5))."""
    monkeypatch.setattr("builtins.open", lambda *_, **__: io.StringIO(MOUNTINFO))
    assert list(mounts("7")) == [
        Mount("98:0", "/mnt1", "/mnt2", "ext3", "/dev/root", 36, 35),
        Mount("0:44", "/", "/srv/a b\\c\td\ne", "fuse.s3fs", "s3 b#x", 37, 36),
        Mount("0:45", "/", "/srv/\\040", "nfs4", "[fd00::1]:/export", 38, 36),
        Mount("0:46", "/", "/srv/\udcff", "tmpfs", "tmpfs", 39, 36),
    ]


@pytest.mark.parametrize("text", ["", "7 (a) S", "7 ((sd-pam) 5) S 1 7", "7 (ab) c) S 1 7"])
def test_a_process_whose_line_is_strange_or_gone_is_not_our_child(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    """The name of a program may hold brackets and spaces; the fourth field comes behind it."""
    monkeypatch.setattr("builtins.open", lambda *_, **__: io.StringIO(text))
    assert users._just_forked(7) is False


def test_a_process_that_ends_while_it_is_looked_at_is_named_by_its_number() -> None:
    """And it has nothing open any more."""
    with subprocess.Popen(["true"]) as ended:
        ended.wait()
        assert users._name(ended.pid) == f"process {ended.pid}"
        assert list(users._opened(ended.pid, ("/",))) == []
        assert is_of_pod(ended.pid, "1a2b") is False


MAPS = (
    "7f00-7f01 r--p 00000000 08:01 5                          /srv/vol/a file\n"
    "7f01-7f02 r--p 00000000 00:00 0\n"
    "7f02-7f03 rw-p 00000000 00:00 0                          [heap]\n"
)


@pytest.mark.parametrize(
    ("paths", "seen"),
    [
        (("/srv/vol",), ["process 4194305 has /srv/vol/a file mapped"]),
        (("/data", "/srv/vol"), ["process 4194305 has /srv/vol/a file mapped"]),
        (("/srv/vo",), []),
        (("/srv/vol/a",), []),
        ((), []),
    ],
)
def test_a_mapped_file_is_seen_by_its_whole_path(monkeypatch: pytest.MonkeyPatch, paths: tuple[str, ...], seen: list[str]) -> None:
    """Also with spaces in it, and after it was closed; a folder whose name only begins alike is another one."""
    really = open

    def answers(path: str, *words: Any, **more: Any) -> Any:
        return io.StringIO(MAPS) if path == "/proc/4194305/maps" else really(path, *words, **more)

    monkeypatch.setattr("builtins.open", answers)
    assert list(users._opened(4194305, paths)) == seen


def test_a_carriage_return_in_a_path_ends_no_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A pod mounts its volume at such a path: no other volume of the node could be finished."""
    really = open
    (tmp_path / "mountinfo").write_bytes(b"64 43 0:39 / /data\rb rw,relatime - tmpfs  rw\n")
    (tmp_path / "maps").write_bytes(b"7f00-7f01 r--p 00000000 08:01 5    /srv/vol/a\rb\n")

    def answers(path: str, *words: Any, **more: Any) -> Any:
        return really(path.replace("/proc/4194305", str(tmp_path)), *words, **more)

    monkeypatch.setattr("builtins.open", answers)
    assert list(mounts("4194305")) == [Mount("0:39", "/", "/data\rb", "tmpfs", "", 64, 43)]
    assert list(users._opened(4194305, ("/srv/vol",))) == ["process 4194305 has /srv/vol/a\rb mapped"]


def test_a_loop_device_over_a_file_of_the_volume_is_a_use(tmp_path: Path) -> None:
    """Nobody has the file open but the kernel, which writes to it when it likes; a file of another folder is another one."""
    for name, path in (("loop0", f"{tmp_path}/vol/disk.img"), ("loop1", f"{tmp_path}/volume/disk.img"), ("loop2", "")):
        (tmp_path / "block" / name / "loop").mkdir(parents=True)
        (tmp_path / "block" / name / "loop" / "backing_file").write_text(f"{path}\n")
    (tmp_path / "block" / "sda").mkdir()
    assert list(users.looped(f"{tmp_path}/vol", f"{tmp_path}/block")) == [f"loop device loop0 lies over {tmp_path}/vol/disk.img"]
    assert list(users.looped(f"{tmp_path}/vol", f"{tmp_path}/none")) == []
