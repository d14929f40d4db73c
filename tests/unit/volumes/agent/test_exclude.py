"""Patterns of what is left out: our program and rsync read them alike."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from migrator.errors import ConfigError
from migrator.volumes.agent.exclude import Exclude
from migrator.volumes.agent.tree import Tree
from tests.support.contexts import configured

NAMES = [
    "cache/a",
    "cache/deep/b",
    "site/cache/c",
    "a.tmp",
    "site/b.tmp",
    "site/deep/c.tmp",
    "x1/y",
    "x12/y",
    "keep",
    "site/keep",
    "a+b/c",
]
PATTERNS = [
    "cache",
    "*.tmp",
    "site/*.tmp",
    "**/*.tmp",
    "**/cache",
    "x?",
    "*/keep",
    "site/deep/c.tmp",
    "a+b",
    "nothing",
    "**/deep/b",
]


def filled(root: Path) -> Path:
    """Return a folder with all these files."""
    for name in NAMES:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(name)
    return root


@pytest.mark.parametrize("pattern", PATTERNS)
def test_what_rsync_leaves_out_is_what_we_leave_out(tmp_path: Path, pattern: str) -> None:
    """Else a pass would bring what it does not compare, or compare what it does not bring."""
    root, exclude = filled(tmp_path / "a"), Exclude([pattern])
    subprocess.run(["rsync", "-a", *exclude.words(), f"{root}/", f"{tmp_path}/b/"], check=True)
    ours = {entry.path.decode() for entry in Tree(str(root), exclude).scan()} - {"."}
    assert ours == {str(path.relative_to(tmp_path / "b")) for path in (tmp_path / "b").rglob("*")}


def test_without_patterns_all_counts() -> None:
    """Bytes of any kind are no pattern's, unless it says so."""
    assert not Exclude()(b"a")
    assert Exclude(["a*"])(b"a\xff\n")
    assert (Exclude().text, Exclude.of("").patterns) == ("", ())
    assert Exclude.of(Exclude(["a b", "**/c"]).text).patterns == ("a b", "**/c")


@pytest.mark.parametrize("pattern", ["/a", "a/", "", "a//b", "../a", "a/./b", "[ab]", "a\\\\b", "a/**/b", "a**", " a", "a\\tb"])
def test_what_programs_would_read_in_several_ways_is_refused(pattern: str) -> None:
    """In migration.yaml, with the pattern."""
    with pytest.raises(ConfigError):
        configured(f'volumes: {{claims: [{{claims: [a/b], exclude: ["{pattern}"]}}]}}')
