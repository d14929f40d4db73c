"""The affinity of a volume is the provisioner's, and names hosts in many ways."""

from __future__ import annotations

from typing import Any

import pytest

from migrator.rules.volume_hosts import hosts_of
from tests.support.objects import made

HOSTNAME = "kubernetes.io/hostname"
NAMES = {"host-1": "n1", "n2": "n2", "n3": "n3"}
LABELS = {
    "n1": {HOSTNAME: "host-1", "openebs.io/node": "disk-1", "zone": "a"},
    "n2": {HOSTNAME: "n2", "openebs.io/node": "disk-2", "zone": "a"},
    "n3": {HOSTNAME: "n3", "zone": "b"},
}


def found(*terms: dict[str, Any], running_on: tuple[str, ...] = ()) -> set[str]:
    """Return the hosts of a volume with these terms, which pods on these nodes use."""
    affinity = {"nodeAffinity": {"required": {"nodeSelectorTerms": list(terms)}}} if terms else {}
    volume = made("v1", "PersistentVolume", "pv", spec={"hostPath": {"path": "/srv"}, **affinity})
    return hosts_of(volume, [made("v1", "Pod", "p", spec={"nodeName": name}) for name in running_on], NAMES, LABELS)


def term(key: str, *values: str, operator: str = "In", part: str = "matchExpressions") -> dict[str, Any]:
    """Return a term with one requirement."""
    return {part: [{"key": key, "operator": operator, "values": list(values)}]}


@pytest.mark.parametrize(
    ("one", "hosts"),
    [
        (term(HOSTNAME, "host-1"), {"n1"}),
        (term(HOSTNAME, "n1"), {"n1"}),  # a node's name as its host's: rancher/local-path-provisioner#414, #68
        (term(HOSTNAME, "gone"), {"gone"}),
        (term("metadata.name", "n3", part="matchFields"), {"n3"}),
        (term("openebs.io/node", "disk-2"), {"n2"}),  # NodeAffinityLabels: openebs/dynamic-localpv-provisioner#33, openebs#3375
        (
            {"matchExpressions": [*term("zone", "a")["matchExpressions"], *term("openebs.io/node", "disk-1")["matchExpressions"]]},
            {"n1"},
        ),
        (term("openebs.io/node", operator="DoesNotExist"), {"n3"}),
        (term("openebs.io/node", "disk-9"), set()),
    ],
)
def test_an_affinity_names_hosts_by_any_of_their_labels(one: dict[str, Any], hosts: set[str]) -> None:
    """Whatever runs where: the data is there."""
    assert found(one, running_on=("n9",)) == hosts


@pytest.mark.parametrize(
    ("terms", "running_on", "hosts"),
    [
        ((term("zone", "a"),), (), {"n1", "n2"}),
        ((term("zone", "a"),), ("n2",), {"n2"}),
        ((term("zone", "a"),), ("n1", "n2"), {"n1", "n2"}),
        ((term(HOSTNAME, "n2", "n3"),), ("n3",), {"n3"}),
        ((term(HOSTNAME, "n2"), term(HOSTNAME, "n3")), ("n3",), {"n3"}),
        ((term("zone", "a"),), ("n3",), {"n1", "n2"}),
        ((), ("n3",), {"n3"}),
        ((), (), set()),
    ],
)
def test_where_several_hosts_are_allowed_the_pods_tell(
    terms: tuple[dict[str, Any], ...], running_on: tuple[str, ...], hosts: set[str]
) -> None:
    """A pod where the volume may not be tells nothing (sharedFileSystemPath of local-path, volumes of a zone)."""
    assert found(*terms, running_on=running_on) == hosts
