"""What is planned to come last, and what it waits for."""

from __future__ import annotations

import orjson
import pytest

from migrator.migration.late import after_pods
from migrator.model.plan import Decision, PlanItem
from migrator.model.ref import ObjectRef

LEVEL = "pod-security.kubernetes.io/enforce"
NAMESPACE = ObjectRef("", "Namespace", "", "shop")
QUOTA = ObjectRef("", "ResourceQuota", "shop", "few")
APP = ObjectRef("apps", "Deployment", "shop", "app")


def moves(*refs: ObjectRef, level: str = "baseline") -> dict[ObjectRef, PlanItem]:
    """Return items to move; the namespace has this security level."""
    body = orjson.dumps({"metadata": {"labels": {LEVEL: level}}})
    return {ref: PlanItem(ref, ref, Decision.MOVE, body=body) for ref in refs}


@pytest.mark.parametrize(
    ("maker", "expected"),
    [
        (APP, {NAMESPACE: (APP,)}),
        (ObjectRef("", "Pod", "shop", "lonely"), {NAMESPACE: ()}),
        (ObjectRef("batch", "CronJob", "shop", "nightly"), {}),
        (ObjectRef("apps", "Deployment", "other", "app"), {}),
        (ObjectRef("", "ConfigMap", "shop", "a"), {}),
    ],
)
def test_a_level_waits_for_what_makes_pods_in_its_namespace(maker: ObjectRef, expected: dict[ObjectRef, tuple[ObjectRef]]) -> None:
    """A pod is there when it is written, those of a CronJob come later in any case."""
    changed, waits = after_pods(moves(NAMESPACE, maker), [])
    assert waits == expected
    assert [item.late_labels for item in changed.values()] == [(LEVEL,)] * len(expected)


def test_a_level_that_allows_everything_waits_for_nothing() -> None:
    """It could refuse no pod."""
    assert after_pods(moves(NAMESPACE, APP, level="privileged"), []) == ({}, {})


def test_a_limit_that_is_exceeded_waits_for_the_workloads_beside_it() -> None:
    """One that does not move is nobody's."""
    gone = QUOTA._replace(name="gone")
    changed, waits = after_pods(moves(QUOTA, APP), [QUOTA, gone])
    assert waits == {QUOTA: (APP,)}
    assert changed[QUOTA].notes == ("is written last: objects that are there already exceed it",)
