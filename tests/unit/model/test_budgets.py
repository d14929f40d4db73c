"""Which pods the Eviction API lets go."""

from __future__ import annotations

from typing import Any

import pytest

from migrator.model.budgets import held
from tests.support.facts import budget, pod


def ill(phase: str = "Running", ready: str = "False") -> dict[str, Any]:
    """Return a pod that is not well."""
    return pod("web", "w1") | {"status": {"phase": phase, "conditions": [{"type": "Ready", "status": ready}]}}


def always() -> dict[str, Any]:
    """Return a budget that lets ill pods go."""
    made = budget()
    made["spec"]["unhealthyPodEvictionPolicy"] = "AlwaysAllow"
    return made


def named(name: str, **status: int) -> dict[str, Any]:
    """Return a budget of another name."""
    made = budget(**status)
    made["metadata"]["name"] = name
    return made


@pytest.mark.parametrize(
    ("item", "budgets", "reason"),
    [
        (pod("web", "w1"), (budget(),), "allows no disruption (1 healthy, 1 must be)"),
        (pod("web", "w1"), (budget(disruptionsAllowed=1),), ""),
        (pod("web", "w1"), (named("a", disruptionsAllowed=1), named("b", disruptionsAllowed=1)), "more than one budget"),
        (pod("db", "w1"), (budget(),), ""),
        (pod("web", "w1"), (always(),), "allows no disruption"),
        (ill(), (always(),), ""),
        (ill(), (budget(currentHealthy=0),), "allows no disruption"),
        (ill(), (budget(currentHealthy=1),), ""),
        (ill(), (budget(desiredHealthy=0, currentHealthy=0),), "allows no disruption"),
        (ill("Succeeded"), (budget(),), ""),
        (ill("Failed"), (budget(),), ""),
        (ill("Pending"), (named("a"), named("b")), ""),
    ],
)
def test_a_pod_is_held_as_the_api_holds_it(item: dict[str, Any], budgets: tuple[dict[str, Any], ...], reason: str) -> None:
    """Finished and pending pods always go; ill ones as the budget's policy says (KEP-3017); two budgets never (kubernetes#75957)."""
    found = held(item, budgets)
    assert (reason in found.reason if found else reason == "") is True
