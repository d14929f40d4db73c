"""Questions to the other host."""

from __future__ import annotations

import socket
from dataclasses import replace
from pathlib import Path

import pytest

from migrator.volumes.agent.channel import Channel, Line, SourceError
from migrator.volumes.agent.entries import ROOT
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
