"""The fixtures of the tests on real nodes."""

from __future__ import annotations

from tests.e2e.conftest import project, pytest_collection_modifyitems, store, supplies

__all__ = ["project", "pytest_collection_modifyitems", "store", "supplies"]
