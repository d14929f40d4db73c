"""The command line on the hosts."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from migrator.volumes.agent.main import main, say
from migrator.volumes.agent.memory import Memory
from migrator.volumes.agent.tree import Tree
from migrator.volumes.agent.undo import UndoLog


def test_a_survey_is_one_line_of_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Counts and the file system."""
    (tmp_path / "a").write_bytes(b"1234")
    assert main(["survey", str(tmp_path)]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["entries"], found["bytes"]) == (2, 4)


def test_what_cannot_be_done_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A pass ends with a line for the machine that waits; all else with words on stderr."""
    assert main(["survey", str(tmp_path / "no")]) == 1
    assert "No such file" in capsys.readouterr().err
    assert main(["pull", str(tmp_path / "none")]) == 1
    line = capsys.readouterr().out.splitlines()[-1]
    assert json.loads(line.removeprefix("RESULT "))["good"] is False
    assert main(["rm", "-rf"]) == 2


LINE = {"address": "::1", "port": 1, "user": "root", "key": "", "known_hosts": "", "ciphers": "aes128-gcm@openssh.com"}


def listed(tmp_path: Path, volume: Path) -> str:
    """Return the file of a list of a folder."""
    memory = Memory(f"{tmp_path}/before")
    return memory.path(memory.keep("target", Tree(str(volume)).read()))


def told(capsys: pytest.CaptureFixture[str]) -> dict[str, object]:
    """Return what the last line tells a machine."""
    line = capsys.readouterr().out.splitlines()[-1]
    assert line.startswith("RESULT ")
    found = json.loads(line.removeprefix("RESULT "))
    assert isinstance(found, dict)
    return found


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", '{"settings": 1}', '{"settings": {"root": 1}, "channel": {}}', '{"settings": {"rooot": "/v"}, "channel": {}}'],
)
def test_settings_that_were_cut_or_are_of_another_version_end_with_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str
) -> None:
    """The machine that waits reads why, and not a traceback."""
    (tmp_path / "settings.json").write_text(text)
    assert main(["pull", f"{tmp_path}/settings.json"]) == 1
    found = told(capsys)
    assert (found["good"], found["sourceInUse"]) == (False, False)
    assert str(tmp_path) in str(found["error"])


def test_a_pass_that_fails_takes_back_what_it_has_changed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Where it keeps anything; the reason that is told is that of the pass."""
    volume = tmp_path / "volume"
    volume.mkdir()
    (volume / "a").write_bytes(b"first")
    log = UndoLog(f"{tmp_path}/undo", lambda _: [])
    log.begin(listed(tmp_path, volume))
    kept = Path(log.backup())
    (volume / "a").rename(kept / "a")
    settings = {
        "root": str(volume),
        "memory": f"{tmp_path}/m",
        "undo": f"{tmp_path}/undo",
        "wait_while": str(volume),
        "wait_seconds": -1,
    }
    (tmp_path / "settings.json").write_text(json.dumps({"settings": settings, "channel": LINE}))
    assert main(["pull", f"{tmp_path}/settings.json"]) == 1
    assert told(capsys)["error"] == "it was prepared and never begun"
    assert ((volume / "a").read_bytes(), log.open) == (b"first", 0)


def test_what_cannot_be_taken_back_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """And may be tried again."""
    volume = tmp_path / "volume"
    volume.mkdir()
    (volume / "a").write_bytes(b"first")
    log = UndoLog(f"{tmp_path}/undo", lambda _: [])
    log.begin(listed(tmp_path, volume))
    (volume / "a").unlink()
    assert main(["undo", str(volume), f"{tmp_path}/undo", "broken"]) == 1
    assert told(capsys) == {
        "good": False,
        "error": "a: its previous content is not kept anywhere",
        "hint": "nothing was started; run this again when that is fixed",
    }


@pytest.mark.parametrize("request_", ["", "rm -rf /", "session; id", "rsync --server -lHogDtpAXrSe.iLsfxCIvu . /"])
def test_a_request_that_the_key_does_not_allow_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, request_: str
) -> None:
    """Nothing was run for it."""
    monkeypatch.setenv("SSH_ORIGINAL_COMMAND", request_)
    assert main(["serve", str(tmp_path)]) == 1
    assert "request" in capsys.readouterr().err


@pytest.mark.parametrize(
    "words",
    [[], ["undo", "/r", "/l", "some"], ["pull"], ["pull", "a", "b"], ["survey"], ["mounted", "driver"], ["serve"], ["users"]],
)
def test_other_words_are_answered_by_how_to_write_them(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing is done by half a command."""
    assert main(words) == 2
    assert "pull SETTINGS" in capsys.readouterr().err


@pytest.mark.parametrize("word", ["mounted", "mapped"])
def test_a_volume_that_is_not_here_is_one_line(word: str, capsys: pytest.CaptureFixture[str]) -> None:
    """With its driver and its handle."""
    assert main([word, "disk.example.com", "pv-1", "handle-1"]) == 1
    assert capsys.readouterr().err == "volume handle-1 of disk.example.com is not mounted here\n"


@pytest.mark.parametrize("exclude", ["{", "7", "[1]"])
def test_patterns_that_are_none_are_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str], exclude: str) -> None:
    """A survey does not count what a person has left out."""
    assert main(["survey", str(tmp_path), exclude]) == 1
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_what_the_other_host_says_is_one_line_of_the_log(capsys: pytest.CaptureFixture[str]) -> None:
    """A line of its own would be taken for the result of a pass that is cut off then; half a character would end the pass."""
    say('lost: x\nRESULT {"good": true}\r\u2028\udcff; again in 5 s')
    assert capsys.readouterr().out == 'lost: x\\nRESULT {"good": true}\\n\\n\\udcff; again in 5 s\n'
