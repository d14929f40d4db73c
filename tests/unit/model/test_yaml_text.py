"""Files of hosts are read as Kubernetes' programs read them, and whatever is wrong with one is one error."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
import yaml

from migrator.model.strange import StrangeError
from migrator.model.yaml_text import dump, dump_all, load, load_all, mapping


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
        "a: " + "9" * 5000,
        "a: " + "[" * 1000,
        "{" * 1000,
        "a: b: c",
        b"\xff\xfe\x00",
        "a: !!python/object:os.system x",
        "\x00",
        "a: =x\n\t- b",
    ],
    ids=["an endless number", "nested", "nested like JSON", "no YAML", "no text", "a tag", "a NUL", "a tab"],
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


# What go.yaml.in/yaml v2.4.2 by sigs.k8s.io/yaml makes of each plain scalar, as JSON.
BY_GO = {
    "08": 8,
    "1e3": 1000,
    "0o17": 15,
    "017": 15,
    "-0x1F": -31,
    "0b11": 3,
    "1e+06": 1000000,
    "1_0": 10,
    ".5": 0.5,
    "25921e05": 2592100000,
    "y": True,
    "N": False,
    "on": True,
    "~": None,
    "1:30": "1:30",
    "2026-01-01": "2026-01-01",
    "=": "=",
    "0b": "0b",
    "0x": "0x",
    "+.": "+.",
    "1e": "1e",
    "yy": "yy",
    "10.0.0.0/8": "10.0.0.0/8",
    "v1": "v1",
    "_1": "_1",
}


@pytest.mark.parametrize("text", BY_GO)
def test_a_plain_scalar_is_what_go_makes_of_it(text: str) -> None:
    """A file that kubectl and kubeadm take means the same here (pyyaml#89: `=` ended the reading of a CRD)."""
    assert load(f"a: [{text}]\n") == {"a": [BY_GO[text]]}


@pytest.mark.parametrize(
    "text", [*BY_GO, "", "<<", "null", "True", "no", "1.5e3", "0O7", "+.inf", ".NaN", "a: b", "# a", "a\nb", "€"]
)
def test_text_that_is_written_is_text_to_every_parser(text: str) -> None:
    """A node 08, a taint 1e3 and 128e6 of memory were numbers to kubeadm and the kubelet, which refuse them (krane#740)."""
    written = dump({"a": [text], text: 1})
    assert load(written) == {"a": [text], text: 1}
    assert yaml.safe_load(written) == {"a": [text], text: 1}
    assert load_all(dump_all([[text], [text]])) == [[text], [text]]


def test_what_is_no_text_stays_what_it_is() -> None:
    """Quotes are for text alone."""
    value = {"a": [1, -2, 1e20, 0.5, True, None, "10.96.0.0/12", "v1.37.2"]}
    assert load(dump(value)) == value
    assert "'" not in dump(value)


def test_keys_are_text_as_they_are_written() -> None:
    """As in JSON: a ConfigMap of ports has such keys."""
    assert load("8080: a\non: b\n2026-01-01: c\n") == {"8080": "a", "on": "b", "2026-01-01": "c"}


def test_merged_mappings_do_not_fill_the_memory() -> None:
    """Nine levels of nine references are 387 million keys; a host sends such a file in 400 bytes."""
    lines = ["a: &a {" + ", ".join(f"k{number}: x" for number in range(9)) + "}"]
    for before, name in pairwise("abcdefghij"):
        lines.append(f"{name}: &{name} {{<<: [{', '.join([f'*{before}'] * 9)}]}}")
    with pytest.raises(StrangeError):
        load("\n".join(lines))
    assert load("a: &a {b: 1}\nc: {<<: *a, d: 2}\n") == {"a": {"b": 1}, "c": {"b": 1, "d": 2}}
