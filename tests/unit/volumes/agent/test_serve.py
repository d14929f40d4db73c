"""What a key allows: one folder, reading, and nothing else."""

from __future__ import annotations

import io
import json
import signal
import struct
import zlib
from pathlib import Path

import pytest

from migrator.volumes.agent import senders, serve
from migrator.volumes.agent.entries import from_lines


def test_a_session_ends_the_server_that_it_came_through(monkeypatch: pytest.MonkeyPatch) -> None:
    """No further process starts for that."""
    ended: list[tuple[int, int]] = []
    monkeypatch.setattr("os.kill", lambda pid, number: ended.append((pid, number)))
    given, out = io.BytesIO(b"close 0\nusers 0\n"), io.BytesIO()
    serve.session("/srv/data", given, out, server=lambda: 4242)
    assert (ended, out.getvalue(), given.read()) == ([(4242, signal.SIGTERM)], b"", b"users 0\n")


@pytest.mark.parametrize("asked", ["", "sh", "tar; id", "session;id", "sftp", "read\n", "probe"])
def test_what_is_no_request_is_refused(asked: str, tmp_path: Path) -> None:
    """No text of the other side reaches a shell."""
    with pytest.raises(senders.RefusedError, match="is not a request"):
        serve.serve(str(tmp_path), asked, io.BytesIO(), io.BytesIO())


def frames(out: bytes) -> list[bytes]:
    """Return the frames of an answer."""
    found = []
    while out:
        (length,) = struct.unpack(">I", out[:4])
        found.append(out[4 : 4 + length])
        out = out[4 + length :]
    return found


def asked(root: Path, questions: bytes) -> list[bytes]:
    """Return all frames of a session."""
    out = io.BytesIO()
    serve.session(str(root), io.BytesIO(questions), out)
    return frames(out.getvalue())


def test_a_session_answers_one_question_after_the_other(tmp_path: Path) -> None:
    """What cannot be answered does not end it."""
    (tmp_path / "a").write_bytes(b"x")
    probe, end, outcome, end2, refused, *listed = asked(tmp_path, b"probe\nrm 2\n-flook 1\na")
    assert json.loads(probe)["path"] == str(tmp_path.resolve())
    assert (end, json.loads(outcome), end2) == (b"", {}, b"")
    assert "'rm' is not a question" in json.loads(refused)["error"]
    lines = zlib.decompress(b"".join(listed[:-2])).split(b"\n")
    assert [item.path for item in from_lines(line for line in lines if line)] == [b"a"]


def test_a_probe_tells_one_folder_from_another(tmp_path: Path) -> None:
    """Path, inode, and whether a file system is mounted at it."""
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    one, other = (serve.probe(str(tmp_path / name)) for name in ("a", "b"))
    assert one["inode"] != other["inode"]
    assert one["mounted"] is False
    assert serve.survey(str(tmp_path))["entries"] == 3


def test_the_time_of_a_sync_is_taken_before_it(tmp_path: Path) -> None:
    """A write during the sync is not older than that time."""
    before = serve.synced(str(tmp_path))
    (tmp_path / "a").write_bytes(b"x")
    assert before <= (tmp_path / "a").stat().st_ctime_ns + 20_000_000  # stamps come from a clock that ticks
