"""Objects are made again from a list and from what was moved away; whole passes that broke are in test_undo.py."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from migrator.volumes.agent import restore as module
from migrator.volumes.agent.compare import differences
from migrator.volumes.agent.entries import Entry
from migrator.volumes.agent.exclude import Exclude
from migrator.volumes.agent.restore import RestoreError, restore
from migrator.volumes.agent.tree import Tree

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


@pytest.fixture
def volume(tmp_path: Path) -> Path:
    """Return a folder with a file in a folder."""
    (tmp_path / "volume/inner").mkdir(parents=True)
    (tmp_path / "volume/inner/file").write_bytes(b"content")
    return tmp_path / "volume"


def listed(volume: Path) -> list[Entry]:
    """Return the whole list of a folder."""
    return list(Tree(str(volume)).read())


def put_back(volume: Path, before: list[Entry], *backups: Path, exclude: Exclude | None = None) -> int:
    """Make a folder again what it was, and require that it is."""
    count = restore(str(volume), lambda: iter(before), [str(path) for path in backups], exclude)
    assert list(differences(before, Tree(str(volume), exclude).read())) == []
    return count


def a_pipe(path: Path) -> None:
    """Make a pipe."""
    os.mkfifo(path, 0o640)


def a_socket(path: Path) -> None:
    """Make a socket that nobody listens at."""
    os.mknod(path, stat.S_IFSOCK | 0o600)


def a_device(path: Path) -> None:
    """Make the device that is always full."""
    os.mknod(path, stat.S_IFCHR | 0o666, os.makedev(1, 7))


def a_link(path: Path) -> None:
    """Make a link that leads out of the folder, to nothing."""
    path.symlink_to(b"../../\xff".decode(errors="surrogateescape"))


def a_folder(path: Path) -> None:
    """Make an empty folder with an odd mode."""
    path.mkdir(0o1777)


KINDS = [a_pipe, a_socket, pytest.param(a_device, marks=needs_root), a_link, a_folder]


@pytest.mark.parametrize("make", KINDS)
@pytest.mark.parametrize("instead", [None, *KINDS])
def test_an_object_of_any_kind_is_made_again_in_the_place_of_any_other(
    volume: Path, make: Callable[[Path], None], instead: Callable[[Path], None] | None
) -> None:
    """It needs no content from elsewhere; nothing that is named by a link is touched."""
    make(volume / "it")
    before = listed(volume)
    if (volume / "it").is_dir():
        (volume / "it").rmdir()
    else:
        (volume / "it").unlink()
    if instead:
        instead(volume / "it")
    put_back(volume, before)
    assert [path.name for path in volume.iterdir() if path.name.startswith(".migrator-")] == []


@needs_root
def test_a_device_of_another_number_is_replaced(volume: Path) -> None:
    """And a link to another target."""
    a_device(volume / "it")
    before = listed(volume)
    (volume / "it").unlink()
    os.mknod(volume / "it", stat.S_IFCHR | 0o666, os.makedev(1, 3))
    assert put_back(volume, before) == 2
    assert (volume / "it").stat().st_rdev == os.makedev(1, 7)


def test_nothing_changed_is_nothing_done(volume: Path) -> None:
    """Not even a time of a folder."""
    before = listed(volume)
    changed = volume.stat().st_ctime_ns
    assert put_back(volume, before) == 0
    assert volume.stat().st_ctime_ns == changed


def test_content_is_taken_from_the_first_folder_that_has_it(volume: Path, tmp_path: Path) -> None:
    """By its digest: a file of the same name and size, a folder and a link are none."""
    before = listed(volume)
    (volume / "inner/file").write_bytes(b"another")
    places = [tmp_path / name for name in ("wrong", "folder", "link", "short", "right")]
    for place in places:
        (place / "inner").mkdir(parents=True)
    (places[0] / "inner/file").write_bytes(b"CONTENT")
    (places[1] / "inner/file").mkdir()
    (places[2] / "inner/file").symlink_to(places[4] / "inner/file")
    (places[3] / "inner/file").write_bytes(b"cont")
    (places[4] / "inner/file").write_bytes(b"content")
    with pytest.raises(RestoreError, match="inner/file: its previous content is not kept anywhere"):
        restore(str(volume), lambda: iter(before), [str(place) for place in places[:4]])
    assert (volume / "inner/file").read_bytes() == b"another"
    put_back(volume, before, *places)


def test_a_file_that_has_its_content_is_only_dressed(volume: Path) -> None:
    """It is not written again."""
    before, inode = listed(volume), (volume / "inner/file").stat().st_ino
    (volume / "inner/file").chmod(0o600)
    put_back(volume, before)
    assert (volume / "inner/file").stat().st_ino == inode


def test_a_file_that_got_another_name_is_no_longer_shared(volume: Path, tmp_path: Path) -> None:
    """What is done to it is not done to the one that is left out."""
    exclude = Exclude(["kept"])
    before = list(Tree(str(volume), exclude).read())
    (tmp_path / "kept/inner").mkdir(parents=True)
    (tmp_path / "kept/inner/file").write_bytes(b"content")
    (volume / "inner/file").write_bytes(b"changed")
    (volume / "kept").hardlink_to(volume / "inner/file")
    put_back(volume, before, tmp_path / "kept", exclude=exclude)
    assert (volume / "kept").read_bytes() == b"changed"
    assert (volume / "inner/file").read_bytes() == b"content"


def test_names_of_one_file_are_one_file_again(volume: Path, tmp_path: Path) -> None:
    """Whichever of them is left."""
    (volume / "again").hardlink_to(volume / "inner/file")
    before = listed(volume)
    (tmp_path / "kept").mkdir()
    (volume / "again").rename(tmp_path / "kept/again")
    put_back(volume, before, tmp_path / "kept")
    assert (volume / "again").samefile(volume / "inner/file")
    assert put_back(volume, listed(volume)) == 0


def test_what_was_left_out_stays_where_it_is(volume: Path) -> None:
    """It is neither in the list nor removed as something that was not there."""
    exclude = Exclude(["**/*.tmp"])
    before = list(Tree(str(volume), exclude).read())
    for name in ("inner/a.tmp", "b.tmp", "new"):
        (volume / name).write_bytes(b"x")
    assert put_back(volume, before, exclude=exclude) > 0
    assert sorted(path.name for path in volume.rglob("*")) == ["a.tmp", "b.tmp", "file", "inner"]


def test_a_list_of_an_object_that_cannot_be_is_refused(volume: Path, tmp_path: Path) -> None:
    """A path that leads out of the folder makes nothing there."""
    before = listed(volume)
    for path in (b"../out", b"..", b"/out"):
        bad = [before[0], before[-1]._replace(path=path, kind="d", digest="", size=0)]
        with pytest.raises((RestoreError, OSError)):
            put_back(volume, bad)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["volume"]


def test_holes_stay_holes_and_what_is_written_over_keeps_no_rest(tmp_path: Path) -> None:
    """A longer file before leaves nothing behind its end."""
    source, target = tmp_path / "source", tmp_path / "target"
    with source.open("wb") as file:
        file.seek(4 << 20)
        file.write(b"middle")
        file.truncate(8 << 20)
    target.write_bytes(b"x" * (9 << 20))
    with source.open("rb") as file:
        folder = os.open(tmp_path, os.O_RDONLY)
        module._write(folder, b"target", os.O_TRUNC, file.fileno(), 8 << 20)
        os.close(folder)
    assert target.read_bytes() == source.read_bytes()
    assert target.stat().st_blocks * 512 < 1 << 20


def test_a_source_that_ends_early_gives_what_it_has(tmp_path: Path) -> None:
    """The comparison afterwards finds what is missing; it does not wait for more."""
    (tmp_path / "source").write_bytes(b"short")
    with (tmp_path / "source").open("rb") as file, (tmp_path / "target").open("wb") as made:
        module._copy(file.fileno(), made.fileno(), 1 << 20)
    assert (tmp_path / "target").read_bytes() == b"short" + bytes((1 << 20) - 5)
