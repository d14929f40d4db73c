"""The journal: nothing is lost, nothing foreign is taken."""

from __future__ import annotations

from pathlib import Path

import pytest

from migrator.errors import JournalError
from migrator.journal.file import FileJournal, read_events
from migrator.migration.state import Stage, fold
from migrator.model.ref import ObjectRef


def opened(path: Path, migration: str = "m") -> FileJournal:
    """Open a journal."""
    return FileJournal(path, tool="0.1.0", migration=migration)


def test_lines_survive_and_are_private(tmp_path: Path) -> None:
    """What was appended is there again; the file is the owner's alone."""
    path = tmp_path / "j" / "journal.jsonl"
    with opened(path) as journal:
        journal.append("a", x=1)
    with opened(path) as journal:
        assert [line["event"] for line in journal.events()] == ["journal", "a"]
    assert path.stat().st_mode & 0o777 == 0o600


def test_half_a_line_is_dropped(tmp_path: Path) -> None:
    """A run that was killed while writing leaves half a line: the next one goes on without it."""
    path = tmp_path / "journal.jsonl"
    with opened(path) as journal:
        journal.append("a")
    with path.open("ab") as file:
        file.write(b'{"at":1,"event":"ha')
    assert [line["event"] for line in read_events(path)] == ["journal", "a"]
    with opened(path) as journal:
        journal.append("b")
    assert [line["event"] for line in read_events(path)] == ["journal", "a", "b"]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b'{"at":1,"event":"journal","format":1,"tool":"0.1.0","migration":"other"}\n', "belongs to migration other"),
        (b'{"at":1,"event":"journal","format":99,"tool":"9.0","migration":"m"}\n', "newer than this"),
        (b'{"at":1,"event":"x"}\n', "is not a journal"),
        (b"nonsense\n", "damaged line"),
    ],
)
def test_foreign_journals_are_refused(tmp_path: Path, content: bytes, words: str) -> None:
    """Another migration's, a newer tool's, or no journal at all: one line each, and the file is left as it is."""
    path = tmp_path / "journal.jsonl"
    path.write_bytes(content)
    with pytest.raises(JournalError, match=words):
        opened(path)
    assert path.read_bytes() == content


def test_second_run_is_refused(tmp_path: Path) -> None:
    """Two runs cannot write one journal."""
    with opened(tmp_path / "j"), pytest.raises(JournalError, match="another run"):
        opened(tmp_path / "j")


def test_bound_to_its_clusters(tmp_path: Path) -> None:
    """Once tied to two clusters, it is refused for others; a cluster that cannot be asked is left out."""
    with opened(tmp_path / "j") as journal:
        journal.bind(blue="1")
        journal.bind(blue="1", green="2")
        with pytest.raises(JournalError, match="another green cluster"):
            journal.bind(blue="1", green="3")


def test_state_is_the_fold_of_the_lines() -> None:
    """Intended, written, deleted; stages follow the verbs."""
    lines = [
        {"at": 1, "event": "wave", "create": ["ConfigMap/n/a", "ConfigMap/n/b"], "change": []},
        {
            "at": 2,
            "event": "outcome",
            "ref": "ConfigMap/n/a",
            "action": "created",
            "uid": "u",
            "green": "g",
            "blue": "b",
            "made": True,
        },
    ]
    state = fold(lines)
    assert state.intended == {ObjectRef("", "ConfigMap", "n", "b")}
    assert state.written[ObjectRef("", "ConfigMap", "n", "a")].made
    assert fold([*lines, {"at": 3, "event": "outcome", "ref": "ConfigMap/n/a", "action": "deleted"}]).written == {}
    story = [
        ("copy-ended", {}, Stage.COPIED),
        ("verdict", {"good": True}, Stage.VALIDATED),
        ("cutover-started", {}, Stage.CUTTING_OVER),
        ("cutover-ended", {"good": True}, Stage.ON_GREEN),
        ("rollback-ended", {}, Stage.ROLLED_BACK),
    ]
    events = []
    for event, fields, stage in story:
        events.append({"at": 5, "event": event, **fields})
        assert fold(events).stage is stage
