"""Questions to the other host."""

from __future__ import annotations

import os
import shlex
import socket
import struct
import zlib
from dataclasses import replace
from pathlib import Path

import pytest

from migrator.volumes.agent.channel import Channel, Line, SourceError
from migrator.volumes.agent.entries import ROOT, ListError
from migrator.volumes.agent.tree import Tree
from tests.support.volume_trees import local_channel


def test_lists_and_answers_come_over_one_session(tmp_path: Path) -> None:
    """The other side's entries are the same as its own reading."""
    volume = tmp_path / "volume"
    volume.mkdir()
    for number in range(50):
        (volume / f"{number}").write_bytes(b"x" * number)
    channel = local_channel(tmp_path, volume)
    try:
        assert channel.ask("probe")["path"] == str(volume)
        assert list(channel.scan()) == list(Tree(str(volume)).scan())
        assert list(channel.read()) == list(Tree(str(volume)).read())
        assert [item.path for item in channel.look([ROOT, b"7", b"gone"])] == [ROOT, b"7"]
        next(channel.scan())  # a list that is left half way does not disturb the next question
        assert channel.ask("users") == []
    finally:
        channel.hang_up()


def test_the_end_goes_over_the_session_too(tmp_path: Path) -> None:
    """Whatever comes of it: a server that is gone already is no error, and the session is over."""
    (tmp_path / "volume").mkdir()
    channel = local_channel(tmp_path, tmp_path / "volume")
    assert channel.ask("users") == []
    (tmp_path / "ssh").unlink()
    channel.close()
    with pytest.raises(FileNotFoundError):
        channel.ask("probe")


def test_an_answer_that_says_no_is_an_error_and_a_cut_line_another(tmp_path: Path) -> None:
    """A retry helps where the connection was lost, and only there."""
    volume = tmp_path / "volume"
    volume.mkdir()
    channel = local_channel(tmp_path, volume)
    with pytest.raises(SourceError, match="is not a question") as refused:
        channel.ask("rm")
    channel.hang_up()
    (tmp_path / "ssh").write_text("#!/bin/sh\necho no route to host >&2\nexit 255\n")
    with pytest.raises(SourceError, match="was lost: no route to host") as lost:
        channel.ask("probe")
    assert (refused.value.lost, lost.value.lost) == (False, True)


def test_a_new_try_leaves_the_connection_of_the_one_before(tmp_path: Path) -> None:
    """It may be dead and not know it; else the first question of each try would be lost, with the pause after it."""
    volume = tmp_path / "volume"
    volume.mkdir()
    channel = local_channel(tmp_path, volume)
    assert channel.ask("users") == []
    assert channel._session is not None
    channel._session.kill()
    program = (tmp_path / "ssh").read_text()
    (tmp_path / "ssh").write_text(program.replace("shift\n", f'echo "$*" >> {tmp_path}/asked\nshift\n', 1))
    channel.renew(replace(channel.line, address="elsewhere"))
    assert (channel.ask("users"), channel.address) == ([], "elsewhere")
    channel.hang_up()
    assert (tmp_path / "asked").read_text().splitlines() == ["elsewhere session"]


def test_a_shell_that_prints_something_is_told(tmp_path: Path) -> None:
    """What it prints is not waited for as an answer of two gigabytes; nor is the pass tried again."""
    (tmp_path / "volume").mkdir()
    channel = local_channel(tmp_path, tmp_path / "volume")
    (tmp_path / "ssh").write_text("#!/bin/sh\necho welcome to this host\ncat\n")
    with pytest.raises(SourceError, match="answers with something else: 'welc'") as told:
        channel.ask("probe")
    assert (told.value.lost, "root's shell" in told.value.hint) == (False, True)


def test_the_other_host_must_have_the_key_that_is_known(tmp_path: Path) -> None:
    """Nothing of the person's own settings of SSH counts, and nobody is asked."""
    words = Line("10.0.0.1", 2222, "root", "/run/k", "/x/known", "aes128-gcm@openssh.com", str(tmp_path)).ssh
    assert words[:6] == ["ssh", "-F", "none", "-T", "-p", "2222"]
    for wanted in ("StrictHostKeyChecking=yes", "BatchMode=yes", "UserKnownHostsFile=/x/known", "IdentitiesOnly=yes"):
        assert wanted in words


def test_a_host_that_is_not_reached_is_told_with_what_to_do(tmp_path: Path) -> None:
    """Where only the person's machine reaches both sides, nothing is copied; a real ssh says so."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        line = Line(
            "127.0.0.1",
            closed.getsockname()[1],
            "root",
            str(tmp_path / "k"),
            str(tmp_path / "h"),
            "aes128-gcm@openssh.com",
            str(tmp_path),
        )
        with pytest.raises(SourceError, match=r"is gone: .*Connection refused") as caught:
            Channel(line).ask("probe")
        # The end of a relay on this host is opened again by the machine in between.
        with pytest.raises(SourceError, match=r"was lost: .*Connection refused") as relayed:
            Channel(replace(line, relayed=True)).ask("probe")
    assert (caught.value.lost, relayed.value.lost) == (False, True)
    assert "that host was restarted, or the server was ended there" in caught.value.hint
    assert "the machine that migrator runs on must stay on" in relayed.value.hint


def frame(content: bytes) -> bytes:
    """Return a frame of an answer."""
    return struct.pack(">I", len(content)) + content


def answering(folder: Path, *frames: bytes) -> Channel:
    """Return a channel whose other side says these frames, whatever it is asked, and then waits."""
    (folder / "volume").mkdir()
    channel = local_channel(folder, folder / "volume")
    (folder / "said").write_bytes(b"".join(map(frame, frames)))
    (folder / "ssh").write_text(f"#!/bin/sh\ncat '{folder}/said'\nexec cat > /dev/null\n")
    return channel


@pytest.mark.parametrize("said", [b"", b"{", b"welcome", b"\xff\xfe", b"[" * 20_000])
def test_an_answer_that_is_no_json_is_an_error_of_the_other_host(tmp_path: Path, said: bytes) -> None:
    """It names the host and how the answer begins; the connection is not used again."""
    frames = (said, b"", b"{}") if said else (b"", b"{}")
    channel = answering(tmp_path, *frames)
    with pytest.raises(SourceError, match="there answers with something else: b'") as caught:
        channel.ask("probe")
    assert not caught.value.lost
    channel.hang_up()


@pytest.mark.parametrize(
    ("outcome", "words"), [(b"no", "answers with"), (b"7", "ends its answer"), (b'["error"]', "ends its answer")]
)
def test_an_answer_that_ends_with_no_outcome_is_not_taken_for_whole(tmp_path: Path, outcome: bytes, words: str) -> None:
    """Only an object tells that all went well."""
    channel = answering(tmp_path, b"[]", b"", outcome)
    with pytest.raises(SourceError, match=words):
        channel.ask("users")
    channel.hang_up()


@pytest.mark.parametrize("said", [b"no list", zlib.compress(b"x")[:-1], zlib.compress(b"[[1]]\n"), zlib.compress(b"")])
def test_a_list_that_is_damaged_on_its_way_is_no_list(tmp_path: Path, said: bytes) -> None:
    """Neither packed wrongly, nor cut, nor empty."""
    channel = answering(tmp_path, said, b"", b"{}")
    with pytest.raises(ListError):
        list(channel.scan())
    channel.hang_up()


def test_a_small_frame_that_unpacks_to_more_than_the_memory_is_no_list(tmp_path: Path) -> None:
    """It is unpacked in parts, and given up at the longest line (CWE-409; uilibs/uiprotect#827)."""
    made = zlib.compressobj()
    begun = made.compress(b"[") + made.flush(zlib.Z_FULL_FLUSH)
    mebibyte = made.compress(b"0" * (1 << 20)) + made.flush(zlib.Z_FULL_FLUSH)
    channel = answering(tmp_path, begun + mebibyte * 20_000, b"", b"{}")
    with pytest.raises(ListError, match="a line of it is longer than 128 MiB"):
        list(channel.scan())
    channel.hang_up()


def test_an_answer_that_is_cut_in_a_frame_is_a_lost_connection(tmp_path: Path) -> None:
    """Half of a number is no number."""
    channel = answering(tmp_path)
    (tmp_path / "ssh").write_text("#!/bin/sh\nprintf '\\0\\0\\0\\011half'\n")
    with pytest.raises(SourceError, match="was lost: it says nothing") as caught:
        channel.ask("probe")
    assert caught.value.lost


def test_the_shell_of_rsync_is_one_command_whatever_the_paths_are(tmp_path: Path) -> None:
    """Rsync takes it apart at spaces and quotes."""
    line = Line("10.0.0.1", 2222, "root", f"{tmp_path}/a key", "/x/it's known", "c", str(tmp_path))
    assert shlex.split(line.shell) == line.ssh
    channel = Channel(line)
    assert (channel.shell, channel.address) == (line.shell, "10.0.0.1")


def test_a_channel_that_asked_nothing_starts_one_process_for_the_end(tmp_path: Path) -> None:
    """Whatever comes of it."""
    channel = answering(tmp_path)
    (tmp_path / "ssh").write_text(f'#!/bin/sh\necho "$*" >> {tmp_path}/asked\nexit 255\n')
    channel.close()
    assert (tmp_path / "asked").read_text() == "there close\n"


def test_a_greeting_connects_and_asks_nothing(tmp_path: Path) -> None:
    """The folder is not open on the other side."""
    (tmp_path / "volume").mkdir()
    channel = local_channel(tmp_path, tmp_path / "volume")
    channel.greet()
    session = channel._session
    assert session is not None
    opened = [os.path.realpath(link) for link in Path(f"/proc/{session.pid}/fd").iterdir()]
    channel.hang_up()
    assert str(tmp_path / "volume") not in opened


def test_the_stream_is_a_process_of_its_own(tmp_path: Path) -> None:
    """It is asked for by a word, and its bytes are no frames."""
    channel = answering(tmp_path)
    (tmp_path / "ssh").write_text('#!/bin/sh\nprintf %s "$*"\necho complaint >&2\n')
    with (tmp_path / "stderr").open("w+b") as complaints, channel.stream(complaints) as started:
        assert started.communicate()[0] == b"there tar"
        complaints.seek(0)
        assert complaints.read() == b"complaint\n"
