"""What a pass of a device judges and writes; a file stands for the device. Whole passes are in tests/integration/test_volumes.py."""

from __future__ import annotations

import hashlib
import struct
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from migrator.volumes.agent import block
from migrator.volumes.agent.block_pass import BlockPass, _is_empty
from migrator.volumes.agent.guards import PassError
from migrator.volumes.agent.settings import Settings

OLD = b"o" * block.CHUNK + b"end"


class Source:
    """A device of the other host, in memory; a test may let it answer wrongly."""

    def __init__(self, content: bytes) -> None:
        self.content = content
        self.asked: list[tuple[int, ...]] = []
        self.answers: dict[str, Any] = {"users": [], "probe": {"written": 5}}
        self.cut = 0
        """Bytes that are missing at the end of each chunk; below 0: bytes too many."""

    def ask(self, word: str) -> Any:
        """Return what a test has chosen."""
        return self.answers[word]

    def answer(self, word: str, payload: bytes = b"") -> Iterator[bytes]:
        """Yield chunks."""
        assert word == "device-chunks"
        numbers = struct.unpack(f"<{len(payload) // 8}Q", payload)
        self.asked.append(numbers)
        for number in numbers:
            chunk = self.content[number * block.CHUNK : (number + 1) * block.CHUNK]
            yield chunk[: len(chunk) - self.cut] if self.cut >= 0 else chunk + b"+" * -self.cut


def known(content: bytes) -> bytearray:
    """Return the digests of a device's chunks."""
    parts = (content[at : at + block.CHUNK] for at in range(0, len(content), block.CHUNK))
    return bytearray(b"".join(hashlib.sha256(part).digest() for part in parts))


def begun(tmp_path: Path, source: Source, target: bytes = OLD, **more: Any) -> BlockPass:
    """Return a pass to a file."""
    (tmp_path / "device").write_bytes(target)
    settings = Settings(str(tmp_path / "device"), str(tmp_path / "memory"), **more)
    return BlockPass(settings, source, lambda _: None)  # type: ignore[arg-type]


def test_only_the_chunks_that_differ_are_asked_for_and_read_back(tmp_path: Path) -> None:
    """The digests that are compared at the end are of what was written and of what the disk gives back."""
    source = Source(b"n" * block.CHUNK + b"END")
    one, wanted, found = begun(tmp_path, source), known(source.content), known(OLD)
    assert one._brought([1], wanted, found) == 3
    assert source.asked == [(1,)]
    assert (tmp_path / "device").read_bytes() == OLD[: block.CHUNK] + b"END"
    assert (found[32:], found[:32]) == (wanted[32:], known(OLD)[:32])


def test_a_chunk_that_changed_since_it_was_read_is_known_by_what_was_brought(tmp_path: Path) -> None:
    """A source in use does that; the pass says what green holds now."""
    source = Source(OLD)
    one, wanted, found = begun(tmp_path, source, bytes(len(OLD))), known(b"x" * len(OLD)), known(bytes(len(OLD)))
    one._brought([0, 1], wanted, found)
    assert wanted == found == known(OLD)


def test_many_chunks_are_asked_for_in_parts(tmp_path: Path) -> None:
    """A connection that is lost loses no more than one of them."""
    source = Source(b"x" * (34 * block.CHUNK))
    one = begun(tmp_path, source, bytes(34 * block.CHUNK))
    one._brought(list(range(34)), bytearray(34 * block.DIGEST), bytearray(34 * block.DIGEST))
    assert [len(numbers) for numbers in source.asked] == [32, 2]


@pytest.mark.parametrize("cut", [1, -1, block.CHUNK])
@pytest.mark.parametrize("undo", ["", "undo"])
def test_chunks_of_another_length_are_never_written(tmp_path: Path, cut: int, undo: str) -> None:
    """One that is longer would lie over its neighbour; nothing is kept for it either."""
    source = Source(b"n" * len(OLD))
    source.cut = cut
    one = begun(tmp_path, source, undo=undo and str(tmp_path / undo))
    if one.undo:
        one.undo.begin()
    with pytest.raises(PassError, match="other chunks than it was asked for"):
        one._brought([0, 1], known(source.content), known(OLD))
    assert (tmp_path / "device").read_bytes() == OLD
    assert not (tmp_path / "undo/1/chunks").exists()


def test_what_is_overwritten_is_kept_before(tmp_path: Path) -> None:
    """All of it comes back, the short last chunk, too."""
    one = begun(tmp_path, Source(b"n" * len(OLD)), undo=str(tmp_path / "undo"))
    assert one.undo is not None
    one.undo.begin()
    one._brought([0, 1], known(b"n" * len(OLD)), known(OLD))
    assert (tmp_path / "device").read_bytes() == b"n" * len(OLD)
    one.undo._users_of = lambda _: []
    one.undo.take_back(str(tmp_path / "device"), everything=False)
    assert (tmp_path / "device").read_bytes() == OLD


ZEROS = bytes(2 * block.CHUNK)


@pytest.mark.parametrize(
    ("source", "target", "more", "words"),
    [
        # An empty target takes anything, and so does one that this tool has written or the other direction has proven.
        (OLD, bytes(block.CHUNK), {}, "tells of 2 chunks, and the target has 1"),
        (ZEROS, ZEROS, {}, ""),
        (b"x" * len(ZEROS), ZEROS, {}, ""),
        (b"x" * len(ZEROS), b"y" * len(ZEROS), {}, "this tool did not write what it holds"),
        (b"x" * len(ZEROS), b"y" * len(ZEROS), {"known_target": True}, ""),
        (b"x" * len(ZEROS), b"y" * len(ZEROS), {"accept_deletions": True}, ""),
        # A source that was wiped.
        (ZEROS, b"y" * len(ZEROS), {"known_target": True}, "nothing but zeros"),
        (ZEROS, b"y" * len(ZEROS), {"accept_deletions": True}, ""),
        # Of another number of chunks nothing is compared, whatever a person has agreed to.
        (OLD, b"y", {"accept_deletions": True}, "tells of 2 chunks"),
        (b"", OLD, {"known_target": True}, "tells of 0 chunks"),
    ],
)
def test_what_nobody_expects_to_be_overwritten_is_not(
    tmp_path: Path, source: bytes, target: bytes, more: dict[str, Any], words: str
) -> None:
    """Consent is for deletions, not for answers that cannot be."""
    one = begun(tmp_path, Source(source), target, **more)
    if not words:
        one._require_content(known(source), known(target))
        assert (tmp_path / "device").read_bytes() == target
        return
    with pytest.raises(PassError, match=words) as caught:
        one._require_content(known(source), known(target))
    assert caught.value.hint


def test_a_target_that_an_earlier_pass_has_filled_is_ours(tmp_path: Path) -> None:
    """Also one that was cut off."""
    one = begun(tmp_path, Source(b"x" * len(OLD)))
    one.memory.bind(stage="filling")
    one._require_content(known(b"x" * len(OLD)), known(OLD))
    assert one.memory.binding.stage == "filling"


@pytest.mark.parametrize(
    ("left", "answers", "words"),
    [
        (["chunk 3"], {}, "1 chunks differ after they were written: chunk 3"),
        ([], {"users": ["process 7 has it open"]}, "in use again: process 7"),
        ([], {"probe": {"written": 6}}, "something wrote to the source meanwhile"),
    ],
)
def test_a_last_pass_is_no_proof_where_a_side_was_used(
    tmp_path: Path, left: list[str], answers: dict[str, Any], words: str
) -> None:
    """The first of what is wrong is told, with what to do."""
    source = Source(OLD)
    source.answers |= answers
    with pytest.raises(PassError, match=words) as caught:
        begun(tmp_path, source)._require_still({"written": 5}, left)
    assert caught.value.hint


def test_a_source_that_stood_still_is_proven(tmp_path: Path) -> None:
    """By its users and by the sectors that were written to it."""
    source = Source(OLD)
    begun(tmp_path, source)._require_still({"written": 5}, [])
    assert source.asked == []


def test_only_zeros_of_whole_chunks_are_empty() -> None:
    """A device of no chunk has nothing to lose; one whose last chunk is short is never taken for empty."""
    assert _is_empty(known(ZEROS))
    assert _is_empty(bytearray())
    assert not _is_empty(known(bytes(block.CHUNK) + b"\0"))
    assert not _is_empty(known(ZEROS[:-1] + b"\1"))


def test_a_limit_slows_a_pass_down_and_none_does_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By KiB a second."""
    slept: list[float] = []
    monkeypatch.setattr(time, "sleep", slept.append)
    begun(tmp_path, Source(OLD), limit=512)._slow_down(block.CHUNK)
    begun(tmp_path, Source(OLD))._slow_down(block.CHUNK)
    assert slept == [2.0]


def test_a_device_of_a_driver_is_known_by_its_volume_and_one_of_a_host_by_its_path(tmp_path: Path) -> None:
    """The first has another path each time; both are other devices with another size."""
    one = begun(tmp_path, Source(OLD), source_volume="csi-block:d/pv")
    assert one._source({"path": "/dev/sdb", "size": 9}) == "csi-block:d/pv with 9 bytes"
    assert one._target({"path": "/dev/sdb", "size": 9}) == "/dev/sdb with 9 bytes"
