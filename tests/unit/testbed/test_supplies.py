"""`make supplies` tells what it makes, and makes no more than the tests need."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

from migrator.testbed.binaries import Store
from migrator.testbed.machines.supplies import CROSS_BUILT


@pytest.fixture(scope="module")
def script() -> ModuleType:
    """Load the script that the Makefile calls."""
    path = Path(__file__).parents[3] / "scripts/supplies.py"
    spec = importlib.util.spec_from_file_location("supplies_script", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def test_only_a_small_package_is_cross_built_unless_arm_is_asked_for(script: ModuleType) -> None:
    """Kubernetes for aarch64 takes many minutes, and no test of `make test` starts it."""
    names = [step.name for step in script.steps(nodes=True, arm=False)]
    assert [name for name in names if "aarch64" in name] == [f"aarch64 package of {CROSS_BUILT}"]
    more = [step.name for step in script.steps(nodes=True, arm=True)]
    assert "aarch64 package of kubernetes" in more
    assert more[: len(names)] == names


def test_without_nodes_only_control_planes_are_made_ready(script: ModuleType) -> None:
    """A laptop without root builds neither packages nor images."""
    names = [step.name for step in script.steps(nodes=False, arm=False)]
    assert {"etcd", "KWOK"} <= set(names)
    assert [name for name in names if "package" in name or "image" in name or "root" in name] == []


def test_progress_tells_what_since_when_and_how_many_are_left(script: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    """What is there already is not mentioned, but it counts."""

    def make(store: Store) -> None:
        store.say("building it")

    progress = script.Progress(3)
    progress.run(script.Step("warm", lambda _: None))
    assert capsys.readouterr().err == ""
    progress.run(script.Step("cold", make))
    begun, told, done = capsys.readouterr().err.splitlines()
    assert begun.startswith("→ cold: begun at ")
    assert told == "→ cold: building it"
    assert done.endswith("2 of 3 are there")
