"""What breaks under a copy of a volume: one line each, blue as it was, and nothing left on the hosts."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from migrator.errors import BlockedError
from tests.support.moments import Moment, meanwhile
from tests.support.trees import described
from tests.support.volume_hosts import SpaceHost, VolumePair, volume_pair


@pytest.fixture(scope="module")
def hosts() -> Iterator[VolumePair]:
    """Make two hosts."""
    with volume_pair() as made:
        yield made


def refused(hosts: VolumePair, name: str) -> str:
    """Return the one line of a pass that must fail, and see that it left nothing behind."""
    with pytest.raises(BlockedError) as caught:
        hosts.mover.move(hosts.job(name), lambda _: None)
    assert (hosts.blue.units, hosts.green.units) == ([], [])
    assert [path for host in (hosts.blue, hosts.green) for path in (host.folder / "run").iterdir()] == []
    assert "\n" not in caught.value.message
    return caught.value.message


def direct(path: Path, megabytes: int) -> None:
    """Write a file that no memory of the kernel holds."""
    subprocess.run(
        ["dd", "if=/dev/urandom", f"of={path}", "bs=1M", f"count={megabytes}", "oflag=direct"], check=True, capture_output=True
    )


def test_a_file_that_blue_s_disk_cannot_read_ends_the_copy_with_its_name(hosts: VolumePair) -> None:
    """The disk ends before the file does, as a disk that dies; the first stream and a later pass say the same."""
    blue, _ = hosts.volume("dying", kind="ext4", megabytes=64)
    for number in range(8):
        direct(blue / f"file-{number}", 5)
    subprocess.run(["sync", "-f", str(blue)], check=True)
    os.truncate(hosts.blue.folder / "dying.img", 40 << 20)
    for _ in range(2):
        said = refused(hosts, "dying")
        assert "Input/output error" in said
        assert "file-" in said
    assert sorted(path.name for path in blue.iterdir()) == [*(f"file-{number}" for number in range(8)), "lost+found"]


def test_a_file_that_takes_the_place_of_another_needs_no_room_for_both(hosts: VolumePair) -> None:
    """On a target that holds one of them only: what is gone from blue goes first there."""
    blue, green = hosts.volume("narrow", kind="ext4", megabytes=64)
    (blue / "old").write_bytes(os.urandom(30 << 20))
    hosts.mover.move(hosts.job("narrow"), lambda _: None)
    (blue / "old").unlink()
    new = os.urandom(30 << 20)
    (blue / "new").write_bytes(new)
    assert hosts.mover.move(hosts.job("narrow"), lambda _: None).equal
    assert (green / "new").read_bytes() == new


@pytest.mark.on_demand
def test_a_file_that_has_no_room_beside_itself_is_changed_where_it_lies(hosts: VolumePair) -> None:
    """A disk of a virtual machine that fills its volume (backube/volsync#1044): there, and back with what undoes it."""
    blue, green = hosts.volume("disk-image", kind="ext4", megabytes=64)
    (blue / "disk.img").write_bytes(os.urandom(36 << 20))
    (blue / "small").write_bytes(b"1")
    hosts.mover.move(hosts.job("disk-image"), lambda _: None)
    for number, host in enumerate((blue, green)):
        with (host / "disk.img").open("r+b") as file:
            file.seek((5 + number) << 20)
            file.write(b"changed")
        if host is blue:
            last = hosts.mover.move(hosts.job("disk-image", finish=True), lambda _: None)
            assert (last.equal, last.number("received") < 1 << 20) == (True, True)
            at_switch = described(blue)
            assert described(green) == at_switch
    back = hosts.job("disk-image", back=True, finish=True, known_target=True, undo=1)
    assert hosts.back.move(back, lambda _: None).equal
    assert described(blue) == described(green) != at_switch
    assert hosts.back.take_back(back, lambda _: None, everything=True).objects
    assert described(blue) == at_switch


@pytest.mark.on_demand
def test_a_target_that_fills_up_meanwhile_is_told_and_goes_on_with_room(hosts: VolumePair) -> None:
    """Case 22: there was room when the pass looked, and somebody else took it."""
    blue, green = hosts.volume("fills", kind="ext4", megabytes=64)
    for number in range(8):
        (blue / f"{number}").write_bytes(os.urandom(4 << 20))
    taken: list[int] = []
    with Moment(hosts, green, "scan") as there:  # the room was looked at before

        def take() -> None:
            taken.append(os.open(green, os.O_TMPFILE | os.O_RDWR))  # nothing names it, so that a pass sees only its room
            room = os.statvfs(green)
            os.posix_fallocate(taken[0], 0, int(room.f_bavail * room.f_frsize * 0.7))
            there.let_go()

        with meanwhile(there.reached, take):
            said = refused(hosts, "fills")
    assert "No space left on device" in said
    os.close(taken[0])
    assert hosts.mover.move(hosts.job("fills", finish=True), lambda _: None).equal
    assert described(green) == described(blue)


@pytest.mark.on_demand
def test_a_target_without_acls_is_refused_before_anything_is_written(hosts: VolumePair) -> None:
    """Case 13: what it cannot keep is named."""
    blue, green = hosts.volume("plain", kind="btrfs", megabytes=128)
    (blue / "file").write_text("x")
    subprocess.run(["umount", str(green)], check=True)  # this process's, which is another one with ACLs
    hosts.green.run(f"umount '{green}' && mount -o loop,noacl '{hosts.green.folder}/plain.img' '{green}'")
    assert "the target cannot keep ACLs" in refused(hosts, "plain")
    assert hosts.green.run(f"ls -A '{green}'") == ""


@pytest.mark.on_demand
def test_a_clock_that_was_set_back_hides_no_change(hosts: VolumePair) -> None:
    """Case 18: the times of the change lie before the last pass, and size and time of the file are as they were."""
    blue, green = hosts.volume("back-in-time", kind="ext4")
    (blue / "table").write_bytes(b"before")
    hosts.mover.move(hosts.job("back-in-time"), lambda _: None)
    times = (blue / "table").stat()
    (blue / "table").write_bytes(b"behind")
    os.utime(blue / "table", ns=(times.st_atime_ns, times.st_mtime_ns))
    image = hosts.blue.folder / "back-in-time.img"
    with unmounted(hosts.blue, blue, image):
        debugfs(image, "set_inode_field /table ctime 20200101000000")
    assert (blue / "table").stat().st_ctime < times.st_ctime - 3600
    assert hosts.mover.move(hosts.job("back-in-time", finish=True), lambda _: None).equal
    assert (green / "table").read_bytes() == b"behind"


@pytest.mark.on_demand
def test_a_bit_that_the_disk_itself_flips_is_found(hosts: VolumePair) -> None:
    """Case 28: no time of the file tells of it; a full verification does, and brings the file again."""
    blue, green = hosts.volume("rotten", kind="ext4")
    (blue / "table").write_bytes(b"needle in the disk" * 1000)
    hosts.mover.move(hosts.job("rotten"), lambda _: None)
    image, before = hosts.green.folder / "rotten.img", (green / "table").stat()
    with unmounted(hosts.green, green, image), image.open("r+b") as disk:
        disk.seek(disk.read().index(b"needle in the disk" * 10))
        disk.write(b"n\x00")
    assert (green / "table").read_bytes()[:2] == b"n\x00"
    assert (green / "table").stat().st_ctime_ns == before.st_ctime_ns
    result = hosts.mover.move(hosts.job("rotten", finish=True, full=True), lambda _: None)
    assert (result.equal, result.number("repairs") >= 1) == (True, True)
    assert (green / "table").read_bytes() == (blue / "table").read_bytes()


class unmounted:  # noqa: N801 - it reads as a state
    """A volume whose image nobody has mounted."""

    def __init__(self, host: SpaceHost, path: Path, image: Path) -> None:
        self.host, self.path, self.image = host, path, image

    def __enter__(self) -> None:
        """Take the mounts of this process and of the host away, so that nothing of it is in memory."""
        self.host.run(f"umount '{self.path}' || true")
        subprocess.run(["umount", str(self.path)], check=True)

    def __exit__(self, *_: object) -> None:
        """Bring them back."""
        subprocess.run(["mount", "-o", "loop", str(self.image), str(self.path)], check=True)
        self.host.run(f"mount -o loop '{self.image}' '{self.path}'")


def debugfs(image: Path, request: str) -> None:
    """Change an ext4 that is not mounted, beside its kernel."""
    program = shutil.which("debugfs", path=f"{os.environ['PATH']}:/usr/sbin:/sbin")
    assert program, "of the package e2fsprogs, as mkfs.ext4"
    subprocess.run([program, "-w", "-R", request, str(image)], check=True, capture_output=True)
