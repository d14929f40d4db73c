"""How rsync is called, and what its exit codes mean."""

from __future__ import annotations

import os

import pytest

from migrator.volumes.agent import transfer
from migrator.volumes.agent.transfer import Options, TransferError


def test_everything_that_a_tree_has_is_asked_for() -> None:
    """Hard links, ACLs, attributes, holes, numbers of users; and a comparison in nanoseconds."""
    words = list(transfer._words(Options(), some=False))
    assert {"-aHAXS", "--numeric-ids", "--modify-window=-1", "--delete-delay"} <= set(words)
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
