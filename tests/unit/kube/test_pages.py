"""A page of a list is read whole, or object by object where one cannot be parsed."""

from __future__ import annotations

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from migrator.errors import InvalidError
from migrator.kube.pages import _in_pieces, page_of
from migrator.model.strange import Unparsed
from tests.support.hostile import nested

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(alphabet='ab"\\\\{}[],:é\n', max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(alphabet='ab"\\\\,:{', max_size=3), inner, max_size=3),
    max_leaves=12,
)


@given(
    st.lists(st.dictionaries(st.sampled_from(["metadata", "spec", "a"]), JSON, max_size=3), max_size=4),
    st.sampled_from([0, orjson.OPT_INDENT_2]),
)
def test_pieces_are_what_the_whole_is(items: list[object], layout: int) -> None:
    """However the values look, cutting first and parsing then gives the same objects."""
    page = {"metadata": {"continue": "x"}, "items": items}
    assert _in_pieces(orjson.dumps(page, option=layout)) == page


def test_an_object_that_is_too_deep_costs_only_itself() -> None:
    """Its name is found without reading the rest, and its bytes are kept for an archive."""
    deep = (
        b'{"spec":'
        + b'{"a":' * 1100
        + b"1"
        + b"}" * 1100
        + b',"metadata":{"name":"deep","namespace":"n","labels":{"a":"}"},"uid":"u"}}'
    )
    body = (
        b'{"kind":"List","items":[{"metadata":{"name":"a"}},' + deep + b',{"metadata":{"name":"b"}}],"metadata":{"continue":"c"}}'
    )
    page = page_of(body, "blue")
    assert page.items == [{"metadata": {"name": "a"}}, Unparsed("n", "deep", "u", deep), {"metadata": {"name": "b"}}]
    assert page.following == "c"


def test_an_object_without_a_readable_name_is_still_one() -> None:
    """A lone surrogate is not text that can be read."""
    body = b'{"items":[{"metadata":{"name":"\\ud800"}},7],"metadata":{}}'
    assert page_of(body, "blue").items == [Unparsed("", "", "", b'{"metadata":{"name":"\\ud800"}}'), Unparsed("", "", "", b"7")]


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"7", b"<html>", b'{"items": {}, "metadata": {}}', b'{"items":[{"a":', orjson.dumps({"items": 3})]
)
def test_what_is_no_list_is_refused(body: bytes) -> None:
    """One line that names the cluster, and never a trace."""
    with pytest.raises(InvalidError, match="blue is not a list of objects"):
        page_of(body, "blue")


def test_an_empty_list_may_be_null() -> None:
    """Some aggregated servers send it so."""
    assert page_of(b'{"items":null,"metadata":{"resourceVersion":"1"}}', "blue").items == []
    assert nested(2) == {"a": {"a": "hunter2"}}
