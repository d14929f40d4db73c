"""`report` writes a page and JSON of a journal, for its owner alone."""

from __future__ import annotations

import shutil
from pathlib import Path

import orjson
import pytest

from tests.support.command_line import run
from tests.support.journals import JOURNALS_0_1_0


@pytest.fixture
def options(tmp_path: Path) -> list[str]:
    """Return the options that name a migration and where to write."""
    (tmp_path / "migration.yaml").write_text("name: shop\nblue: {kubeconfig: k}\ngreen: {kubeconfig: k}\n")
    shutil.copy(JOURNALS_0_1_0 / "migration-0.1.0.jsonl", tmp_path / "journal.jsonl")
    return ["-c", str(tmp_path / "migration.yaml"), "--state-dir", str(tmp_path), "--out", str(tmp_path / "page.html")]


def test_the_page_and_the_json_lie_side_by_side(options: list[str], tmp_path: Path) -> None:
    """Both are named."""
    code, out, _ = run("report", *options)
    assert (code, out) == (0, f"{tmp_path}/page.html and {tmp_path}/page.json\n")
    assert (tmp_path / "page.html").read_text().startswith("<!")
    assert orjson.loads((tmp_path / "page.json").read_bytes())["migration"] == "shop"


def test_the_json_is_printed_where_a_program_asks(options: list[str], tmp_path: Path) -> None:
    """It is what lies in the file."""
    code, out, _ = run("report", *options, "--output", "json")
    assert code == 0
    assert orjson.loads(out) == orjson.loads((tmp_path / "page.json").read_bytes())


def test_others_cannot_read_it_even_where_a_file_was_there(options: list[str], tmp_path: Path) -> None:
    """It names everything in a cluster."""
    (tmp_path / "page.html").touch(mode=0o644)
    run("report", *options)
    assert [(tmp_path / name).stat().st_mode & 0o777 for name in ("page.html", "page.json")] == [0o600, 0o600]
