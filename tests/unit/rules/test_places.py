"""Nodes that pods ask for and green has not are told before a copy."""

from __future__ import annotations

from typing import Any

import pytest

from migrator.model.ref import ObjectRef
from migrator.rules.places import asked_in_vain, warnings

NODES = {
    "g1": {"kubernetes.io/hostname": "g1", "disk": "ssd", "zone": "a"},
    "g2": {"kubernetes.io/hostname": "g2", "disk": "hdd", "zone": "b"},
}


def deployment(spec: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Return a Deployment whose pods have this spec."""
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {}, "spec": {"template": {"spec": spec}, **more}}


def affinity(*terms: dict[str, Any]) -> dict[str, Any]:
    """Return a pod spec that requires one of these."""
    required = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": list(terms)}}
    return {"affinity": {"nodeAffinity": required}}


def zone(*values: str) -> dict[str, Any]:
    """Return a term for nodes of zones."""
    return {"matchExpressions": [{"key": "zone", "operator": "In", "values": list(values)}]}


BY_NAME = {"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["blue-1"]}]}


@pytest.mark.parametrize(
    ("spec", "told"),
    [
        ({}, ""),
        ({"nodeName": "g1"}, ""),
        ({"nodeName": "blue-1"}, "the name blue-1"),
        ({"nodeSelector": {"disk": "ssd", "zone": "a"}}, ""),
        ({"nodeSelector": {"kubernetes.io/hostname": "blue-1", "zone": "a"}}, "the label kubernetes.io/hostname=blue-1"),
        ({"nodeSelector": {"disk": "ssd", "zone": "b"}}, "all of the labels disk=ssd, zone=b"),
        (affinity(zone("c"), zone("a")), ""),
        (affinity(zone("c", "d"), BY_NAME), "what its node affinity demands (zone In c d; or metadata.name In blue-1)"),
        (affinity(zone("b")) | {"nodeSelector": {"disk": "ssd"}}, "what its node affinity demands (zone In b)"),
    ],
)
def test_what_no_node_has_is_named(spec: dict[str, Any], told: str) -> None:
    """By name, by label, or by an affinity that is required; of several terms one is enough."""
    assert asked_in_vain(deployment(spec), "Deployment.apps", NODES) == told


def test_nobody_waits_where_there_are_no_pods_or_no_nodes_are_known() -> None:
    """A DaemonSet that selects no node is often meant; 0 replicas ask for nothing."""
    spec = {"nodeSelector": {"disk": "nvme"}}
    assert asked_in_vain(deployment(spec, replicas=0), "Deployment.apps", NODES) == ""
    assert asked_in_vain(deployment(spec), "DaemonSet.apps", NODES) == ""
    assert asked_in_vain(deployment(spec), "Deployment.apps", {}) == ""
    assert asked_in_vain({"apiVersion": "v1", "kind": "Secret"}, "Secret", NODES) == ""


def test_who_asks_for_the_same_is_told_in_one_line() -> None:
    """A cluster has hundreds of workloads that ask for its workers."""
    refs = [ObjectRef("apps", "Deployment", "shop", name) for name in ("a", "b", "c")]
    told = warnings([(refs[0], "the label x=y"), (refs[1], ""), (refs[2], "the label x=y")])
    assert [line.partition(":")[0] for line in told] == [
        "no node of green has the label x=y, which Deployment.apps/shop/a and 1 more ask for"
    ]
