"""The wheel that users install."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel and return a folder with its content."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "content")
    return folder / "content"


def migrator(installed: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run the installed tool, far from the checkout."""
    # The code of the wheel comes before the checkout's, which the environment of the tests knows too.
    environment = {**os.environ, "PYTHONPATH": str(installed)}
    command = [sys.executable, "-m", "migrator", *words]
    return subprocess.run(command, cwd=installed, env=environment, capture_output=True, text=True, check=False)


def test_the_wheel_has_the_tool_and_the_recipes_and_not_the_testbed(installed: Path) -> None:
    """Users get what moves clusters and builds packages; test equipment stays in the checkout."""
    there = {str(file.relative_to(installed)) for file in installed.rglob("*") if file.is_file()}
    assert {"migrator/cli/main.py", "migrator/recipes/module.sh", "migrator/recipes/kubernetes/PKGBUILD"} <= there
    assert [file for file in there if "testbed" in file or file.endswith(".go")] == []


def test_the_installed_tool_does_not_list_the_testbed_and_says_where_it_is(installed: Path) -> None:
    """Help lists the other verbs; who calls the testbed is told where it can be called."""
    listed = migrator(installed, "--help")
    assert listed.returncode == 0
    assert "completion" in listed.stdout
    assert "testbed" not in listed.stdout
    refused = migrator(installed, "testbed", "up")
    assert refused.returncode == 2
    assert "testbed is part of the source checkout: run .venv/bin/migrator testbed there" in " ".join(refused.stderr.split())
    assert "Traceback" not in refused.stderr


def test_every_verb_of_the_wheel_can_be_loaded(installed: Path) -> None:
    """No verb needs code that is only in the checkout."""
    code = (
        "from migrator.cli import main\n"
        "import migrator\n"
        "for name in main.verbs():\n"
        "    assert main.group.get_command(None, name) is not None\n"
        "print(migrator.__file__)\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(installed)}
    done = subprocess.run([sys.executable, "-c", code], cwd=installed, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert Path(done.stdout.strip()).is_relative_to(installed)
