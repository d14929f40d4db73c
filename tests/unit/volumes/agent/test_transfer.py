"""How rsync is called, and what its exit codes mean."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from migrator.volumes.agent import transfer
from migrator.volumes.agent.transfer import Options, TransferError
from tests.support.volume_trees import local_channel


def test_everything_that_a_tree_has_is_asked_for() -> None:
    """Hard links, ACLs, attributes, holes, numbers of users; and a comparison in nanoseconds."""
    words = list(transfer._words(Options(), some=False))
    assert {"-aHAXXS", "--numeric-ids", "--modify-window=-1", "--delete-delay"} <= set(words)
    assert not {"--inplace", "--ignore-times", "--backup"} & set(words)


def test_some_paths_come_as_a_list_and_delete_nothing() -> None:
    """Names are ended by NUL, and are never words of a command."""
    words = list(transfer._words(Options(again=True, limit=500, undo="/u"), some=True))
    assert "--ignore-missing-args" in words
    assert {"--from0", "--files-from=-", "--ignore-times", "--bwlimit=500", "--backup-dir=/u"} <= set(words)
    assert "--delete-delay" not in words


@pytest.mark.parametrize(
    ("code", "said", "vanishing", "outcome"),
    [
        (0, "", False, None),
        (24, "file has vanished", True, None),
        (24, "file has vanished", False, "should stand still"),
        (23, "rsync: read errors mapping: Input/output error (5)", True, "could not be transferred: rsync: read errors"),
        (11, "write failed: No space left on device (28)", True, "No space left"),
        (255, "Connection reset", True, "did not finish"),
    ],
)
def test_only_what_vanished_from_a_living_source_is_no_error(code: int, said: str, vanishing: bool, outcome: str | None) -> None:  # noqa: FBT001
    """23 is never nearly right: rsync leaves its deletions out then."""
    if outcome is None:
        transfer._require(code, said, Options(vanishing=vanishing))
        assert outcome is None
        return
    with pytest.raises(TransferError, match=outcome) as caught:
        transfer._require(code, said, Options(vanishing=vanishing))
    assert (caught.value.lost, caught.value.full) == (code == 255, "No space" in said)


def test_a_stream_brings_all_attributes_but_the_host_s_own() -> None:
    """A kernel with SELinux labels new files by the folder they are in; another host's label could keep the kubelet out."""
    words = transfer._unpacking("/srv/vol")
    assert words[:3] == ["tar", "-C", "/srv/vol"]
    assert {"--xattrs-include=*", "--xattrs-exclude=security.selinux*", "--acls", "--numeric-owner"} <= set(words)


def test_the_second_form_of_an_acl_that_xfs_shows_never_travels() -> None:
    """On ext4 it stays as it came while the ACL changes, and on the way back it would replace the ACL (glusterfs#3738)."""
    assert "--xattrs-exclude=trusted.SGI_ACL_*" in transfer._unpacking("/srv/vol")
    assert "--filter=-x trusted.SGI_ACL_*" in transfer._words(Options(), some=False)


def test_attributes_of_the_file_system_itself_never_travel() -> None:
    """An NFS server shows system.nfs4_acl on each file, which no other file system sets: each pass would end with error 23."""
    assert "--xattrs-exclude=system.*" in transfer._unpacking("/srv/vol")
    assert "--filter=-x system.*" in transfer._words(Options(), some=False)


def test_what_fake_super_has_noted_of_a_backup_s_files_is_brought(tmp_path: Path) -> None:
    """It holds owners and modes of the files in a backup server's volume (rsync(1), --fake-super)."""
    source, target = folder(tmp_path / "blue", a=b"new"), folder(tmp_path / "green", a=b"old!")
    os.setxattr(source / "a", "user.rsync.%stat", b"100644 0,0 1000:1000")
    os.setxattr(target / "a", "user.rsync.%stat", b"100600 0,0 0:0")
    transfer.rsync(local_channel(tmp_path, source), str(target), Options(), lambda _: None)
    assert os.getxattr(target / "a", "user.rsync.%stat") == b"100644 0,0 1000:1000"


def test_bytes_are_poured_from_pipe_to_pipe_and_counted() -> None:
    """All of them, until the source ends."""
    (one, into), (out, other) = os.pipe(), os.pipe()
    os.write(into, b"x" * 1000)
    os.close(into)
    assert transfer._poured(one, other, lambda _: None) == 1000
    os.close(other)
    assert os.read(out, 2000) == b"x" * 1000
    os.close(one)
    os.close(out)


def test_an_address_of_version_6_is_bracketed() -> None:
    """Else rsync takes its first part for the host."""
    assert (transfer._host("fd00::1"), transfer._host("10.0.0.1")) == ("[fd00::1]", "10.0.0.1")


def test_an_attribute_that_the_target_cannot_keep_is_no_lack_of_room() -> None:
    """Rsync says that no space is left on the device."""
    said = 'rsync: [receiver] rsync_xal_set: fsetxattr("/v/.f.Xs","user.big") failed: No space left on device (28)'
    with pytest.raises(TransferError, match=r"user\.big") as caught:
        transfer._require(23, said, Options())
    assert "an extended attribute is larger" in caught.value.hint
    with pytest.raises(TransferError) as caught:
        transfer._require(11, "rsync: write failed: No space left on device (28)", Options())
    assert caught.value.hint == ""


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        ("rsync  version 3.5.0  protocol version 32", True),
        ("rsync  version v3.10.1  protocol version 33", True),
        ("rsync  version 4.0.0  protocol version 40", True),
        ("rsync  version 3.2.7  protocol version 31", False),
        ("rsync  version 3.4.1  protocol version 32", False),
        ("openrsync: protocol version 29", False),
        ("", False),
    ],
)
def test_an_old_rsync_writes_whole_files_in_place(version: str, *, expected: bool) -> None:
    """Of parts of a file with holes 3.2.7 makes another content, and it crashes where the old file is kept (rsync#450, #722)."""
    deltas = transfer.writes_deltas_in_place(version)
    assert deltas is expected
    words = list(transfer._words(Options(in_place=True, undo="/u"), some=True, deltas=deltas))
    assert ("--no-whole-file" in words, "--whole-file" in words) == (expected, not expected)
    assert {"--inplace", "--backup-dir=/u"} <= set(words)


def test_programs_tell_their_versions_and_one_that_is_missing_tells_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """The proof names them."""
    assert transfer.versions()["rsync"].startswith("rsync  version ")
    monkeypatch.setenv("PATH", "/nowhere")
    assert transfer.versions() == {}


@pytest.mark.parametrize(
    ("output", "received"),
    [
        (b"Total bytes received: 1,234\n", 1234),
        (b"   12,000  40%\r   30,000 100%\nTotal bytes received: 30,123\n", 30123),
        (b"Total bytes received: 7\nTotal bytes received: 8\n", 8),
        (b"", 0),
        (b"Total bytes received: many\n", 0),
        (b"\xff\xfe\n", 0),
    ],
)
def test_what_came_is_what_rsync_s_summary_says(output: bytes, received: int) -> None:
    """Whatever stands around it; a run that was cut off has none."""
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as started:
        assert started.stdin is not None
        started.stdin.write(output)
        started.stdin.close()
        assert transfer._followed(started, lambda _: None) == received


def test_progress_is_told_at_most_once_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    """A log of days is read by a person."""
    now = [0.0]
    parts = [b"  1,000  1%\r", b"  2,000  2%\r", b"  3,000  3%\r  4,000  4%\r", b"no number\n  5,000  5%\r", b""]

    def read(_: int, __: int) -> bytes:
        now[0] += 0.6
        return parts.pop(0)

    said: list[str] = []
    with subprocess.Popen(["true"], stdout=subprocess.PIPE) as started, monkeypatch.context() as patched:
        patched.setattr("time.monotonic", lambda: now[0])
        patched.setattr(os, "read", read)
        transfer._followed(started, said.append)
    assert said == ["2000 bytes", "5000 bytes"]


def test_what_came_before_the_receiver_ended_is_counted() -> None:
    """A tar that has seen the end of its archive does not wait for the end of the stream."""
    (one, into), (out, other) = os.pipe(), os.pipe()
    os.write(into, b"x" * 1000)

    def ends(_: str) -> None:
        raise AssertionError("nothing is told within a second")

    def moved(source: int, target: int, most: int) -> int:
        count = really(source, target, most)
        os.close(out)
        os.write(into, b"y")
        return count

    really = os.splice
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(os, "splice", moved)
        assert transfer._poured(one, other, ends) == 1000
    for fd in (one, into, other):
        os.close(fd)


def folder(path: Path, **files: bytes) -> Path:
    """Return a folder with these files."""
    path.mkdir()
    for name, content in files.items():
        (path / name).write_bytes(content)
    return path


def test_some_paths_are_brought_by_a_real_rsync_and_others_stay(tmp_path: Path) -> None:
    """What is not named is neither brought nor deleted."""
    source = folder(tmp_path / "blue", a=b"new", b=b"new")
    target = folder(tmp_path / "green", a=b"old!", c=b"own")
    assert transfer.rsync(local_channel(tmp_path, source), str(target), Options(), lambda _: None, [b"a"]) > 0
    assert {path.name: path.read_bytes() for path in target.iterdir()} == {"a": b"new", "c": b"own"}


def test_what_is_overwritten_and_deleted_is_kept_where_that_is_asked(tmp_path: Path) -> None:
    """So that all of it can be taken back."""
    source, target = folder(tmp_path / "blue", a=b"new"), folder(tmp_path / "green", a=b"old!", c=b"own")
    kept = folder(tmp_path / "kept")
    transfer.rsync(local_channel(tmp_path, source), str(target), Options(undo=str(kept)), lambda _: None)
    assert {path.name: path.read_bytes() for path in target.iterdir()} == {"a": b"new"}
    assert {path.name: path.read_bytes() for path in kept.iterdir()} == {"a": b"old!", "c": b"own"}


def test_a_stream_that_cannot_be_unpacked_or_read_is_an_error_with_both_codes(tmp_path: Path) -> None:
    """A whole one says how much came."""
    source, target = folder(tmp_path / "blue", a=b"x" * 1000), folder(tmp_path / "green")
    channel = local_channel(tmp_path, source)
    assert transfer.stream(channel, str(target), lambda _: None) > 1000
    assert (target / "a").read_bytes() == b"x" * 1000
    (tmp_path / "ssh").write_text("#!/bin/sh\necho no route to host >&2\nexit 255\n")
    with pytest.raises(TransferError, match=r"(?s)and 255 there: .*no route to host") as lost:
        transfer.stream(channel, str(target), lambda _: None)
    (tmp_path / "ssh").write_text("#!/bin/sh\necho this is no archive at all\n")
    with pytest.raises(TransferError, match=r"tar ended with 2 here and 0 there") as damaged:
        transfer.stream(channel, str(target), lambda _: None)
    assert (lost.value.lost, damaged.value.lost, lost.value.full) == (True, False, False)


def test_a_program_that_says_nothing_of_its_version_does_not_end_a_pass(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All data is there by then; it is left out, as one that is missing."""
    for name, script in (("rsync", "exit 0"), ("tar", "echo tar 1.35; echo more")):
        (tmp_path / name).write_text(f"#!/bin/sh\n{script}\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert transfer.versions() == {"tar": "tar 1.35"}
