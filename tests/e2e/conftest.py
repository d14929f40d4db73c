"""Fixtures of real nodes: containers with systemd, our packages, the real Pulumi engine."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from migrator.testbed.binaries import Store
from migrator.testbed.machines.supplies import packages
from migrator.testbed.planes.pair import default_cache
from migrator.testbed.versions import BLUE, GREEN
from tests.support.project import Project, say

NEEDED = ("systemd-nspawn", "debootstrap", "makepkg", "pacman", "docker-registry", "skopeo", "umoci", "go", "ssh")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave these out where they cannot run, on a laptop; under CI they must run."""
    # The longest first, so that no worker waits for another one at the end; a module says how many seconds it takes.
    items.sort(key=lambda item: (-getattr(getattr(item, "module", None), "SECONDS", 0), *_stage(item)))
    missing = [name for name in NEEDED if not shutil.which(name)] + ([] if os.geteuid() == 0 else ["root"])
    if missing and not os.environ.get("CI"):
        for item in items:
            if "tests/e2e" in str(item.path):
                item.add_marker(pytest.mark.skip(reason=f"real nodes need {', '.join(missing)}"))


def _stage(item: pytest.Item) -> tuple[int, int, int]:
    """Return where a test that begins at a stage of an upgrade stands: in this order a cluster is brought forward once.

    No test needs the order: a cluster that is beyond the stage is made anew.
    """
    marker = item.get_closest_marker("stage")
    return (marker.args[-1], marker.args[0], item.location[1] or 0) if marker else (0, 0, 0)


@pytest.fixture(scope="session")
def store() -> Store:
    """Return the cache of real binaries."""
    return Store(default_cache(), say)


@pytest.fixture(scope="session")
def supplies(store: Store) -> Path:
    """Return the folder of our packages, for both versions."""
    return packages(store, (BLUE, GREEN))


@pytest.fixture(scope="module")
def project(store: Store, supplies: Path) -> Iterator[Project]:
    """Return a project of its own for a module."""
    folder = Path(tempfile.mkdtemp(prefix="migrator-e2e-", dir="/var/tmp"))
    made = Project(folder / "project", store, supplies)
    try:
        yield made
    finally:
        made.close()
        shutil.rmtree(folder, ignore_errors=True)
