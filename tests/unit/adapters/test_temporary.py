"""Files and folders that a way back needs where all disks are full."""

from __future__ import annotations

import errno
import os
import subprocess
import tempfile
from pathlib import Path

import pytest

from migrator.adapters.temporary import memory_file, socket_parent
from migrator.errors import HostError


def test_programs_write_to_it_and_no_disk_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its room is memory; nothing of it has a name."""

    def full(*_: object, **__: object) -> str:
        raise FileNotFoundError("No usable temporary directory found")

    monkeypatch.setattr(tempfile, "TemporaryFile", full)
    with memory_file() as file:
        subprocess.run(["echo", "said"], stdout=file, check=True)
        assert os.pread(file.fileno(), 99, 0) == b"said\n"
        assert os.fstat(file.fileno()).st_nlink == 0


def test_elsewhere_it_is_a_file_without_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on macOS."""
    monkeypatch.delattr(os, "memfd_create")
    with memory_file() as file:
        file.write(b"x")
        file.flush()
        assert os.fstat(file.fileno()).st_nlink == 0


def test_a_sandbox_without_the_call_has_a_file_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    """Python has its name wherever it was compiled; a filter of system calls refuses it only then."""

    def refused(_: str) -> int:
        raise OSError(errno.ENOSYS, "Function not implemented")

    monkeypatch.setattr(os, "memfd_create", refused)
    with memory_file() as file:
        assert file.write(b"x") == 1


def test_a_folder_has_its_whole_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One of a relative TMPDIR is as long as it is from the root, and programs that run elsewhere find it."""
    (tmp_path / ("x" * 60) / "t").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / ("x" * 60))
    monkeypatch.setenv("TMPDIR", "t")
    folder = socket_parent()
    assert folder.is_absolute()
    assert not folder.is_relative_to(tmp_path)


def test_sockets_lie_where_their_paths_are_short_enough(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ssh ends with a longer one, so that no host was reached (ansible/ansible#11536); macOS has such a TMPDIR."""
    long = tmp_path / ("x" * 60)
    long.mkdir()
    monkeypatch.setenv("TMPDIR", str(long))
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    folder = socket_parent()
    assert len(f"{folder}/{'c' * 40}.{'r' * 16}") < 104
    assert (folder.is_relative_to(long), folder.stat().st_mode & 0o777) == (False, 0o700)


def test_a_full_disk_leaves_memory_for_sockets(monkeypatch: pytest.MonkeyPatch) -> None:
    """A rollback whose load balancer is reached over SSH ended as a bug, before it had moved any traffic."""
    really, tried = tempfile.mkdtemp, []

    def made(**given: str) -> str:
        tried.append(given["dir"])
        if given["dir"] != "/dev/shm":  # noqa: S108
            raise OSError(errno.ENOSPC, "No space left on device")
        return really(**given)

    monkeypatch.delenv("TMPDIR", raising=False)
    monkeypatch.setenv("XDG_RUNTIME_DIR", "/run/none")
    monkeypatch.setattr(tempfile, "mkdtemp", made)
    assert socket_parent().parent == Path("/dev/shm")  # noqa: S108
    assert tried == ["/run/none", "/tmp", "/dev/shm"]  # noqa: S108
    monkeypatch.setattr(tempfile, "mkdtemp", lambda **_: made(dir="/tmp"))  # noqa: S108
    with pytest.raises(HostError, match="no folder for the sockets of SSH can be made"):
        socket_parent()
