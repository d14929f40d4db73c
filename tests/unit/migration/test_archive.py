"""An archive is private from its first byte, whole on the disk, and read back before it counts."""

from __future__ import annotations

import gzip
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import orjson
import pytest

from migrator.errors import ApiError, MigratorError
from migrator.migration.archive import _require_same, archive
from migrator.model.events import Progress
from migrator.model.ref import ResourceType
from migrator.model.strange import Unparsed
from migrator.ports import ByteSink
from tests.support.fake_cluster import FakeCluster
from tests.support.fake_cluster.faults import Fault, unavailable
from tests.support.hostile import nested
from tests.support.objects import config_map
from tests.support.recorder import Recorder


def archived(path: Path) -> list[str]:
    """Return the names in an archive."""
    return [orjson.loads(line)["metadata"]["name"] for line in gzip.decompress(path.read_bytes()).splitlines()]


def blue_with(count: int) -> tuple[FakeCluster, list[ResourceType]]:
    """Return blue with ConfigMaps, and the kinds of it that were read."""
    blue = FakeCluster("blue")
    blue.hold(*(config_map(f"c{number}", namespace="default") for number in range(count)))
    return blue, [blue.type_of(config_map("c"))]


class Reversing:
    """Seals by turning each byte around."""

    suffix = ".turned"

    @contextmanager
    def sealing(self, target: ByteSink) -> Iterator[ByteSink]:
        """Yield what turns bytes around."""

        class Turned:
            def write(self, data: bytes) -> int:
                return target.write(bytes(255 - byte for byte in data))

            def flush(self) -> None:
                """Hold nothing back."""

        yield Turned()
        target.write(b"end")


def test_the_archive_holds_what_was_read_and_is_private(tmp_path: Path) -> None:
    """One line an object, readable by its owner only; long ones show how far they are, and the digest is the file's."""
    recorder = Recorder()
    path = tmp_path / "blue-archive.jsonl.gz"
    done = archive(*blue_with(501), path, recorder)
    assert sorted(archived(path)) == sorted(f"c{number}" for number in range(501))
    assert (done.objects, done.sha256) == (501, hashlib.sha256(path.read_bytes()).hexdigest())
    assert path.stat().st_mode & 0o777 == 0o600
    assert Progress("archiving", 500, 0) in recorder.events
    assert recorder.notes == [f"{path} holds Secrets in clear; --encrypt-to encrypts it"]
    assert list(tmp_path.iterdir()) == [path]


def test_an_archive_that_was_cut_off_does_not_take_the_place_of_a_whole_one(tmp_path: Path) -> None:
    """Blue goes away while it is read: what was archived before is still there, and no half of a new one."""
    path = tmp_path / "blue-archive.jsonl.gz"
    blue, kinds = blue_with(3)
    archive(blue, kinds, path, Recorder())
    before = path.read_bytes()
    blue.faults.append(Fault("list", unavailable, after=1))
    with pytest.raises(ApiError):
        archive(blue, kinds, path, Recorder())
    assert (path.read_bytes(), list(tmp_path.iterdir())) == (before, [path])


@pytest.mark.parametrize("kind", ["file", "link"])
def test_what_lies_in_the_way_lends_neither_its_mode_nor_its_place(tmp_path: Path, kind: str) -> None:
    """A run that was killed, or somebody else, has left a file that all may read, or a link to a place of theirs."""
    path, elsewhere = tmp_path / "a.gz", tmp_path / "elsewhere"
    elsewhere.touch(mode=0o666)
    in_the_way = tmp_path / "a.gz.new"
    if kind == "link":
        in_the_way.symlink_to(elsewhere)
    else:
        in_the_way.touch()
        in_the_way.chmod(0o666)
    archive(*blue_with(1), path, Recorder())
    assert (path.stat().st_mode & 0o777, path.is_symlink(), elsewhere.read_bytes()) == (0o600, False, b"")


def test_an_archive_that_reads_back_otherwise_does_not_count(tmp_path: Path) -> None:
    """A disk that lies must be found before blue is destroyed."""
    path = tmp_path / "a.gz"
    done = archive(*blue_with(3), path, Recorder())
    _require_same(path, done.sha256, 3)
    with pytest.raises(MigratorError, match="holds 3 objects, not 4"):
        _require_same(path, done.sha256, 4)
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(MigratorError, match="was read back with other bytes than were written"):
        _require_same(path, done.sha256, 3)
    with pytest.raises(MigratorError, match="cannot be decompressed"):
        _require_same(path, hashlib.sha256(path.read_bytes()).hexdigest(), 3)
    path.unlink()
    with pytest.raises(MigratorError, match="was read back with other bytes than were written"):
        archive(*blue_with(1), path, Recorder(), Losing(tmp_path / "a.gz.new"))
    assert list(tmp_path.iterdir()) == []


class Losing(Reversing):
    """The disk loses the end of what was written."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @contextmanager
    def sealing(self, target: ByteSink) -> Iterator[ByteSink]:
        """Cut the file off."""
        with super().sealing(target) as inner:
            yield inner
        target.flush()  # type: ignore[attr-defined]  # as a compressed file does
        os.truncate(self._path, 3)


def test_an_archive_is_on_the_disk_before_it_takes_its_place_and_its_place_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A power cut right after "retired" must not cost it."""
    done: list[str] = []
    fsync, replace = os.fsync, os.replace

    def synced(descriptor: int) -> None:
        done.append(Path(f"/proc/self/fd/{descriptor}").readlink().name)
        fsync(descriptor)

    def replaced(source: Path, target: Path) -> None:
        done.append(f"{source.name} to {target.name}")
        replace(source, target)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(os, "replace", replaced)
    archive(*blue_with(1), tmp_path / "a.gz", Recorder())
    assert done == ["a.gz.new", "a.gz.new to a.gz", tmp_path.name]


def test_a_sealed_archive_is_sealed_before_it_reaches_the_disk(tmp_path: Path) -> None:
    """Nothing warns of Secrets then, and the digest is that of the sealed file."""
    recorder, path = Recorder(), tmp_path / "a.gz.turned"
    done = archive(*blue_with(2), path, recorder, Reversing())
    turned = bytes(255 - byte for byte in path.read_bytes().removesuffix(b"end"))
    assert len(gzip.decompress(turned).splitlines()) == done.objects == 2
    assert done.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert recorder.notes == []


def test_a_place_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    """A folder that is not there, a disk that is full."""
    with pytest.raises(MigratorError, match="cannot be written: No such file or directory"):
        archive(*blue_with(1), tmp_path / "no" / "a.gz", Recorder())
    with pytest.raises(MigratorError, match="cannot be written: No space left on device"):
        archive(*blue_with(1), tmp_path / "a.gz", Recorder(), Full())


class Full(Reversing):
    """The disk is full at the end."""

    @contextmanager
    def sealing(self, target: ByteSink) -> Iterator[ByteSink]:
        """Fail as a disk does."""
        with super().sealing(target) as inner:
            yield inner
        raise OSError(28, os.strerror(28))


def test_objects_that_cannot_be_moved_are_archived(tmp_path: Path) -> None:
    """One that cannot be parsed as the server sent it, one that is too deep to be moved as it was read."""
    blue, kinds = blue_with(0)
    deep = config_map("deep", namespace="default") | {"data": nested(300)}
    blue.served_raw["ConfigMap"] = [Unparsed("n", "raw", "u", b'{"metadata":\n{"name":"raw"}}'), deep]
    done = archive(blue, kinds, tmp_path / "a.gz", Recorder())
    assert (done.objects, archived(tmp_path / "a.gz")) == (2, ["raw", "deep"])
    blue.served_raw["ConfigMap"] = [config_map("deeper", namespace="default") | {"data": nested(1010)}]
    with pytest.raises(MigratorError, match="ConfigMap/default/deeper cannot be written"):
        archive(blue, kinds, tmp_path / "a.gz", Recorder())
