"""Two trees are compared, and a tree's digest computed."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest

from migrator.volumes.agent.compare import changed, differences, merged, root_digest, root_digests, stale, totals
from migrator.volumes.agent.entries import Entry, ListError
from tests.support.volume_trees import entry, root

ACL = ("system.posix_acl_access", "02")


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"kind": "p"}, "type"),
        ({"uid": 7}, "owner"),
        ({"gid": 7}, "owner"),
        ({"mode": 0o4644}, "mode"),
        ({"size": 11}, "size"),
        ({"digest": "abd"}, "content"),
        ({"mtime": 2}, "time"),
        ({"xattrs": (("user.a", "01"),)}, "attributes"),
        ({"xattrs": (("security.capability", "01"),)}, "attributes"),
        ({"xattrs": (ACL,)}, "ACL"),
        ({"flags": 16}, "flags"),
    ],
)
def test_every_property_counts(change: dict[str, Any], word: str) -> None:
    """Each is named, and changes the tree's digest."""
    one, other = [root(), entry(b"a")], [root(), entry(b"a", **change)]
    assert [item.what for item in differences(one, other)] == [(word,)]
    assert root_digest(one) != root_digest(other)


@pytest.mark.parametrize("change", [{"ctime": 9}, {"inode": 9}, {"blocks": 99}])
def test_what_each_file_system_has_of_its_own_does_not_count(change: dict[str, int]) -> None:
    """Inode numbers, blocks and times of change differ on each side."""
    one, other = [root(), entry(b"a")], [root(), entry(b"a", **change)]
    assert list(differences(one, other)) == []
    assert root_digest(one) == root_digest(other)


@pytest.mark.parametrize(
    "change", [{}, {"kind": "l", "mode": 0o777, "target": b"../\xfe"}, {"xattrs": (("user.\u00e9", "00"), ACL), "flags": 16}]
)
def test_the_digest_is_of_the_lines_of_json_that_the_guide_tells(change: dict[str, Any]) -> None:
    """Another program computes the same one from the list."""
    one = entry(b'a\xff"\n/\\', **change)
    fields = [one.path, one.kind, one.mode if one.kind != "l" else 0, one.uid, one.gid, one.size, one.mtime, one.target]
    more = [one.device, one.xattrs, one.flags, one.digest, one.path]
    words = [value.decode("utf-8", "surrogateescape") if isinstance(value, bytes) else value for value in (*fields, *more)]
    line = json.dumps(words, separators=(",", ":")).encode() + b"\n"
    assert root_digest([one]) == hashlib.sha256(line).hexdigest()


@pytest.mark.parametrize(
    "found",
    [
        [root(), entry(b"a"), entry(b"b")],
        [root(), entry(b"a", uid=7), entry(b"b")],
        [root(), entry(b"b")],
        [root(), entry(b"a"), entry(b"b"), entry(b"c")],
        [root(), entry(b"a", inode=5, links=2), entry(b"b", inode=5, links=2)],
    ],
    ids=["equal", "owner", "missing", "extra", "linked"],
)
def test_digests_of_two_trees_are_those_of_each(found: list[Entry]) -> None:
    """Whatever the other one is like."""
    wanted = [root(), entry(b"a"), entry(b"b")]
    assert root_digests(wanted, found) == (root_digest(wanted), root_digest(found))
    assert root_digests(found, wanted) == (root_digest(found), root_digest(wanted))


def test_a_number_that_is_none_is_no_part_of_a_digest() -> None:
    """Else a list could be forged whose lines are those of another one."""
    with pytest.raises(ListError, match="what must be numbers is not"):
        root_digest([entry(b"a", uid="0,0")])


def test_a_file_that_was_written_to_while_it_was_read_is_equal_to_nothing() -> None:
    """It has no digest, on either side."""
    unread = [root(), entry(b"a", digest="")]
    assert [item.what for item in differences(unread, unread)] == [("content",)]


def test_what_is_missing_and_what_is_too_much_is_named() -> None:
    """Also around a folder whose name another one begins with."""
    one = [root(), entry(b"a", kind="d", digest=""), entry(b"a/x"), entry(b"a-b")]
    other = [root(), entry(b"a-b"), entry(b"z")]
    assert [(item.path, item.what) for item in differences(one, other)] == [
        (b"a", ("missing",)),
        (b"a/x", ("missing",)),
        (b"z", ("extra",)),
    ]


def test_names_of_one_object_are_a_group() -> None:
    """Two names of one inode are not two files of equal content, whatever numbers the inodes have."""
    linked = [root(), entry(b"a", inode=5, links=2), entry(b"b", inode=5, links=2)]
    apart = [root(), entry(b"a", inode=5), entry(b"b", inode=6)]
    assert [(item.path, item.what) for item in differences(linked, apart)] == [(b"b", ("hard link",))]
    assert root_digest(linked) == root_digest([root(), entry(b"a", inode=8, links=2), entry(b"b", inode=8, links=2)])
    assert totals(linked).document() == {"entries": 3, "files": 1, "bytes": 10, "allocated": 8192}


KNOWN = [root(), entry(b"a", inode=1, ctime=50), entry(b"b", inode=2, ctime=50), entry(b"c", inode=3, ctime=50)]


def scanned(*changed: Any) -> list[Any]:
    """Return the known tree as it is scanned, with other entries in their places."""
    places = {item.path: item._replace(digest="", whole=False) for item in KNOWN} | {item.path: item for item in changed}
    return sorted(places.values(), key=lambda item: b"" if item.path == b"." else item.path)


@pytest.mark.parametrize(
    ("change", "since"),
    [
        ({"ctime": 51}, 1000),  # a rewrite with its time put back, or a clock that was set back
        ({"ctime": 49}, 1000),
        ({"inode": 9}, 1000),
        ({"size": 11}, 1000),
        ({"links": 2}, 1000),
        ({}, 50),  # a write in the moment of the last look, through a mapped page
    ],
)
def test_what_may_have_changed_is_looked_at_again(change: dict[str, int], since: int) -> None:
    """Any stamp that is another one, or that is not older than the look."""
    new = entry(b"b", **{"inode": 2, "ctime": 50, **change}, digest="", whole=False)
    found = [item.path for item in stale(KNOWN, scanned(new), since)]
    assert b"b" in found
    assert (b"a" in found) == (since == 50)


def test_few_changes_are_named_and_others_are_not() -> None:
    """With their folders; what is gone or has several names needs a walk over both trees."""
    new = entry(b"d/e", inode=4, digest="", whole=False)
    assert changed(KNOWN, scanned(), 1000) == []
    assert changed(KNOWN, scanned(new), 1000) == [b"d", b"d/e"]
    assert changed(KNOWN, scanned(root(ctime=99)), 1000) is None  # rsync takes the root for all that is in it
    assert changed(KNOWN, scanned(root(ctime=99), entry(b"n", inode=9)), 1000) == [b"n"]
    assert changed(KNOWN, [item for item in scanned() if item.path != b"b"], 1000) is None
    assert changed(KNOWN, scanned(entry(b"b", inode=2, ctime=60, links=2)), 1000) is None


def test_a_whole_list_is_made_of_what_is_known_and_what_was_looked_at() -> None:
    """What is gone by then is left out; what is new is taken in."""
    new = [entry(b"b", inode=2, ctime=60, digest="", whole=False), entry(b"d", inode=4, digest="", whole=False)]
    seen = scanned(*new)
    fresh = [entry(b"d", inode=4)]  # b went away between the scan and the look
    assert [item.path for item in merged(KNOWN, seen, fresh, 1000)] == [b".", b"a", b"c", b"d"]
    assert all(item.whole for item in merged(KNOWN, seen, fresh, 1000))


def test_a_deleted_file_in_a_layer_of_an_image_is_no_device() -> None:
    """Overlayfs says so by a device file of number 0: a volume of Docker in Docker has many."""
    found = totals([entry(b"gone", kind="c", device=0), entry(b"null", kind="c", device=0x103)])
    assert (found.entries, found.devices) == (2, ["null"])
