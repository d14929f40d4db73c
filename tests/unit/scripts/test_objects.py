"""The page that tells what happens to each kind of object says what the rules do."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

from migrator.rules import order, skip, staying_kinds, table

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def script() -> ModuleType:
    """Load the script that the Makefile calls."""
    spec = importlib.util.spec_from_file_location("objects_script", ROOT / "scripts/objects.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def test_the_page_says_what_the_rules_do(script: ModuleType) -> None:
    """Whoever changes a rule writes the page anew."""
    assert script.PAGE.read_text() == script.page(), "`make docs` writes docs/objects.md"


def test_nothing_that_decides_is_missing(script: ModuleType) -> None:
    """Every reason, rule and rank is on the page, and every kind that one of them names."""
    page = script.page()
    types = [*(rule.types for rule in skip.RULES), *(rule.types for rule in table.RULES)]
    names = {name for some in types for name in some or ()} | staying_kinds.SKIPPED_KINDS.keys() | order.RANKS.keys()
    assert [name for name in sorted(names) if f"`{name}`" not in page] == []
    reasons = {
        *staying_kinds.SKIPPED_KINDS.values(),
        *(rule.reason for rule in skip.RULES),
        *(f"`{rule.name}`" for rule in table.RULES),
    }
    assert [text for text in sorted(reasons) if text not in page] == []


def test_every_rule_and_rank_tells_what_it_is(script: ModuleType) -> None:
    """An empty cell documents nothing."""
    rows = [line for line in script.page().partition("## Rules, in their order")[2].splitlines() if line.startswith("| ")]
    assert [row for row in rows if "|  |" in row] == []


def test_a_page_that_is_old_is_told(script: ModuleType, tmp_path: Path) -> None:
    """The check writes nothing."""
    page = tmp_path / "objects.md"
    assert script.main(["--check"], page) == 1
    assert not page.exists()
    assert (script.main([], page), script.main(["--check"], page)) == (0, 0)
