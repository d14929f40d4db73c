"""An autoscaler of blue that takes pods away while green has the traffic is told."""

from __future__ import annotations

from typing import Any

import pytest

from migrator.rules.scalers import asleep, shrinks
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


@pytest.mark.parametrize(
    ("least", "conditions", "sleeps"),
    [
        (0, [{"type": "ScalingActive", "status": "False"}, {"type": "ScaledToZero", "status": "True"}], True),
        (0, [{"type": "ScaledToZero", "status": "False"}], False),
        (0, None, False),
        (1, [{"type": "ScaledToZero", "status": "True"}], False),
        (0, ["strange"], False),
    ],
)
def test_what_was_scaled_to_0_is_told(least: int, conditions: object, sleeps: bool) -> None:  # noqa: FBT001
    """Green's controller starts from 0 only what it has stopped itself."""
    spec = {"minReplicas": least, "scaleTargetRef": {"kind": "Deployment", "name": "queue"}}
    manifest = made("autoscaling/v2", "HorizontalPodAutoscaler", "queue", spec=spec, status={"conditions": conditions})
    text = asleep(manifest, TYPE)
    assert ("unless you scale queue to 1" in text, bool(text)) == (sleeps, sleeps)
    assert asleep(manifest, "Deployment.apps") == ""
