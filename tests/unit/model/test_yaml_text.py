"""Files of hosts are read as Kubernetes' programs read them, and whatever is wrong with one is one error."""

from __future__ import annotations

from typing import Any

import pytest

from migrator.model.strange import StrangeError
from migrator.model.yaml_text import load, load_all, mapping


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('{\n\t"cniVersion": "1.0.0",\n\t"plugins": []\n}\n', {"cniVersion": "1.0.0", "plugins": []}),
        (b'\n[\t{"op": "add"}]', [{"op": "add"}]),
        ("{a: 1, b: [x]}", {"a": 1, "b": ["x"]}),
        ("---\nkind: Pod\n---\nkind: [\n", {"kind": "Pod"}),
        ("", None),
        ("\ufeffkind: Pod\n", {"kind": "Pod"}),
    ],
    ids=["JSON with tabs", "a JSON patch", "YAML that begins like JSON", "a second document", "nothing", "a byte order mark"],
)
def test_what_go_reads_is_read(text: str | bytes, found: Any) -> None:
    """Of several documents the first one counts, where a program wants one."""
    assert load(text) == found


@pytest.mark.parametrize(
    "text",
    [
        "created: 2026-13-45",
        "a: " + "[" * 1000,
        "{" * 1000,
        "a: b: c",
        b"\xff\xfe\x00",
        "a: !!python/object:os.system x",
        "\x00",
        "a: =x\n\t- b",
    ],
    ids=["no such day", "nested", "nested like JSON", "no YAML", "no text", "a tag", "a NUL", "a tab"],
)
def test_what_nothing_reads_is_one_error(text: str | bytes) -> None:
    """A host or a cluster may hold anything; none of its words are told."""
    with pytest.raises(StrangeError, match=r"^is not YAML that can be read$"):
        load_all(text)
    assert mapping(text) == {}


def test_a_file_of_any_size_is_no_setting() -> None:
    """Reading takes memory."""
    with pytest.raises(StrangeError, match="larger than 4 MB"):
        load("a" * 4_000_001)
    assert mapping("- a\n") == {}
