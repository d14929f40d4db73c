"""Entries and their lists."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from migrator.volumes.agent.entries import ROOT, Entry, ListError, from_lines, parent, place, shown, to_arrays, to_lines
from tests.support.volume_trees import entry

NAMES = st.binary(min_size=1, max_size=20).map(lambda name: name.replace(b"/", b"_").replace(b"\0", b"-"))
PATHS = st.lists(NAMES, min_size=1, max_size=4).map(b"/".join)


@given(path=PATHS, target=st.binary(max_size=20))
def test_a_name_of_any_bytes_is_read_as_it_was_written(path: bytes, target: bytes) -> None:
    """Bytes that are not UTF-8, line breaks and quotes among them; the list is plain ASCII."""
    written = entry(path, target=target, xattrs=(("user.a", "00ff"),))
    lines = list(to_lines([written]))
    as_json = {**written._asdict(), "path": shown(written.path), "target": shown(written.target)}
    assert lines[0] == json.dumps(as_json, separators=(",", ":"))
    assert all(line.isascii() and "\n" not in line for line in lines)
    assert list(from_lines(lines)) == [written]
    arrays = list(to_arrays([written]))
    assert all(line.isascii() and "\n" not in line for line in arrays)
    assert list(from_lines(arrays)) == [written]


@pytest.mark.parametrize(
    "cut", [lambda lines: lines[:-1], lambda lines: lines[1:], lambda lines: [*lines, lines[0]], lambda _: ["{"]]
)
@pytest.mark.parametrize("write", [to_lines, to_arrays])
def test_half_a_list_is_no_list(cut: object, write: Callable[[list[Entry]], Iterator[str]]) -> None:
    """A line that is missing, at the end or before it, or one too many."""
    lines = list(write([entry(b"%d" % number) for number in range(600)]))
    with pytest.raises(ListError):
        list(from_lines(cut(lines)))  # type: ignore[operator]


@pytest.mark.parametrize(
    "line",
    [
        '[["a"]]',
        "[[1,2]]",
        "[7]",
        '[["a",1',
        "[[]]",
        "[" * 20_000,
        "{" * 9,
        '{"path": 1}',
        '{"end": ',
        '{"end"',
        '{"end"}',
        '{"endless": 1}',
        '{"end": "1"}',
    ],
)
def test_an_array_that_holds_no_entries_is_an_error(line: str) -> None:
    """Another host may send anything."""
    with pytest.raises(ListError):
        list(from_lines([line, '{"end": 1}']))


def test_a_folder_comes_before_what_is_in_it_and_that_before_its_neighbour() -> None:
    """Sorting whole paths as bytes would put `a-b` between `a` and `a/b`."""
    assert sorted([b"a/b", b"a-b", ROOT, b"a"], key=place) == [ROOT, b"a", b"a/b", b"a-b"]
    assert (parent(b"a/b"), parent(b"a"), parent(ROOT)) == (b"a", ROOT, ROOT)
