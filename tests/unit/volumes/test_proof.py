"""Proofs are checked without anything else."""

from __future__ import annotations

import errno
import gzip
import json
import os
import zlib
from pathlib import Path
from typing import Any

import pytest

from migrator.errors import ConfigError
from migrator.volumes.agent.compare import root_digest, totals
from migrator.volumes.agent.entries import Entry, to_lines
from migrator.volumes.agent.exclude import Exclude
from migrator.volumes.agent.tree import Tree
from migrator.volumes.proof import check_proof, make_proof
from tests.support.volume_trees import entry, root


def proof(path: Path, entries: list[Entry], **more: Any) -> Path:
    """Write a proof of these entries; keywords replace what its head says."""
    digest = root_digest(entries)
    head = {**totals(entries).document(), "root": {"source": digest, "target": digest}, "claim": "shop/data", **more}
    path.write_bytes(make_proof(head, ("\n".join(to_lines(entries)) + "\n").encode()))
    return path


ENTRIES = [root(), entry(b"a"), entry(b"b\xff\n", size=5)]


def test_a_proof_that_holds(tmp_path: Path) -> None:
    """Counts, bytes and both digests are computed again."""
    checked = check_proof(proof(tmp_path / "p.gz", ENTRIES))
    assert (checked.wrong, checked.head["bytes"]) == ((), 15)


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"bytes": 16}, ["bytes: the list amounts to 15, and the proof says 16"]),
        ({"root": {"source": "x", "target": root_digest(ENTRIES)}}, ["the source had x"]),
        ({"root": {"source": root_digest(ENTRIES), "target": "x"}}, ["the target had x"]),
    ],
)
def test_what_does_not_hold_is_named(tmp_path: Path, more: dict[str, Any], words: list[str]) -> None:
    """A head that says something else than the list."""
    wrong = check_proof(proof(tmp_path / "p.gz", ENTRIES, **more)).wrong
    assert len(wrong) == len(words)
    assert all(part in text for part, text in zip(words, wrong, strict=True))


def test_a_file_without_a_digest_is_no_proof_of_it(tmp_path: Path) -> None:
    """Its content was never read whole."""
    assert check_proof(proof(tmp_path / "p.gz", [root(), entry(b"a", digest="")])).wrong == ("1 files have no digest: a",)


def test_a_folder_is_compared_with_it(tmp_path: Path) -> None:
    """Every difference is named, at most twenty."""
    tree = tmp_path / "tree"
    tree.mkdir()
    for number in range(30):
        (tree / f"{number:02}").write_bytes(b"x")
    path = proof(tmp_path / "p.gz", list(Tree(str(tree)).read()))
    assert check_proof(path, tree).wrong == ()
    for number in range(25):
        (tree / f"{number:02}").write_bytes(b"y")
    wrong = check_proof(path, tree).wrong
    assert len(wrong) == 21
    assert wrong[-1] == "and 5 more"


def bomb() -> bytes:
    """Return a small file whose first line is longer than a line may be (CWE-409; SpringMT/zstd-ruby#153)."""
    made = zlib.compressobj(wbits=31)
    begun = made.compress(b"[") + made.flush(zlib.Z_FULL_FLUSH)
    return begun + (made.compress(b"0" * (1 << 20)) + made.flush(zlib.Z_FULL_FLUSH)) * 20_000


@pytest.mark.parametrize(
    "content",
    [b"", b"not gzip", bomb(), gzip.compress(b"{}"), gzip.compress(b"[1]\n"), gzip.compress(b'{"proof": "volume", "format": 1}\n')],
    ids=["empty", "text", "a bomb", "no head", "a list", "a head alone"],
)
def test_another_file_is_no_proof(tmp_path: Path, content: bytes) -> None:
    """One line that says so; a list that is cut is none, either."""
    (tmp_path / "p.gz").write_bytes(content)
    with pytest.raises(ConfigError, match="proof"):
        check_proof(tmp_path / "p.gz")
    whole = proof(tmp_path / "q.gz", ENTRIES).read_bytes()
    (tmp_path / "q.gz").write_bytes(gzip.compress(gzip.decompress(whole)[:-20]))
    with pytest.raises(ConfigError, match="cannot be read as a proof"):
        check_proof(tmp_path / "q.gz")


def test_the_head_is_the_first_line(tmp_path: Path) -> None:
    """So that `zcat FILE | head -1` shows it."""
    first = gzip.decompress(proof(tmp_path / "p.gz", ENTRIES).read_bytes()).split(b"\n")[0]
    assert json.loads(first)["claim"] == "shop/data"


def test_a_folder_is_compared_without_what_was_left_out(tmp_path: Path) -> None:
    """The head says what that was; without it the folder would hold something else."""
    tree = tmp_path / "tree"
    (tree / "cache").mkdir(parents=True)
    (tree / "kept").write_bytes(b"x")
    entries = list(Tree(str(tree), Exclude(["cache"])).read())
    good = proof(tmp_path / "p.gz", entries, excluded={"patterns": ["cache"], "objects": 1, "first": ["cache"]})
    assert check_proof(good, tree).wrong == ()
    assert [text.split(": ")[1:] for text in check_proof(proof(tmp_path / "q.gz", entries), tree).wrong] == [["cache", "extra"]]


@pytest.mark.parametrize(
    "more",
    [
        {"excluded": []},
        {"excluded": {"patterns": 5}},
        {"excluded": {"patterns": [1]}},
        {"excluded": "all"},
        {"root": []},
        {"root": {"source": "d"}},
        {"files": []},
    ],
)
def test_a_head_of_another_form_is_no_proof(tmp_path: Path, more: dict[str, Any]) -> None:
    """Whoever has given it; the program does not end with a traceback, and nothing of it is taken as good."""
    (tmp_path / "tree").mkdir()
    path = proof(tmp_path / "p.gz", ENTRIES, **more)
    try:
        assert check_proof(path, tmp_path / "tree").wrong
    except ConfigError as error:
        assert "cannot be read as a proof" in error.issues[0]  # noqa: PT017 - either answer is right


@pytest.mark.parametrize("head", ["[" * 20_000, '{"proof":' * 5_000])
def test_a_head_that_is_nested_too_deep_is_no_proof(tmp_path: Path, head: str) -> None:
    """It is read like any file that is damaged."""
    (tmp_path / "p.gz").write_bytes(gzip.compress(head.encode() + b"\n"))
    with pytest.raises(ConfigError, match="cannot be read as a proof"):
        check_proof(tmp_path / "p.gz")


def test_a_file_of_the_folder_that_cannot_be_read_is_not_taken_for_a_bad_proof(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is named, so that a person looks at the disk and not at the proof."""
    (tmp_path / "tree/inner").mkdir(parents=True)
    (tmp_path / "tree/inner/bad").write_bytes(b"x")
    path = proof(tmp_path / "p.gz", ENTRIES)

    def fails(*_: object) -> bytes:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, "pread", fails)
    with pytest.raises(ConfigError) as caught:
        check_proof(path, tmp_path / "tree")
    assert caught.value.issues == [f"{tmp_path}/tree: cannot be read: inner/bad: Input/output error"]


def test_a_folder_that_is_not_there_is_told_with_the_proof(tmp_path: Path) -> None:
    """And the file itself, where it is not there."""
    path = proof(tmp_path / "p.gz", ENTRIES)
    with pytest.raises(ConfigError) as caught:
        check_proof(path, tmp_path / "none")
    assert caught.value.issues == [f"{tmp_path}/none: cannot be read: {tmp_path}/none: No such file or directory"]
    with pytest.raises(ConfigError, match=r"none\.gz: cannot be read as a proof: No such file"):
        check_proof(tmp_path / "none.gz")
