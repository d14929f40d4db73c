"""migration.yaml: every mistake at once, with its line."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from migrator.config.hosts import load_hosts
from migrator.config.load import load_migration, parse_migration
from migrator.config.schema import Migration
from migrator.config.stack import StackConfig, load_stack
from migrator.config.way_back import load_way_back
from migrator.errors import ConfigError

WRONG = """\
name: Shop!
blue: {kubecofig: x}
green: {context: 3}
transforms:
- name: x
  target: {kind: A}
traffic: {haproxy: {socket: s, backend: b, blue: [], green: [g], stateFile: f}, steps: [50, 25], soak: 5}
gates: {errorRate: 101%}
probes: [{name: p}]
trafic: 1
"""


def test_all_mistakes_at_once() -> None:
    """Each mistake is one line: file, line, path, what, and the nearest key for a typo."""
    with pytest.raises(ConfigError) as caught:
        parse_migration(WRONG, "m.yaml")
    found = [line.split(":", 3)[:3] for line in caught.value.issues]
    assert found == [
        ["m.yaml", "1", " name"],
        ["m.yaml", "2", " blue.kubecofig"],
        ["m.yaml", "3", " green.context"],
        ["m.yaml", "5", " transforms[0]"],
        ["m.yaml", "7", " traffic.haproxy.blue"],
        ["m.yaml", "7", " traffic.soak"],
        ["m.yaml", "7", " traffic.steps"],
        ["m.yaml", "8", " gates.errorRate"],
        ["m.yaml", "9", " probes[0]"],
        ["m.yaml", "10", " trafic"],
    ]
    assert "did you mean kubeconfig?" in caught.value.issues[1]
    assert "did you mean traffic?" in caught.value.issues[-1]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: [", "not YAML"),
        ("- x", "must be a mapping"),
        ("", "must be a mapping"),
        ("name: a\nname: b\nblue: {}\ngreen: {}", "m.yaml:2: name: is given twice"),
    ],
)
def test_not_even_a_mapping(text: str, words: str) -> None:
    """What is not a file of ours is one line too."""
    with pytest.raises(ConfigError, match=words):
        parse_migration(text, "m.yaml")


def test_missing_file(tmp_path: Path) -> None:
    """A missing file names the verb that writes one."""
    with pytest.raises(ConfigError, match="no such file") as caught:
        load_migration(tmp_path / "none.yaml")
    assert "migrator init" in caught.value.hint


@pytest.mark.parametrize("load", [load_migration, load_way_back, load_hosts, load_stack])
def test_a_file_that_is_no_utf_8_is_one_line(load: Callable[[Path], object], tmp_path: Path) -> None:
    """A file that an editor saved as Latin-1: file, line, and what to do; it ended as a bug."""
    path = tmp_path / "file.yaml"
    path.write_bytes(b"name: shop\n# caf\xe9\n")
    with pytest.raises(ConfigError) as caught:
        load(path)
    assert (caught.value.issues, caught.value.exit_code) == ([f"{path}:2: is not UTF-8 text"], 2)


_SHAPES = st.recursive(
    st.sampled_from(
        ["a", "2026-13-01", "!!int x", "!!binary x", "&a", "*a", "? [a]\n: b", "<<: *a", "0o9", "{}", "'", "\x00", "é"]
    ),
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda items: f"[{', '.join(items)}]") | inner.map(lambda item: f"name: {item}\n")
    ),
)


@settings(max_examples=40)
@given(_SHAPES | st.text(max_size=60))
@example("a: &a [*a]")
@example("name: 2026-13-01")
@example("[" * 1000)
@example("? [a]\n: b")
@example("blue: &x {context: *x}")
def test_whatever_a_file_holds_is_a_mistake_in_it(text: str) -> None:
    """A date that is none, a key that is a list, a value that holds itself: never a bug."""
    with pytest.raises(ConfigError):
        parse_migration(text, "m.yaml")


def test_durations_and_rates() -> None:
    """Durations need a unit, rates may be percent."""
    config = parse_migration("name: a\nblue: {}\ngreen: {}\nretire: {soak: 1h30m}\ngates: {errorRate: 2%, latency: 0.5s}", "m")
    assert (config.retire.soak.total_seconds(), config.gates.error_rate) == (5400, 0.02)


@pytest.mark.parametrize("text", ["one%", "%", "-1%", "nan%"])
def test_a_share_that_is_none_is_told_in_its_own_words(text: str) -> None:
    """Not in those of the function that could not read it."""
    with pytest.raises(ConfigError, match=rf"gates\.errorRate: '{text}' is not a share; write it as 1% or 0.01"):
        parse_migration(f"name: a\nblue: {{}}\ngreen: {{}}\ngates: {{errorRate: {text}}}".replace(" %}", " '%'}"), "m")


def test_schema_names_every_key() -> None:
    """The JSON Schema for editors knows the keys that the loader knows, and forbids others."""
    schema = json.loads(json.dumps(Migration.model_json_schema(by_alias=True)))
    assert {"name", "blue", "green"} <= set(schema["required"])
    assert schema["additionalProperties"] is False
    assert set(schema["properties"]) == {field.alias for field in Migration.model_fields.values()}


@pytest.mark.parametrize(("model", "file"), [(Migration, "migration-yaml.md"), (StackConfig, "stack-settings.md")])
def test_reference_is_complete(model: type[BaseModel], file: str) -> None:
    """Each reference names every key of its schema."""
    text = (Path(__file__).parents[3] / "docs" / file).read_text()
    schema = model.model_json_schema(by_alias=True)
    keys = {key for part in (schema, *schema["$defs"].values()) for key in part.get("properties", ())}
    missing = [key for key in keys if f"`{key}`" not in text]
    assert missing == []


@pytest.mark.parametrize(("model", "file"), [(Migration, "migration-yaml.md"), (StackConfig, "stack-settings.md")])
def test_reference_says_what_editors_show(model: type[BaseModel], file: str) -> None:
    """A table has the words of the schema; only the marks of code and links are its own."""
    schema = model.model_json_schema(by_alias=True)
    parts = {"Top level": schema, "migrator:cluster": schema, **schema["$defs"]}
    heading, other = "", []
    for line in (Path(__file__).parents[3] / "docs" / file).read_text().splitlines():
        heading = line.lstrip("# ") if line.startswith("#") else heading
        if row := re.fullmatch(r"\| `(\w+)` \| .*? \| .*? \| (.*) \|", line):
            field = parts[heading]["properties"][row[1]]
            # A schema leaves out what the class says that it refers to.
            said = field.get("description") or schema["$defs"][field["$ref"].rpartition("/")[2]]["description"]
            if _without_marks(said) != _without_marks(row[2]):
                other.append(f"{heading}.{row[1]}")
    assert other == []


def _without_marks(text: str) -> str:
    """Return the text of a cell; descriptions name verbs in backticks as the pages do, so those are taken off both."""
    return re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", text).replace("`", "").replace("\\|", "|")


@pytest.mark.parametrize("name", ["blue1 state maint;set server shop", "a b", "a;b", "a\n", "", "a/b"])
def test_a_name_that_haproxy_would_not_accept_is_refused(name: str) -> None:
    """No text of a file becomes a second command of the Runtime API (review of safety, finding 44)."""
    text = yaml.safe_dump(
        {
            "name": "m",
            "blue": {},
            "green": {},
            "traffic": {"haproxy": {"socket": "s", "backend": "b", "blue": [name], "green": ["g"], "stateFile": "f"}},
        }
    )
    with pytest.raises(ConfigError, match=r"traffic\.haproxy\.blue"):
        parse_migration(text, "m.yaml")
