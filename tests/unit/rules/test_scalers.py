"""An autoscaler of blue that takes pods away while green has the traffic is told."""

from __future__ import annotations

from typing import Any

import pytest

from migrator.rules.scalers import shrinks
from tests.support.objects import made

TYPE = "HorizontalPodAutoscaler.autoscaling"


@pytest.mark.parametrize(
    ("spec", "status", "words"),
    [
        ({"minReplicas": 2}, {"currentReplicas": 7}, "from 7 down to 2"),
        ({}, {"currentReplicas": 3}, "from 3 down to 1"),
        ({"minReplicas": 0}, {"currentReplicas": 1}, "from 1 down to 0"),
        ({"minReplicas": 7}, {"currentReplicas": 7}, ""),
        ({"minReplicas": 2}, {}, ""),
    ],
)
def test_a_rollback_would_meet_fewer_pods(spec: dict[str, Any], status: dict[str, Any], words: str) -> None:
    """Its minimum is what is left without traffic; where it is there already, nothing is said."""
    text = shrinks(made("autoscaling/v2", "HorizontalPodAutoscaler", "web", spec=spec, status=status), TYPE)
    assert (words in text, bool(text)) == (True, bool(words))


def test_other_kinds_have_no_minimum() -> None:
    """A Deployment's own replicas stay."""
    assert shrinks(made("apps/v1", "Deployment", "web", status={"currentReplicas": 7}), "Deployment.apps") == ""
