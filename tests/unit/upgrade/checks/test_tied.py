"""Pods that can run on one node alone are one warning; those that lack room are a failure."""

from __future__ import annotations

from typing import Any

import pytest

from migrator.upgrade.checks.table import check
from tests.support.facts import facts, node, pod, with_claim

HERE = {"key": "kubernetes.io/hostname", "operator": "In", "values": ["w1"]}


def volume(**spec: Any) -> dict[str, Any]:
    """Return a volume that lies on w1, bound to claim shop/data."""
    terms = [{"matchExpressions": [HERE]}]
    return {
        "metadata": {"name": "disk"},
        "spec": {
            "claimRef": {"namespace": "shop", "name": "data"},
            "nodeAffinity": {"required": {"nodeSelectorTerms": terms}},
            **spec,
        },
    }


def affine(*expressions: dict[str, Any]) -> dict[str, Any]:
    """Return a spec with a required node affinity."""
    terms = {"nodeSelectorTerms": [{"matchExpressions": list(expressions)}]}
    return {"affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": terms}}}


@pytest.mark.parametrize(
    ("items", "volumes", "reason"),
    [
        ((with_claim("db"),), (volume(local={"path": "/x"}),), "its volume disk lies on its node"),
        ((with_claim("db"),), (volume(csi={"driver": "topolvm.io"}),), "its volume disk lies on its node"),
        ((pod("db", "w1", spec={"nodeSelector": {"kubernetes.io/hostname": "w1"}}),), (), "asks for its node by name"),
        ((pod("db", "w1", spec=affine(HERE)),), (), "asks for its node by name"),
    ],
    ids=["local volume", "volume of a driver", "node selector", "affinity"],
)
def test_a_pod_of_one_node_is_one_warning(items: Any, volumes: Any, reason: str) -> None:
    """Most clusters of boards have them: a failure would teach people to ignore the check (SREGym#835)."""
    (found,) = check(facts(pods=items, volumes=volumes))
    assert (found.check, found.severity.value, reason in found.reason) == ("local-data", "warning", True)


@pytest.mark.parametrize(
    ("item", "reason"),
    [
        (pod("big", "w1", memory="3Gi"), "not enough memory"),
        (pod("big", "w1", memory="3Gi", spec={"nodeSelector": {"disk": "ssd"}}), "node selector"),
        (pod("big", "w1", spec=affine(HERE, {"key": "disk", "operator": "Exists"})), ""),
    ],
    ids=["no room", "a label", "by name and by label"],
)
def test_a_pod_that_lacks_room_or_a_label_is_a_failure(item: dict[str, Any], reason: str) -> None:
    """A person can give another node either."""
    nodes = (node("cp", memory="1Gi"), node("w1", labels={"disk": "ssd"}), node("w2", memory="1Gi"))
    found = [one for one in check(facts(nodes=nodes, pods=(item,))) if one.check == "scheduling"]
    assert [reason in one.reason for one in found] == ([True] if reason else [])


def test_a_claim_of_the_pod_s_own_ties_it_too() -> None:
    """It is named after pod and volume (generic ephemeral volumes, KEP-1698)."""
    item = pod("db", "w1", spec={"volumes": [{"name": "v", "ephemeral": {}}]})
    made = volume()
    made["spec"]["claimRef"]["name"] = "db-v"
    assert [one.check for one in check(facts(pods=(item,), volumes=(made,)))] == ["local-data"]


def test_the_only_node_of_a_cluster_ties_nobody() -> None:
    """There the reason is that there is no other."""
    found = check(facts(nodes=(node("w1"),), pods=(pod("web", "w1"),), hosts=()))
    assert [(one.check, "there is no other node" in one.reason) for one in found] == [("scheduling", True)]
