"""Records and their lines: what is written is read again, by this version and from version 0.1.0."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path
from typing import Any, get_args

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import migrator
from migrator.errors import JournalError
from migrator.journal.file import FileJournal, iter_entries
from migrator.journal.records import base, decisive, migration, one_side, traffic, upgrade
from migrator.journal.records import data as data_records
from migrator.journal.records.base import Entry, Record
from migrator.journal.records.codec import Codec
from migrator.journal.records.data import DataRecord
from migrator.journal.records.migration import MIGRATION, MigrationRecord
from migrator.journal.records.one_side import GuardRecord, HandOverRecord
from migrator.journal.records.upgrade import UPGRADE, UpgradeRecord
from migrator.migration.ages import Moment
from migrator.migration.state import Stage, fold
from migrator.model.ref import ObjectRef
from migrator.model.version import Version
from migrator.upgrade.state import Status, fold_upgrade
from tests.support.clock import FakeClock
from tests.support.facts import hop
from tests.support.journals import JOURNALS_0_1_0

BOTH: list[tuple[Codec[Any], Any, str, str]] = [
    (MIGRATION, MigrationRecord, "migration-0.1.0.jsonl", "shop"),
    (UPGRADE, UpgradeRecord, "upgrade-0.1.0.jsonl", "upgrade of blue"),
]

NAMES = st.text("abcdefghijklmnopqrstuvwxyz0123456789-.:", min_size=1, max_size=12)
REFS = st.builds(
    ObjectRef,
    st.sampled_from(["", "apps", "rbac.authorization.k8s.io"]),
    st.sampled_from(["ConfigMap", "Deployment", "ClusterRole"]),
    st.one_of(st.just(""), NAMES),
    NAMES,
)
st.register_type_strategy(ObjectRef, REFS)
st.register_type_strategy(Version, st.builds(Version, *[st.integers(0, 99)] * 3))
st.register_type_strategy(float, st.floats(allow_nan=False, allow_infinity=False))
st.register_type_strategy(int, st.integers(-(2**53), 2**53))
st.register_type_strategy(str, st.text(st.characters(exclude_categories=["Cs"]), max_size=20))


@pytest.mark.parametrize(("codec", "record"), [pytest.param(row[0], one, id=one.WORD) for row in BOTH for one in get_args(row[1])])
@settings(max_examples=20, deadline=None)
@given(data=st.data())
def test_every_record_is_read_as_it_was_written(codec: Codec[Any], record: Any, data: st.DataObject) -> None:
    """Any value of any class, on one line."""
    entry = Entry(data.draw(st.floats(0, 2e9)), data.draw(st.from_type(record)))
    line = codec.encode(entry)
    assert codec.decode(line) == entry
    assert line.count(b"\n") == 1
    assert line.endswith(b"\n")
    assert orjson.loads(line)["event"] == record.WORD


@pytest.mark.parametrize(("codec", "union", "fixture", "_"), BOTH)
def test_lines_of_0_1_0_are_read_and_written_the_same(codec: Codec[Any], union: Any, fixture: str, _: str) -> None:
    """Every word, and every optional key, as the writers of 0.1.0 wrote them; a key at its default may be left out."""
    lines = (JOURNALS_0_1_0 / fixture).read_bytes().splitlines(keepends=True)
    for line in lines:
        again, before = orjson.loads(codec.encode(codec.decode(line))), orjson.loads(line)
        assert again == {key: value for key, value in before.items() if (key, value) not in _LEFT_OUT}
    assert {orjson.loads(line)["event"] for line in lines} == {record.WORD for record in get_args(union)} - _NEWER_WORDS
    for record in get_args(union):
        if record.WORD in _NEWER_WORDS:
            continue
        keys = {key for line in lines if orjson.loads(line)["event"] == record.WORD for key in orjson.loads(line)}
        assert keys >= {field.name for field in dataclasses.fields(record) if field.default is not dataclasses.MISSING} - _NEWER


_NEWER_WORDS = {"window-opened", "finish-started", "clocks", "fenced", "prepare", "remove-account", "configuration"} | {
    record.WORD for record in get_args(HandOverRecord | GuardRecord | DataRecord)
}
"""Records that there are only since 0.2.0."""
_NEWER = {"ahead", "id", "sha256", "soak", "hold", "from_snapshot"}
"""Keys that records have only since 0.2.0."""
_LEFT_OUT = [("changes_control_plane", False), ("differences", [])]


def test_a_migration_of_0_1_0_can_be_continued(tmp_path: Path) -> None:
    """Cut off anywhere, it is opened, known for what it is, and written on."""
    lines = (JOURNALS_0_1_0 / "migration-0.1.0.jsonl").read_bytes().splitlines(keepends=True)
    path = tmp_path / "journal.jsonl"
    stages = []
    for count in range(1, len(lines) + 1):
        path.write_bytes(b"".join(lines[:count]))
        with FileJournal(path, MIGRATION, tool="0.2.0", migration="shop", clock=FakeClock()) as journal:
            stages.append(fold(journal.entries()).stage)
            journal.append(decisive.Retired("a", 1))
            assert fold(journal.entries()).stage is Stage.RETIRED
    assert list(dict.fromkeys(stages)) == [
        Stage.NEW,
        Stage.COPIED,
        Stage.VALIDATED,
        Stage.CUTTING_OVER,
        Stage.ROLLED_BACK,
        Stage.ON_GREEN,
        Stage.RETIRED,
    ]


def test_the_state_of_a_migration_of_0_1_0() -> None:
    """What was made, what is fenced, who has the traffic: after the second copy, in the failed cutover, at the end."""
    entries = list(iter_entries(JOURNALS_0_1_0 / "migration-0.1.0.jsonl", MIGRATION))
    words = [entry.record.WORD for entry in entries]
    copied = fold(entries[: words.index("verdict", words.index("prune"))])
    made = {ref.name: (written.uid, written.made) for ref, written in copied.written.items()}
    assert made == {
        "shop": ("green-1", True),
        "theirs": ("green-0", False),
        "settings": ("green-3", True),
        "kept": ("green-7", True),
        "data": ("green-9", True),
        "nightly": ("green-11", True),
        "quota": ("green-14", True),
        "web": ("green-16", True),
    }
    assert copied.intended == {}
    failed = fold(entries[: words.index("cutover-ended")])
    nightly = ObjectRef("batch", "CronJob", "shop", "nightly")
    assert (list(failed.handed), failed.green_percent) == ([nightly], 0.0)
    ended = fold(entries)
    assert (ended.green_percent, ended.on_green, ended.copied_at) == (100.0, Moment(1793000023.65), 1793000014.65)


def test_the_upgrades_of_0_1_0_can_be_continued(tmp_path: Path) -> None:
    """Cut off anywhere, they are opened, known for what they are, and written on."""
    lines = (JOURNALS_0_1_0 / "upgrade-0.1.0.jsonl").read_bytes().splitlines(keepends=True)
    path = tmp_path / "journal.jsonl"
    seen = []
    for count in range(1, len(lines) + 1):
        path.write_bytes(b"".join(lines[:count]))
        with FileJournal(path, UPGRADE, tool="0.2.0", migration="upgrade of blue", clock=FakeClock()) as journal:
            state = fold_upgrade(journal.entries())
            seen.append((state.status, state.hop.key if state.hop else ""))
            journal.append(upgrade.UpgradeAborted())
            assert fold_upgrade(journal.entries()).status is Status.ABORTED
    first, second = hop("1.35.4", "1.36.3").key, hop("1.36.3", "1.37.2").key
    assert list(dict.fromkeys(seen)) == [
        (Status.NONE, ""),
        (Status.RUNNING, first),
        (Status.RUNNING, second),
        (Status.RUNNING, ""),
        (Status.DONE, ""),
        (Status.ABORTED, first),
        (Status.ROLLING_BACK, first),
        (Status.ROLLED_BACK, first),
    ]


def test_a_journal_of_the_other_kind_is_no_journal_of_this_one() -> None:
    """`rollback-ended` has another form in each; a word of the other kind is unknown."""
    with pytest.raises(JournalError, match=r"upgrade-0\.1\.0\.jsonl:3: unknown record `upgrade-started`"):
        list(iter_entries(JOURNALS_0_1_0 / "upgrade-0.1.0.jsonl", MIGRATION))
    with pytest.raises(JournalError, match=r"migration-0\.1\.0\.jsonl:4: unknown record `hook`"):
        list(iter_entries(JOURNALS_0_1_0 / "migration-0.1.0.jsonl", UPGRADE))


def test_every_class_is_in_the_union_and_every_word_is_written_somewhere() -> None:
    """A record that no journal takes, or that nobody writes, is dead; a word is one class's in its journal."""
    for modules, union in (((migration, one_side, traffic, data_records), MigrationRecord), ((upgrade,), UpgradeRecord)):
        values = [value for module in (base, *modules) for value in vars(module).values()]
        defined = {value for value in values if isinstance(value, type) and issubclass(value, Record)} - {Record}
        assert defined == set(get_args(union))
        words = [record.WORD for record in get_args(union)]
        assert len(words) == len(set(words))
    classes = {record.__name__ for union in (MigrationRecord, UpgradeRecord) for record in get_args(union)}
    assert _constructed() == classes


def _constructed() -> set[str]:
    """Return the names of records that the package's code makes, in a call or by its `of`."""
    root = Path(migrator.__file__).parent
    code = "\n".join(path.read_text() for path in root.rglob("*.py") if "records" not in path.parts)
    # No syntax tree: CPython 3.11 fails to build one beneath the frames of hypothesis (python/cpython#106905).
    # Every name is looked at once, whatever it is: one search for each record would read all code eighty times.
    made = set(re.findall(r"\b([A-Z]\w*)(?:\.of\b|\()", code))
    return made & {record.__name__ for union in (MigrationRecord, UpgradeRecord) for record in get_args(union)}
