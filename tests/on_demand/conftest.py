"""The fixtures of the tests on real nodes."""

from __future__ import annotations

from tests.e2e.conftest import project, store, supplies

__all__ = ["project", "store", "supplies"]
