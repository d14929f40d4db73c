"""The fixtures of the tests on real nodes and on real control planes: one pair of these for all modules of a run."""

from __future__ import annotations

from tests.e2e.conftest import project, pytest_collection_modifyitems, store, supplies
from tests.integration.conftest import pair, sandbox

__all__ = ["pair", "project", "pytest_collection_modifyitems", "sandbox", "store", "supplies"]
