"""Two real control planes for the whole run, a namespace of its own for each test."""

from __future__ import annotations

import hashlib
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest

from migrator.testbed.binaries import Store
from migrator.testbed.planes.control_plane import Recipe
from migrator.testbed.planes.pair import Testbed, default_cache
from migrator.testbed.versions import BLUE, GREEN
from tests.support.sandbox import TYPES, Pair, Sandbox, until


@pytest.fixture(scope="session")
def store() -> Store:
    """Return the cache of real binaries."""
    return Store(default_cache(), lambda text: print(f"testbed: {text}", file=sys.__stderr__))


@pytest.fixture(scope="session")
def pair(tmp_path_factory: pytest.TempPathFactory, store: Store) -> Iterator[Pair]:
    """Start blue and green."""
    testbed = Testbed(tmp_path_factory.mktemp("testbed"), store, lambda _: None)
    planes = testbed.up((Recipe("blue", BLUE), Recipe("green", GREEN)))
    yield Pair(planes["blue"].cluster(patience=30), planes["green"].cluster(patience=30), testbed.kubeconfig, testbed)
    testbed.down()


_LONGEST = 50
"""Characters of a namespace; what tests make in it may be called after it."""


@pytest.fixture
def sandbox(pair: Pair, tmp_path: Path, request: pytest.FixtureRequest) -> Sandbox:
    """Return a namespace on blue, named after the test, and a folder with a migration.yaml."""
    name = re.sub(r"[^a-z0-9]+", "-", request.node.name.removeprefix("test_").lower()).strip("-")
    if len(name) > _LONGEST:
        # Parameters stand at the end: two tests of one name would share what is left.
        name = f"{name[: _LONGEST - 8].strip('-')}-{hashlib.sha256(request.node.nodeid.encode()).hexdigest()[:7]}"
    body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
    pair.blue.create(TYPES["Namespace"], "", orjson.dumps(body), manager="kubectl-create")
    made = Sandbox(pair, name, tmp_path)
    until(made.has_default_account)
    made.configure()
    return made


@pytest.fixture(scope="session")
def kubectl(store: Store) -> str:
    """Return the path of a real kubectl of green's version."""
    return str(store.kubernetes(GREEN, ("kubectl",))["kubectl"])


@pytest.fixture(scope="session")
def helm(store: Store) -> str:
    """Return the path of a real Helm."""
    return str(store.helm())
