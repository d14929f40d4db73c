"""A person's file as a model: each mistake has its line, also below a key of the file."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from pydantic import Field

from migrator.config.fields import Frozen
from migrator.config.parse import load_cluster, parse, text_of
from migrator.errors import ConfigError


class Inner(Frozen):
    """One of a list."""

    port: int


class Outer(Frozen):
    """A file."""

    name: str
    ports: tuple[Inner, ...] = ()


def test_a_file_becomes_a_model() -> None:
    """With what its lists hold."""
    assert parse(Outer, "name: a\nports: [{port: 1}]", "f.yaml") == Outer(name="a", ports=(Inner(port=1),))


def test_each_mistake_has_its_line() -> None:
    """In the order of the file, with the nearest key."""
    with pytest.raises(ConfigError) as caught:
        parse(Outer, "ports:\n- {prt: 1}\n- {port: x}\nnaem: a", "f.yaml")
    assert sorted({line.partition(" ")[0] for line in caught.value.issues}) == [f"f.yaml:{line}:" for line in (1, 2, 3, 4)]
    assert [line for line in caught.value.issues if line.endswith("did you mean port?")]


def test_a_part_of_a_file_is_read_below_its_keys(tmp_path: Path) -> None:
    """And what is missing there is told with them."""
    path = tmp_path / "Pulumi.x.yaml"
    path.write_text("config:\n  migrator:cluster:\n    name: a\n")
    assert load_cluster(Outer, path, hint="").name == "a"
    path.write_text("config: {}\n")
    with pytest.raises(ConfigError, match="must be a mapping with name"):
        load_cluster(Outer, path, hint="")


def issues(text: str, file: str = "f.yaml") -> list[str]:
    """Return the mistakes of a file."""
    with pytest.raises(ConfigError) as caught:
        parse(Outer, text, file)
    return list(caught.value.issues)


@pytest.mark.parametrize("file", ["/srv/a:b/f.yaml", "C:/f.yaml", ":", "f:9: x.yaml"])
def test_a_path_may_hold_a_colon(file: str) -> None:
    """Mistakes are sorted by their lines as numbers, and not by what stands behind the first colon."""
    text = "a: 1\n" * 10 + "name: 7\n"
    assert [line.removeprefix(f"{file}:").partition(":")[0] for line in issues(text, file)] == [
        str(number) for number in (*range(2, 11), 10, 11)
    ]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "f.yaml:1: file: must be a mapping with name"),
        ("7", "f.yaml:1: file: must be a mapping with name"),
        ("- name: a", "f.yaml:1: file: must be a mapping with name"),
        ("name: a\nname: b", "f.yaml:2: name: is given twice"),
        ("name: a\nports: [{port: 1, port: 2}]", "f.yaml:2: ports[0].port: is given twice"),
        ("name: a\nports: {port: 1}", "f.yaml:2: ports: must be a list"),
        ("name: a\nports: [7]", "f.yaml:2: ports[0]: must be a mapping"),
        ("name: a\nports: [{port: 1.5}]", "f.yaml:2: ports[0].port: must be a whole number"),
        ("name: a\nports: [{port: }]", "f.yaml:2: ports[0].port: must be a whole number"),
        ("name: [a]", "f.yaml:1: name: must be text"),
        ("name: a\nports:\n- {port: 1}\n- {}", "f.yaml:4: ports[1].port: is missing"),
        ("name: 'a", "f.yaml:1: not YAML: found unexpected end of stream"),
        ("a:\n\tb: 1", "f.yaml:2: not YAML: found character"),
        ("name: " + "9" * 5000, "f.yaml:1: holds a value or a key that YAML does not allow"),
        ("name: on", "f.yaml:1: name: must be text: put it in quotes"),
        ("name: 012", "f.yaml:1: name: must be text: put it in quotes"),
        ('name: "a\\0"', "f.yaml:1: name: holds a NUL character"),
        ('name: "\\ud800"', "f.yaml:1: name: holds half of a character"),
        ("name: !!binary aGk=", "f.yaml:1: not YAML: could not determine a constructor"),
        ("{[a]: b}", "f.yaml:1: not YAML: found unhashable key"),
        ("name: &a [*a]", "f.yaml:1: "),
        ("name: \x07", "f.yaml:1: not YAML: "),
        ("name: !!python/object:os.system x", "f.yaml:1: not YAML: could not determine a constructor"),
    ],
)
def test_a_mistake_is_one_line_with_its_place(text: str, words: str) -> None:
    """Of YAML, of the form, and of a value; nothing of it is a traceback."""
    (found,) = issues(text)
    assert found.startswith(words)
    assert "\n" not in found


class Free(Frozen):
    """A part whose keys are not known before, and a number."""

    patch: dict[str, Any] = Field(default_factory=dict)
    share: float = 0


@pytest.mark.parametrize(
    ("text", "patch"),
    [
        ("patch: {data: {8080: web, on: x, 1e3: y}}", {"data": {"8080": "web", "on": "x", "1e3": "y"}}),
        ("patch: {since: 2026-01-01, op: =}", {"since": "2026-01-01", "op": "="}),
        ("patch: &a {b: 1}\nshare: 1", {"b": 1}),
    ],
)
def test_what_goes_to_a_cluster_are_values_of_json(text: str, patch: dict[str, Any]) -> None:
    """The keys of a ConfigMap of ports are numbers to YAML, which no object can have: each object was blocked as damaged."""
    assert parse(Free, text, "f.yaml").patch == patch


@pytest.mark.parametrize("text", ["share: .nan", "share: .inf"])
def test_a_number_is_finite(text: str) -> None:
    """No share compares with a number that is none: steps of a cutover that begin with it were taken for rising ones."""
    with pytest.raises(ConfigError, match="share: Input should be a finite number"):
        parse(Free, text, "f.yaml")


def test_a_path_may_hold_bytes_that_are_not_utf_8() -> None:
    """As `init` writes that of a kubeconfig in such a folder (PEP 383)."""
    assert os.fsencode(parse(Outer, 'name: "/srv/\\udcff"', "f.yaml").name) == b"/srv/\xff"


def test_a_long_value_is_not_quoted_whole() -> None:
    """How it begins and what is wrong with it are told."""
    (found,) = issues(f"name: a\n{'x' * 5000}: 1")
    assert len(found) < 6000
    (found,) = issues("name: " + "{" + ", ".join(f"k{number}: v" for number in range(500)) + "}")
    assert found == "f.yaml:1: name: must be text"


def test_a_key_that_is_near_a_known_one_is_told_with_it_at_its_level_only() -> None:
    """What is a key elsewhere is no help here."""
    assert issues("name: a\nport: 1") == ["f.yaml:2: port: unknown key, did you mean ports?"]
    assert issues("name: a\nports: [{port: 1, nam: b}]") == ["f.yaml:2: ports[0].nam: unknown key"]


@pytest.mark.parametrize(
    ("content", "words"), [(b"name: a\n# \xff\n", ":2: is not UTF-8 text"), (b"\xfe\xff", ":1: is not UTF-8 text")]
)
def test_a_file_that_is_no_text_is_told_with_the_line(tmp_path: Path, content: bytes, words: str) -> None:
    """An editor saved it in another way."""
    (tmp_path / "f.yaml").write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        text_of(tmp_path / "f.yaml")
    assert caught.value.issues == [f"{tmp_path}/f.yaml{words}"]


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    """Nor is what is not there."""
    for path, words in ((tmp_path, "cannot be read: Is a directory"), (tmp_path / "none", "no such file")):
        with pytest.raises(ConfigError) as caught:
            text_of(path, hint="run init")
        assert (caught.value.issues, caught.value.hint) == ([f"{path}: {words}"], "run init")
