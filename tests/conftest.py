"""Fixtures for all tests."""

from __future__ import annotations

import os
import tracemalloc

import pytest
from hypothesis import HealthCheck, settings

# A warning that is formatted in two threads at once imports this module twice, and one of them finds it half made.
tracemalloc.is_tracing()
# Slow is no failure: other tests, or another program, may keep the machine busy.
# No deadline and no judgement of speed: machines that run tests are busy. And hypothesis is loaded here, because its pytest
# plugin does it at the very end otherwise, where CPython 3.11 may fail to compile it (SystemError: AST constructor recursion
# depth mismatch).
settings.register_profile("any-machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any-machine")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let a person ask for all cases."""
    parser.addoption("--all", action="store_true", help="also run what CI leaves out for its time (marker on_demand)")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Run unit tests first: they tell soonest that something is broken. Leave out what is run on demand."""
    items.sort(key=lambda item: "integration" in str(item.path))
    if config.getoption("--all"):
        return
    left_out = [item for item in items if item.get_closest_marker("on_demand")]
    items[:] = [item for item in items if item not in left_out]
    config.hook.pytest_deselected(items=left_out)


@pytest.fixture(scope="session")
def in_ci() -> bool:
    """Whether a missing program is a failure and not a skip."""
    return os.environ.get("CI") == "true"
