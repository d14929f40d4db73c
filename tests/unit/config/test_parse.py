"""A person's file as a model: each mistake has its line, also below a key of the file."""

from __future__ import annotations

from pathlib import Path

import pytest

from migrator.config.fields import Frozen
from migrator.config.parse import load_cluster, parse
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
