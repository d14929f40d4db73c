"""What breaks under a copy of a volume: one line each, blue as it was, and nothing left on the hosts."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from migrator.errors import BlockedError
from tests.support.volume_hosts import VolumePair, volume_pair


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
