"""Nothing that the build user may have placed is followed, overwritten or taken as root."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from migrator.errors import BlockedError, CommandFailedError, MigratorError
from migrator.packages import place
from migrator.packages.place import BuildPlace, make_state_folder, state_folder

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root has a build user")
NOBODY = 65534


@pytest.fixture
def open_folder(tmp_path: Path) -> Path:
    """Return a folder that other users reach."""
    for folder in (tmp_path, *tmp_path.parents):
        if folder.is_relative_to("/tmp") and folder != Path("/tmp"):  # noqa: S108 - where pytest keeps its folders
            folder.chmod(0o755)
    return tmp_path


def test_whoever_is_no_root_keeps_everything_in_the_work_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Builder and owner are one."""
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert state_folder(tmp_path / "work") == tmp_path / "work"
    make_state_folder(tmp_path / "work")
    assert (tmp_path / "work").is_dir()


@as_root
def test_root_keeps_logs_and_records_where_nobody_else_writes(tmp_path: Path) -> None:
    """A folder for each work folder, which only root may enter."""
    state = state_folder(Path("/var/tmp/x"), base=tmp_path / "base")  # noqa: S108
    assert state != state_folder(Path("/var/tmp/y"), base=tmp_path / "base")  # noqa: S108
    make_state_folder(state)
    make_state_folder(state)
    assert [folder.stat().st_mode & 0o777 for folder in (state, state.parent)] == [0o700, 0o700]


@as_root
@pytest.mark.parametrize("planted", ["symlink", "file", "foreign", "open"])
def test_a_state_folder_that_others_placed_is_refused(tmp_path: Path, planted: str) -> None:
    """It would tell root what to undo."""
    state = tmp_path / "base/x"
    state.parent.mkdir()
    if planted == "symlink":
        (tmp_path / "elsewhere").mkdir()
        state.symlink_to(tmp_path / "elsewhere")
    elif planted == "file":
        state.touch()
    else:
        state.mkdir()
        os.chown(state, NOBODY if planted == "foreign" else 0, -1)
        state.chmod(0o777 if planted == "open" else 0o700)
    with pytest.raises(BlockedError, match="not a folder of root alone"):
        make_state_folder(state)


@as_root
def test_a_work_folder_is_given_to_the_build_user(open_folder: Path) -> None:
    """What is made in it is theirs, by their own hand."""
    shop = BuildPlace(open_folder / "work", "nobody", jobs=1)
    made = [Path(folder) for folder in shop.environment.values()]
    assert {folder.stat().st_uid for folder in (shop.work, *made)} == {NOBODY}


@as_root
@pytest.mark.parametrize("planted", ["symlink", "file", "foreign", "open"])
def test_a_work_folder_that_others_placed_is_refused(open_folder: Path, planted: str) -> None:
    """Anybody may have made /var/tmp/migrator-packages before the first build."""
    work = open_folder / "work"
    if planted == "symlink":
        (open_folder / "etc").mkdir()
        work.symlink_to(open_folder / "etc")
    elif planted == "file":
        work.touch()
    else:
        work.mkdir()
        os.chown(work, 1234 if planted == "foreign" else NOBODY, -1)
        work.chmod(0o777 if planted == "open" else 0o755)
    with pytest.raises(BlockedError, match=r"is to build there|is not a folder"):
        BuildPlace(work, "nobody", jobs=1).take()
    if planted == "symlink":
        assert (open_folder / "etc").stat().st_uid == 0


@as_root
def test_folders_of_the_build_user_are_made_and_removed_with_their_rights_only(open_folder: Path) -> None:
    """A symlink to a folder of root's is removed, and what it shows is not."""
    shop = BuildPlace(open_folder / "work", "nobody", jobs=1)
    shop.take()
    kept = open_folder / "root/kept"
    kept.parent.mkdir()
    kept.touch()
    (shop.work / "planted").symlink_to(kept.parent)
    shop.remove(shop.work / "planted")
    assert kept.exists()
    assert not (shop.work / "planted").is_symlink()
    (shop.work / "go-mod").symlink_to(open_folder / "root")
    with pytest.raises(CommandFailedError):
        shop.run(["touch", str(shop.work / "go-mod/new")])
    assert kept.parent.stat().st_uid == 0


@pytest.mark.parametrize("planted", ["symlink", "hard link", "fifo", "missing"])
def test_a_package_that_is_no_plain_file_is_not_taken(tmp_path: Path, planted: str) -> None:
    """Otherwise /etc/shadow would be copied to where packages are published."""
    secret, made = tmp_path / "shadow", tmp_path / "x.pkg"
    secret.write_text("hunter2")
    if planted == "symlink":
        made.symlink_to(secret)
    elif planted == "hard link":
        os.link(secret, made)
    elif planted == "fifo":
        os.mkfifo(made)
    with pytest.raises(MigratorError, match=r"not a plain file|cannot be read"):
        BuildPlace(tmp_path, "", jobs=1).collect(made, tmp_path / "dest")
    assert not (tmp_path / "dest/x.pkg").exists()


@as_root
def test_a_package_of_another_owner_is_not_taken(tmp_path: Path) -> None:
    """A folder above it may have been exchanged for a link."""
    (tmp_path / "x.pkg").write_text("root's")
    with pytest.raises(MigratorError, match="not a plain file of the build user"):
        BuildPlace(tmp_path, "nobody", jobs=1).collect(tmp_path / "x.pkg", tmp_path / "dest")


def test_what_lies_at_the_target_is_replaced_and_not_written_through(tmp_path: Path) -> None:
    """The folder of the packages may be the person's, who builds."""
    victim = tmp_path / "victim"
    victim.write_text("as before")
    (tmp_path / "x.pkg").write_text("package")
    (tmp_path / "dest").mkdir()
    (tmp_path / "dest/.x.pkg").symlink_to(victim)
    (tmp_path / "dest/x.pkg").symlink_to(victim)
    taken = BuildPlace(tmp_path, "", jobs=1).collect(tmp_path / "x.pkg", tmp_path / "dest")
    assert (victim.read_text(), taken.read_text(), taken.is_symlink()) == ("as before", "package", False)


def test_the_state_folder_is_no_secret_of_the_work_folder() -> None:
    """Its base is root's own."""
    assert Path("/var/lib/migrator-build") == place._STATE
