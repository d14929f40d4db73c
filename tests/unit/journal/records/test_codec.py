"""A record is one line of JSON with its time and word; what is not a valid line is an error that says why."""

from __future__ import annotations

import orjson
import pytest

from migrator.journal.records.base import Entry
from migrator.journal.records.codec import LineError, TornLineError, parse_line
from migrator.journal.records.decisive import Retired
from migrator.journal.records.migration import MIGRATION
from migrator.journal.records.traffic import CutoverStarted, ShiftAnnounced
from migrator.journal.records.upgrade import UPGRADE, Cordoned, StepStarted

SHIFT = Entry(12.5, ShiftAnnounced(50.0))


def test_a_line_begins_with_its_time_and_its_word() -> None:
    """A person reads it from the left, and a half line is told from a whole one by it."""
    line = MIGRATION.encode(SHIFT)
    assert line.startswith(b'{"at":12.5,"event":"' + ShiftAnnounced.WORD.encode() + b'",')
    assert MIGRATION.decode(line) == SHIFT


def test_a_record_without_fields_is_a_line_too() -> None:
    """Its time and its word are all."""
    line = MIGRATION.encode(Entry(1.0, CutoverStarted()))
    assert line == b'{"at":1.0,"event":"' + CutoverStarted.WORD.encode() + b'"}\n'


def test_keys_at_their_defaults_are_left_out_of_lines_and_not_of_reports() -> None:
    """A line stays short; who reads `fields` need not know the defaults."""
    record = StepStarted(hop="a", node="b", role="worker", action="c")
    assert "changes_control_plane" not in orjson.loads(UPGRADE.encode(Entry(1.0, record)))
    assert UPGRADE.fields(record)["changes_control_plane"] is False


class InterruptingText(str):
    """A text that ^C meets while it is compared with a field's default."""

    __slots__ = ()
    __hash__ = str.__hash__

    def __eq__(self, other: object) -> bool:
        raise KeyboardInterrupt("SIGHUP")


def test_an_interruption_while_a_line_is_made_is_one() -> None:
    """And no bug: a library that makes an error of its own from it would end the verb as one."""
    with pytest.raises(KeyboardInterrupt, match="SIGHUP"):
        MIGRATION.encode(Entry(1.0, Retired("archive", 1, InterruptingText("x"))))


@pytest.mark.parametrize("line", [b"", b"x", b'{"at":1,"event":"cor', b"\0\0\0", b'{"at":1.0}{"at":2.0}'])
def test_what_is_no_whole_json_is_torn(line: bytes) -> None:
    """A power loss or a full disk has left it."""
    with pytest.raises(TornLineError, match="damaged line"):
        parse_line(line)


def test_a_whole_line_behind_half_of_another_is_found() -> None:
    """The next run has written on behind what a killed one left."""
    whole = b'{"at":2.0,"event":"cordoned","node":"a"}'
    with pytest.raises(TornLineError) as caught:
        parse_line(b'{"at":1.0,"event":"cord' + whole)
    assert caught.value.rest == whole
    with pytest.raises(TornLineError) as caught:
        parse_line(whole + b'{"at":1.0,"event":"cord')
    assert caught.value.rest == b""


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (b"[]", "it has no `event`"),
        (b"1", "it has no `event`"),
        (b'{"at":1}', "it has no `event`"),
        (b'{"at":1,"event":3}', "it has no `event`"),
        (b'{"event":"x"}', "malformed record `x`: at"),
        (b'{"at":true,"event":"x"}', "malformed record `x`: at"),
        (b'{"at":"1","event":"x"}', "malformed record `x`: at"),
        (b'{"at":-1,"event":"x"}', "malformed record `x`: at"),
        (b'{"at":1e12,"event":"x"}', "malformed record `x`: at"),
    ],
)
def test_a_line_needs_a_word_and_a_time(line: bytes, words: str) -> None:
    """It is whole, so nothing was lost: somebody has written something else."""
    with pytest.raises(LineError, match=words) as caught:
        parse_line(line)
    assert not isinstance(caught.value, TornLineError)


def test_a_word_of_no_record_or_of_the_other_journal_is_unknown() -> None:
    """A later version may have written it: nothing is skipped."""
    for line in (b'{"at":1,"event":"of-tomorrow"}', UPGRADE.encode(Entry(1.0, Cordoned("a")))):
        with pytest.raises(LineError, match="unknown record `"):
            MIGRATION.decode(line)


@pytest.mark.parametrize("change", [{"digest": None}, {"objects": "three"}, {"more": 1}])
def test_a_field_that_is_wrong_is_named(change: dict[str, object]) -> None:
    """Missing, of another type, or one that no record has."""
    fields = {**orjson.loads(MIGRATION.encode(Entry(1.0, Retired("a", 3)))), **change}
    names = [name for name in fields if name in ("at", "event")]
    assert names == ["at", "event"]
    with pytest.raises(LineError, match=f"malformed record `{Retired.WORD}`: "):
        MIGRATION.decode(orjson.dumps(fields))
