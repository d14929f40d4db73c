"""The program for the hosts is one file."""

from __future__ import annotations

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from migrator.volumes import bundle
from tests.support.shell_host import ShellHost


def test_it_runs_with_nothing_but_python(tmp_path: Path) -> None:
    """In isolated mode, without the packages of this project."""
    (tmp_path / "agent.pyz").write_bytes(bundle.bundle())
    (tmp_path / "volume").mkdir()
    command = [sys.executable, "-I", "-S", str(tmp_path / "agent.pyz"), "survey", str(tmp_path / "volume")]
    done = subprocess.run(command, capture_output=True, check=True, cwd="/")
    assert json.loads(done.stdout)["entries"] == 1


def test_on_a_host_it_is_compiled_once(tmp_path: Path) -> None:
    """A folder that Python runs; the second time nothing is written, and two at once do not disturb each other."""
    host = ShellHost(tmp_path)
    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(bundle.put_agent, (host, host))
    folder = host.path("/var/lib/migrator/volumes")
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    assert (first, bundle.put_agent(host)) == (second, first)
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before
    assert any(path.suffix == ".pyc" for path in before)
    assert [path.name for path in folder.iterdir()] == [f".{bundle.bundle_name()}"]
    command = [sys.executable, "-I", "-S", str(host.path(first)), "survey", str(folder)]
    done = subprocess.run(command, capture_output=True, check=True, cwd="/")
    assert json.loads(done.stdout)["kind"]


def test_the_same_code_has_the_same_name() -> None:
    """The name is of the content, so that a unit that runs keeps the code it began with."""
    bundle.bundle.cache_clear()
    first = bundle.bundle_name()
    bundle.bundle.cache_clear()
    assert bundle.bundle_name() == first
    assert first.startswith("agent-")
