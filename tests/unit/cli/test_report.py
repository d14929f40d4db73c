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


def test_a_page_is_not_written_over_by_its_json(options: list[str], tmp_path: Path) -> None:
    """Both were written to the same file, and the page was lost."""
    code, _, err = run("report", *options[:-1], str(tmp_path / "page.json"))
    assert (code, "would be both" in err) == (2, True)
    assert not (tmp_path / "page.json").exists()


def test_a_folder_that_is_not_there_is_named(options: list[str], tmp_path: Path) -> None:
    """It was called a bug."""
    code, _, err = run("report", *options[:-1], str(tmp_path / "none" / "page.html"))
    assert (code, err.splitlines()[0]) == (1, f"migrator: {tmp_path}/none/page.html: No such file or directory")
