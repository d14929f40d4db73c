"""The journal's file: nothing is lost, nothing foreign is taken."""

from __future__ import annotations

import errno
import os
import resource
from pathlib import Path

import pytest

from migrator.errors import JournalError
from migrator.journal.file import FileJournal, iter_entries
from migrator.journal.records.base import Bound, Entry, Header
from migrator.journal.records.migration import MIGRATION, MigrationRecord
from migrator.journal.records.traffic import CutoverStarted, ShiftAnnounced, Unfenced
from migrator.journal.records.upgrade import UPGRADE
from tests.support.clock import FakeClock

HEADER = b'{"at":1,"event":"journal","format":1,"tool":"0.1.0","migration":"m"}\n'


def opened(path: Path, clock: FakeClock | None = None) -> FileJournal[MigrationRecord]:
    """Open a journal of migration `m`."""
    return FileJournal(path, MIGRATION, tool="0.1.0", migration="m", clock=clock or FakeClock())


def read(path: Path) -> list[MigrationRecord]:
    """Return a journal's records, read without a lock."""
    return [entry.record for entry in iter_entries(path, MIGRATION)]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return where a journal is to be."""
    return tmp_path / "state" / "journal.jsonl"


def test_records_survive_and_are_private(path: Path) -> None:
    """What was appended is there again, with its time by the clock; the file is the owner's alone."""
    clock = FakeClock(1_800_000_000.12345)
    with opened(path, clock) as journal:
        clock.pass_time(2.0)
        assert journal.append(CutoverStarted()) == Entry(1_800_000_002.123, CutoverStarted())
    with opened(path) as journal:
        assert list(journal.entries()) == [
            Entry(1_800_000_000.123, Header(1, "0.1.0", "m")),
            Entry(1_800_000_002.123, CutoverStarted()),
        ]
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("tail", [b'{"at":1,"event":"ha', b"\0" * 512, b'{"at":1,"ev' + b"\0" * 64], ids=["half", "zeros", "both"])
def test_half_a_line_is_dropped(path: Path, tail: bytes) -> None:
    """A run that was killed while writing leaves half a line, a lost power supply zeros: the next one goes on without them."""
    with opened(path) as journal:
        journal.append(CutoverStarted())
    with path.open("ab") as file:
        file.write(tail)
    assert read(path)[1:] == [CutoverStarted()]
    with opened(path) as journal:
        journal.append(Unfenced())
    assert read(path)[1:] == [CutoverStarted(), Unfenced()]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (HEADER.replace(b'"m"', b'"other"'), "belongs to migration other, not m"),
        (HEADER.replace(b'"format":1', b'"format":99').replace(b"0.1.0", b"9.0"), r"was written by migrator 9\.0, newer than this"),
        (b'{"at":1,"event":"x"}\n', "is not a journal"),
        (b'{"at":1,"event":"cutover-started"}\n', "is not a journal"),
        (b"nonsense\n", r":1: damaged line"),
        (b"[1]\n", r":1: damaged line"),
    ],
)
def test_foreign_journals_are_refused(tmp_path: Path, content: bytes, words: str) -> None:
    """Another migration's, a newer tool's, or no journal at all: one line each, and the file is left as it is."""
    path = tmp_path / "journal.jsonl"
    path.write_bytes(content)
    with pytest.raises(JournalError, match=words) as caught:
        opened(path)
    assert caught.value.hint
    assert path.read_bytes() == content


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (b"nonsense", "damaged line"),
        (b'{"at":2}', "damaged line: it has no `event`"),
        (b'{"event":"cutover-started"}', "malformed record `cutover-started`: at: is not a time"),
        (b'{"at":1e300,"event":"cutover-started"}', "malformed record `cutover-started`: at: is not a time"),
        (b'{"at":true,"event":"cutover-started"}', "malformed record `cutover-started`: at: is not a time"),
        (b'{"at":2,"event":"cutover-begun"}', "unknown record `cutover-begun`"),
        (
            b'{"at":2,"event":"step-done","hop":"h","node":"n","role":"worker","action":"a","seconds":1}',
            "unknown record `step-done`",
        ),
        (b'{"at":2,"event":"shift"}', "malformed record `shift`: percent: Field required"),
        (b'{"at":2,"event":"shift","percent":"10"}', "malformed record `shift`: percent: Input should be a valid number"),
        (b'{"at":2,"event":"shift","percent":10,"servers":{}}', "malformed record `shift`: servers: Unexpected keyword argument"),
        (b'{"at":2,"event":"prune","refs":["Deployment"]}', "malformed record `prune`: refs.0: .*not an object reference"),
        (b'{"at":2,"event":"prune","refs":[1]}', "malformed record `prune`: refs.0: Input should be a valid string"),
    ],
)
def test_a_line_that_is_no_record_is_an_error_with_its_number(tmp_path: Path, line: bytes, words: str) -> None:
    """Nothing is skipped: not a word of another journal, not a key too many or too few, not a wrong type."""
    path = tmp_path / "journal.jsonl"
    path.write_bytes(HEADER + b'{"at":1,"event":"cutover-started"}\n' + line + b'\n{"at":3,"event":"unfenced"}\n')
    with pytest.raises(JournalError, match=f"^{path}:3: {words}") as caught:
        read(path)
    assert "--state-dir" in caught.value.hint


def test_a_journal_that_is_not_there_or_cannot_be_read_is_said(tmp_path: Path) -> None:
    """`status` before the first run; a folder in the file's place."""
    with pytest.raises(JournalError, match="no journal yet"):
        read(tmp_path / "journal.jsonl")
    with pytest.raises(JournalError, match="cannot be read: Is a directory"):
        read(tmp_path)
    with pytest.raises(JournalError, match="cannot be opened: Is a directory"):
        opened(tmp_path)


def test_second_run_is_refused(path: Path) -> None:
    """Two runs cannot write one journal."""
    with opened(path), pytest.raises(JournalError, match="another run"):
        opened(path)


def test_bound_to_its_clusters(path: Path) -> None:
    """Once tied to two clusters, it is refused for others; a cluster that cannot be asked is left out."""
    with opened(path) as journal:
        journal.bind(blue="1")
        journal.bind(blue="1", green="2")
        journal.append(CutoverStarted())
        with pytest.raises(JournalError, match="another green cluster"):
            journal.bind(blue="1", green="3")
    assert read(path)[1:] == [Bound({"blue": "1"}), Bound({"green": "2"}), CutoverStarted()]


def test_a_look_at_another_cluster_by_mistake_binds_nobody(path: Path) -> None:
    """Whoever corrects the context goes on with the same journal; from then on it is tied to the right one."""
    with opened(path) as journal:
        journal.bind(blue="1", green="3")
        journal.bind(blue="1", green="2")
        journal.append(CutoverStarted())
        journal.bind(blue="1", green="2")
        with pytest.raises(JournalError, match="another green cluster"):
            journal.bind(blue="1", green="3")
    assert read(path)[1:] == [Bound({"blue": "1", "green": "3"}), Bound({"green": "2"}), CutoverStarted()]


def test_notes_wait_for_the_next_record_and_keep_their_order(path: Path) -> None:
    """Outcomes are written in batches: at once only what announces a change, and everything before it."""
    with opened(path) as journal:
        journal.note(ShiftAnnounced(1.0))
        journal.note(ShiftAnnounced(2.0))
        assert read(path)[1:] == []
        journal.append(ShiftAnnounced(3.0))
        assert read(path)[1:] == [ShiftAnnounced(1.0), ShiftAnnounced(2.0), ShiftAnnounced(3.0)]
        journal.note(ShiftAnnounced(4.0))
        journal.sync()
        assert read(path)[-1] == ShiftAnnounced(4.0)
        journal.note(ShiftAnnounced(5.0))
        assert [entry.record for entry in journal.entries()][-1] == ShiftAnnounced(5.0)
        for percent in range(200):
            journal.note(ShiftAnnounced(float(percent)))
        assert len(read(path)) > 100
        journal.note(ShiftAnnounced(6.0))
    assert read(path)[-1] == ShiftAnnounced(6.0)


@pytest.mark.parametrize("room", [0, 20])
def test_a_full_disk_is_an_error_before_the_change(path: Path, room: int) -> None:
    """What cannot be announced is not done; what was written before stays whole, also where half a line would fit."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    with opened(path) as journal:
        size = path.stat().st_size
        resource.setrlimit(resource.RLIMIT_FSIZE, (size + room, hard))
        try:
            with pytest.raises(JournalError, match="cannot be written") as caught:
                journal.append(CutoverStarted())
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        assert "free space" in caught.value.hint
        assert path.stat().st_size == size
        journal.append(Unfenced())
    assert read(path)[1:] == [Unfenced()]


def test_a_line_that_a_power_loss_may_take_is_refused_and_taken_back(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The announced change is not made, so it must not be announced; what was noted before is kept."""

    def fail(_file: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    with opened(path) as journal:
        journal.note(ShiftAnnounced(1.0))
        with monkeypatch.context() as broken:
            broken.setattr(os, "fsync", fail)
            with pytest.raises(JournalError, match="cannot be written: Input/output error"):
                journal.append(CutoverStarted())
        assert read(path)[1:] == [ShiftAnnounced(1.0)]


def test_an_announcement_is_on_the_disk_before_the_change(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When `append` returns, all lines up to it were forced there; a note alone is not worth the wait."""
    durable: list[bytes] = []
    with opened(path) as journal:
        monkeypatch.setattr(os, "fsync", lambda _file: durable.append(path.read_bytes()))
        journal.note(ShiftAnnounced(1.0))
        assert durable == []
        journal.append(CutoverStarted())
        assert durable == [path.read_bytes()]


def test_notes_that_the_disk_refused_are_written_once_it_has_room(path: Path) -> None:
    """What was done on green stays known; what could not be announced is not in the journal."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    with opened(path) as journal:
        journal.note(ShiftAnnounced(1.0))
        resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + 20, hard))
        try:
            for _ in range(2):
                with pytest.raises(JournalError):
                    journal.append(CutoverStarted())
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        journal.append(Unfenced())
    assert read(path)[1:] == [ShiftAnnounced(1.0), Unfenced()]


def run_on_a_disk_that_fills_up(path: Path, error: Exception | None) -> None:
    """Note something that cannot be written any more, and end with this error."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        with opened(path) as journal:
            journal.note(ShiftAnnounced(1.0))
            resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size, hard))
            if error:
                raise error
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_the_error_of_a_run_is_not_hidden_by_its_journal(path: Path) -> None:
    """At the end of a run that failed, what could not be written any more is not what is told."""
    with pytest.raises(ValueError, match="first"):
        run_on_a_disk_that_fills_up(path, ValueError("first"))
    with pytest.raises(JournalError, match="cannot be written"):
        run_on_a_disk_that_fills_up(path, None)


def test_an_undo_is_recorded_on_a_full_disk(path: Path) -> None:
    """Its lines have room that was kept for them; a reader meanwhile does not see the room."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    with opened(path) as journal:
        journal.reserve(4096)
        resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size, hard))
        try:
            with pytest.raises(JournalError, match="cannot be written"):
                journal.append(ShiftAnnounced(50.0))
            journal.use_reserve()
            journal.append(ShiftAnnounced(0.0))
            journal.append(Unfenced())
            assert read(path)[1:] == [ShiftAnnounced(0.0), Unfenced()]
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert read(path)[1:] == [ShiftAnnounced(0.0), Unfenced()]


SHIFT, UNFENCED = b'{"at":2,"event":"shift","percent":50}', b'{"at":3,"event":"unfenced"}'


@pytest.mark.parametrize(
    ("torn", "left"),
    [
        (SHIFT[:20], [Unfenced()]),
        (bytes(512), [Unfenced()]),
        (bytes(64) + SHIFT[30:], [Unfenced()]),
        (SHIFT[:20] + SHIFT, [ShiftAnnounced(50.0), Unfenced()]),
        (bytes(64) + SHIFT, [ShiftAnnounced(50.0), Unfenced()]),
        (SHIFT[:20] + SHIFT[:9], [Unfenced()]),
    ],
    ids=["half", "zeros", "zeros-and-half", "half-and-whole", "zeros-and-whole", "two-halves"],
)
def test_a_torn_line_in_the_middle_is_named_and_what_is_whole_can_be_read(
    tmp_path: Path, torn: bytes, left: list[MigrationRecord]
) -> None:
    """A journal that an old version or a power loss has torn: nobody goes on unaware, and a way back reads around it."""
    path = tmp_path / "journal.jsonl"
    content = HEADER + b'{"at":1,"event":"cutover-started"}\n' + torn + b"\n" + UNFENCED + b"\n"
    path.write_bytes(content)
    with pytest.raises(JournalError, match=f"^{path}:3: damaged line$") as caught:
        read(path)
    assert "`migrator rollback` reads around it" in caught.value.hint
    found: list[str] = []
    assert [entry.record for entry in iter_entries(path, MIGRATION, damaged=found.append)][1:] == [CutoverStarted(), *left]
    assert found == [f"{path}:3: damaged line"]
    with FileJournal(path, MIGRATION, tool="0.1.0", migration="m", clock=FakeClock(), damaged=found.append) as journal:
        journal.bind(blue="1")
        assert [entry.record for entry in journal.entries()][1:] == [CutoverStarted(), *left, Bound({"blue": "1"})]
    assert path.read_bytes().startswith(content)


def test_a_torn_line_of_an_upgrade_is_not_said_to_be_read_around(tmp_path: Path) -> None:
    """Its rollback needs every line."""
    path = tmp_path / "journal.jsonl"
    path.write_bytes(HEADER + SHIFT[:20] + b"\n")
    with pytest.raises(JournalError, match=f"^{path}:2: damaged line$") as caught:
        list(iter_entries(path, UPGRADE))
    assert "around" not in caught.value.hint
    assert "restore the file" in caught.value.hint


@pytest.mark.parametrize("line", [b'{"at":2,"event":"teleported"}', b'{"at":2,"event":"shift"}'])
def test_a_whole_line_that_is_not_understood_is_not_read_around(tmp_path: Path, line: bytes) -> None:
    """It says something, perhaps of a newer version, and what it says may matter to a way back."""
    path = tmp_path / "journal.jsonl"
    path.write_bytes(HEADER + line + b"\n")
    with pytest.raises(JournalError, match=f"^{path}:2: "):
        list(iter_entries(path, MIGRATION, damaged=pytest.fail))


def test_a_torn_header_is_not_read_around(tmp_path: Path) -> None:
    """Nobody knows whose journal it is."""
    path = tmp_path / "journal.jsonl"
    path.write_bytes(HEADER[:20] + b"\n" + UNFENCED + b"\n")
    with pytest.raises(JournalError, match=f"^{path}:1: damaged line$"):
        list(iter_entries(path, MIGRATION, damaged=pytest.fail))
