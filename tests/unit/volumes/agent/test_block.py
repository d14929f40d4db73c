"""Devices as they are read; a file stands for one where only bytes count. Whole passes are in tests/integration/test_volumes.py."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from migrator.volumes.agent import block


def device(tmp_path: Path, content: bytes) -> str:
    """Return a file of this content."""
    path = tmp_path / "device"
    path.write_bytes(content)
    return str(path)


def test_each_chunk_has_its_digest_also_a_short_last_one(tmp_path: Path) -> None:
    """In order; a chunk is read by its number."""
    content = b"a" * block.CHUNK + bytes(block.CHUNK) + b"end"
    path = device(tmp_path, content)
    known = b"".join(block.digests(path))
    assert known == hashlib.sha256(b"a" * block.CHUNK).digest() + block.ZEROS + hashlib.sha256(b"end").digest()
    assert list(block.chunks(path, [2, 0])) == [b"end", b"a" * block.CHUNK]


@pytest.mark.parametrize("number", [1, -1, 1 << 40])
def test_a_chunk_that_is_not_there_is_no_answer(tmp_path: Path, number: int) -> None:
    """What the other side asks for is judged, too."""
    with pytest.raises(OSError, match="no chunk"):
        list(block.chunks(device(tmp_path, b"abc"), [number]))


def test_another_chunk_is_another_digest() -> None:
    """Of the whole device; and so is another size."""
    assert block.digest_of(5, b"x" * 32) != block.digest_of(5, b"y" * 32)
    assert block.digest_of(5, b"x" * 32) != block.digest_of(6, b"x" * 32)


def test_writes_go_where_they_belong(tmp_path: Path) -> None:
    """All of the bytes, and no others."""
    path = device(tmp_path, b"0123456789")
    fd = os.open(path, os.O_RDWR)
    block.write(fd, 3, b"abc")
    assert block.read(fd, 2, 5) == b"2abc6"
    with pytest.raises(OSError, match="ends at 10"):
        block.read(fd, 8, 5)
    os.close(fd)


def test_a_file_is_no_device(tmp_path: Path) -> None:
    """Nor is what is not there."""
    assert not block.is_device(device(tmp_path, b""))
    assert not block.is_device(str(tmp_path / "none"))


def test_a_survey_and_users_of_a_device_are_read_from_what_the_kernel_tells(tmp_path: Path) -> None:
    """What has gone meanwhile has no lines, no names and no number."""
    assert (block._listed(str(tmp_path / "none")), block._lines(str(tmp_path / "none"))) == ([], [])
    assert block._number_of(str(tmp_path / "none")) is None
    assert block._number_of(str(tmp_path)) is None
    assert not block._lies_on(str(tmp_path), 5)
    (tmp_path / "loop").mkdir()
    (tmp_path / "loop/backing_file").write_text(f"{tmp_path}/loop\n")
    assert not block._lies_on(str(tmp_path), 5), "a file that a loop device lies on is no device"


def test_a_device_without_neighbours_is_its_own_family() -> None:
    """A number that no device has is looked for, and nothing is found."""
    number = os.makedev(4095, 1_048_575)
    assert block._family(number) == {number}
