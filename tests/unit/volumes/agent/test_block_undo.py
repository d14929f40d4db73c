"""What was overwritten on a device comes back, whatever was cut off."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from migrator.volumes.agent import block
from migrator.volumes.agent.block_undo import BlockUndo
from migrator.volumes.agent.restore import RestoreError

OLD = b"o" * block.CHUNK


def log_of(tmp_path: Path, *users: str) -> BlockUndo:
    """Return the log of one switch; these use the device."""
    return BlockUndo(str(tmp_path / "undo"), lambda _: list(users))


def changed(log: BlockUndo, path: Path, number: int, content: bytes) -> None:
    """Overwrite a chunk as a pass does."""
    fd = os.open(path, os.O_RDWR)
    log.keep([(number, block.read(fd, number * block.CHUNK, block.CHUNK))])
    block.write(fd, number * block.CHUNK, content * block.CHUNK)
    os.close(fd)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return a device of two chunks."""
    (tmp_path / "device").write_bytes(OLD * 2)
    return tmp_path / "device"


def test_a_broken_pass_is_taken_back_and_whole_ones_stay(path: Path, tmp_path: Path) -> None:
    """Until all is asked for; twice is once."""
    log = log_of(tmp_path)
    log.begin()
    changed(log, path, 0, b"1")
    log.close()
    log.begin()
    changed(log, path, 1, b"2")
    log.begin()  # killed, and begun again: what it overwrites a second time is not what was there at first
    changed(log, path, 1, b"3")
    assert log.take_back(str(path), everything=False)["undone"] == 2
    assert path.read_bytes() == b"1" * block.CHUNK + OLD
    assert log.take_back(str(path), everything=False) == {"undone": 0, "digest": ""}
    taken = log.take_back(str(path), everything=True)
    assert path.read_bytes() == OLD * 2
    assert taken["digest"] == block.digest_of(2 * block.CHUNK, b"".join(block.digests(str(path))))


def test_a_torn_record_was_never_overwritten(path: Path, tmp_path: Path) -> None:
    """It is synced before the device is written to."""
    log = log_of(tmp_path)
    log.begin()
    changed(log, path, 0, b"1")
    with (tmp_path / "undo/1/chunks").open("ab") as file:
        file.write(b"\1\0\0")
    log.begin()
    changed(log, path, 1, b"2")
    assert log.take_back(str(path), everything=False)["undone"] == 2
    assert path.read_bytes() == OLD * 2


def test_a_device_in_use_is_left(path: Path, tmp_path: Path) -> None:
    """Somebody would see it change under them."""
    log = log_of(tmp_path)
    log.begin()
    changed(log, path, 0, b"1")
    with pytest.raises(RestoreError, match="is in use: process 7"):
        log_of(tmp_path, "process 7 has it open").take_back(str(path), everything=False)


def test_a_switch_at_which_nothing_was_begun_has_nothing_to_take_back(path: Path, tmp_path: Path) -> None:
    """Nor one whose pass was cut off before its first record."""
    log = log_of(tmp_path)
    assert (log.passes, log.open) == ([], 0)
    for everything in (True, False):
        assert log.take_back(str(path), everything=everything) == {"undone": 0, "digest": ""}
    log.close()
    assert not (tmp_path / "undo").exists()
    log.begin()
    log.begin()
    assert log.take_back(str(path), everything=False)["undone"] == 0
    assert (log.passes, log.open, path.read_bytes()) == ([1], 0, OLD * 2)


@pytest.mark.parametrize("cut", range(1, 30, 4))
def test_a_record_cut_at_any_byte_is_not_put_back(path: Path, tmp_path: Path, cut: int) -> None:
    """Those before it are."""
    log = log_of(tmp_path)
    log.begin()
    changed(log, path, 0, b"1")
    log.keep([(1, b"never written over")])
    chunks = tmp_path / "undo/1/chunks"
    chunks.write_bytes(chunks.read_bytes()[:-cut])
    assert log.take_back(str(path), everything=False)["undone"] == 1
    assert path.read_bytes() == OLD * 2


def test_what_is_no_pass_in_its_folder_is_not_looked_at(path: Path, tmp_path: Path) -> None:
    """Passes have numbers; the next one is one more than the highest, and not than their count."""
    log = log_of(tmp_path)
    for name in ("7", "notes", "8.old"):
        (tmp_path / "undo" / name).mkdir(parents=True)
    (tmp_path / "undo/7/done").touch()
    log.begin()
    assert (log.passes, log.open) == ([7, 8], 8)
    changed(log, path, 1, b"1")
    assert log.take_back(str(path), everything=True)["undone"] == 1
