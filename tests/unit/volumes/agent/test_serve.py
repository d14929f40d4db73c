"""What a key allows: one folder, reading, and nothing else."""

from __future__ import annotations

import io
import json
import re
import signal
import struct
import zlib
from pathlib import Path

import pytest

from migrator.volumes.agent import senders, serve
from migrator.volumes.agent.compare import stamps_digest
from migrator.volumes.agent.entries import from_lines
from migrator.volumes.agent.exclude import Exclude
from migrator.volumes.agent.memory import Memory
from migrator.volumes.agent.tree import Tree
from tests.support.volume_trees import entry


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


@pytest.mark.parametrize(
    ("question", "words"),
    [
        (b"\xff\xfe 0\n", "is not a question"),
        (b"scan -1\n", "'-1' is not a length"),
        (b"scan many\n", "'many' is not a length"),
        (b"scan 1 1\n", "'1 1' is not a length"),
        (b"scan \xb2\n", "is not a length"),
        (b"\n", "'' is not a question"),
        (b"scan 1\n{", "Expecting property name"),
        (b"scan 1\n7", "are a list of texts"),
        (b"excluded 3\n[7]", "are a list of texts"),
        (b"known-source 0\n", "is not a question"),
        (b"device-digests 0\n", "is not a question"),
        (b"x" * 100 + b"\n", "is not a question"),
    ],
)
def test_a_question_that_nobody_can_understand_is_refused_and_the_next_one_answered(
    tmp_path: Path, question: bytes, words: str
) -> None:
    """The program does not end with a traceback, and waits for no bytes that never come."""
    *refused, probe, end, outcome = asked(tmp_path, question + b"probe 0\n")
    assert re.search(words, json.loads(refused[-1])["error"])
    assert json.loads(probe)["path"] == str(tmp_path.resolve())
    assert (end, json.loads(outcome)) == (b"", {})


@pytest.mark.parametrize("path", [b"..", b"../secret", b"a/..", b"/etc/passwd", b"./a", b"link/secret", b"", b"a/."])
def test_a_look_leads_to_nothing_outside_of_the_folder(tmp_path: Path, path: bytes) -> None:
    """Not the folder above either; what leads there is answered like what is gone."""
    root = tmp_path / "volume"
    (root / "a").mkdir(parents=True)
    (tmp_path / "secret").write_bytes(b"s")
    (root / "link").symlink_to("..")
    *listed, end, outcome = asked(root, b"look %d\n%s" % (len(path), path))
    assert list(from_lines(line for line in zlib.decompress(b"".join(listed)).split(b"\n") if line)) == []
    assert (end, json.loads(outcome)) == (b"", {})


def test_what_was_left_out_is_told_for_a_proof(tmp_path: Path) -> None:
    """How many objects, and the first ten of them."""
    for number in range(12):
        (tmp_path / f"{number:02}.tmp").write_bytes(b"")
    (tmp_path / "kept").write_bytes(b"")
    patterns = json.dumps(["*.tmp"]).encode()
    (told, *_), (stamps, *_) = (
        asked(tmp_path, b"%s %d\n%s" % (word, len(patterns), patterns)) for word in (b"excluded", b"stamps")
    )
    assert json.loads(told) == {"patterns": ["*.tmp"], "objects": 12, "first": [f"{number:02}.tmp" for number in range(10)]}
    assert json.loads(stamps) == stamps_digest(Tree(str(tmp_path), Exclude(["*.tmp"])).scan())


def test_the_lists_of_the_other_direction_are_told_where_there_are_any(tmp_path: Path) -> None:
    """Nothing is known without their folder, and none is made on the side that is only read."""
    (tmp_path / "volume").mkdir()
    assert json.loads(b"".join(serve.answer(str(tmp_path / "volume"), "known", b"", memory=f"{tmp_path}/none"))) == {}
    assert not (tmp_path / "none").exists()
    memory = Memory(f"{tmp_path}/memory")
    memory.bind(stage="copied", settled=7)
    memory.keep("target", [entry(b"a")])
    memory.settle("target")
    told = json.loads(b"".join(serve.answer(str(tmp_path / "volume"), "known", b"", memory=memory.folder)))
    assert (told["stage"], told["settled"]) == ("copied", 7)
    packed = b"".join(serve.answer(str(tmp_path / "volume"), "known-target", b"", memory=memory.folder))
    assert list(from_lines(line for line in zlib.decompress(packed).split(b"\n") if line)) == [entry(b"a")]


SSHD = {9: ("sshd", 1), 20: ("sshd: root@notty", 9), 30: ("sh", 20), 40: ("python3", 30)}


@pytest.mark.parametrize(
    ("table", "found"),
    [
        (SSHD, 9),
        # Since OpenSSH 9.8 a connection has a program of its own.
        ({**SSHD, 20: ("sshd-session", 9)}, 9),
        # The operator's own server, above the one of this tool, is another one.
        ({9: ("sshd", 5), 5: ("sh", 4), 4: ("sshd", 1), 20: ("sshd", 9), 30: ("a) (b", 20), 40: ("python3", 30)}, 9),
        ({30: ("sh", 1), 40: ("python3", 30)}, 0),
        ({30: ("mysshd", 1), 40: ("python3", 30)}, 0),
    ],
)
def test_the_server_that_a_request_came_through_is_the_outermost_one_above(
    monkeypatch: pytest.MonkeyPatch, table: dict[int, tuple[str, int]], found: int
) -> None:
    """Where none is above, nothing is ended."""

    def stat(path: str, **_: object) -> io.StringIO:
        number = int(path.split("/")[2])
        name, parent = table[number]
        return io.StringIO(f"{number} ({name}) S {parent} {number} 0")

    monkeypatch.setattr("os.getppid", lambda: 40)
    monkeypatch.setattr("builtins.open", stat)
    if found:
        assert serve.listener() == found
        return
    with pytest.raises(senders.RefusedError, match="no SSH server to close"):
        serve.listener()


def test_a_list_of_any_length_comes_in_parts_and_is_whole() -> None:
    """A part ends at the end of a line."""
    wanted = [entry(b"%05d" % number + b"x" * 200) for number in range(3000)]
    packed = b"".join(serve.packed(wanted))
    assert list(from_lines(line for line in zlib.decompress(packed).split(b"\n") if line)) == wanted
    assert len(list(serve._chunks(iter(["y" * 200_000] * 3)))) == 2
    assert list(serve._chunks(iter(["a", "b"]))) == [b"a\nb\n"]
