"""What a drain does with a pod, and selectors."""

from __future__ import annotations

from typing import Any

import pytest

from migrator.model.manifest import Manifest
from migrator.model.pods import admits, decide, matches, meets
from migrator.model.upgrade import DrainRules
from tests.support.objects import made

CONTROLLED = [{"kind": "ReplicaSet", "name": "web", "controller": True}]
DAEMON = [{"kind": "DaemonSet", "name": "agent", "controller": True}]
LOCAL = {"volumes": [{"name": "scratch", "emptyDir": {}}]}


def pod(**fields: Any) -> Manifest:
    """Return a pod."""
    return made("v1", "Pod", "p", namespace="n", **fields)


@pytest.mark.parametrize(
    ("item", "rules", "wanted"),
    [
        (pod(owners=CONTROLLED), DrainRules(), ("", "", "")),
        (pod(annotations={"kubernetes.io/config.mirror": "x"}), DrainRules(), ("mirror of a static pod", "", "")),
        (pod(owners=DAEMON), DrainRules(), ("belongs to DaemonSet agent", "", "")),
        (pod(status={"phase": "Succeeded"}), DrainRules(), ("", "", "")),
        (pod(), DrainRules(), ("", "no controller makes it again", "")),
        (pod(), DrainRules(force=True), ("", "", "the pod itself: no controller makes it again")),
        (
            pod(owners=CONTROLLED, spec=LOCAL),
            DrainRules(delete_emptydir_data=False),
            ("", "has local data in emptyDir scratch", "what is in its emptyDir scratch"),
        ),
        (pod(owners=CONTROLLED, spec=LOCAL), DrainRules(delete_emptydir_data=True), ("", "", "what is in its emptyDir scratch")),
    ],
)
def test_a_drain_follows_the_rules_of_kubectl(item: Manifest, rules: DrainRules, wanted: tuple[str, str, str]) -> None:
    """A pod stays, is refused, or goes; what is lost with it is said."""
    found = decide(item, rules)
    assert (found.stays, found.refused, found.lost) == wanted


@pytest.mark.parametrize(
    ("requirement", "met"),
    [
        ({"operator": "In", "values": ["1"]}, True),
        ({"operator": "NotIn", "values": ["1"]}, False),
        ({"operator": "Exists"}, True),
        ({"operator": "DoesNotExist"}, False),
        ({"operator": "Gt", "values": ["0"]}, True),
        ({"operator": "Lt", "values": ["1"]}, False),
    ],
)
def test_each_operator_of_a_requirement(requirement: dict[str, Any], *, met: bool) -> None:
    """A label that is absent meets NotIn and DoesNotExist only."""
    absent = requirement["operator"] in ("NotIn", "DoesNotExist")
    assert meets({"key": "a", **requirement}, {"a": "1"}) is met
    assert meets({"key": "b", **requirement}, {"a": "1"}) is absent


def test_a_selector_without_requirements_matches_all() -> None:
    """Labels and expressions must all match."""
    assert matches({}, {})
    selector = {"matchLabels": {"a": "1"}, "matchExpressions": [{"key": "b", "operator": "Exists"}]}
    assert matches(selector, {"a": "1", "b": ""})
    assert not matches(selector, {"a": "1"})
    assert not matches(selector, {"a": "2", "b": ""})


ON_SSD, NAMED = {"key": "disk", "operator": "In", "values": ["ssd"]}, {"key": "metadata.name", "operator": "In", "values": ["n1"]}


@pytest.mark.parametrize(
    ("term", "taken"),
    [
        ({"matchExpressions": [ON_SSD]}, True),
        ({"matchFields": [NAMED]}, True),
        ({"matchExpressions": [ON_SSD], "matchFields": [NAMED]}, True),
        ({"matchExpressions": [ON_SSD], "matchFields": [NAMED | {"values": ["n2"]}]}, False),
        ({"matchExpressions": [ON_SSD | {"operator": "NotIn"}], "matchFields": [NAMED]}, False),
        ({}, False),
    ],
)
def test_a_term_takes_a_node_that_meets_all_of_it(term: dict[str, Any], *, taken: bool) -> None:
    """Its labels and its name; one without requirements takes none."""
    assert admits(term, made("v1", "Node", "n1", labels={"disk": "ssd"})) is taken
