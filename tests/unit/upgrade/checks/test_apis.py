"""API versions that go away: who asks for them, what is stored at them, who wrote them."""

from __future__ import annotations

from typing import Any

import pytest

from migrator.model.facts import StaleUse
from migrator.model.verdict import Severity
from tests.support.facts import definition, findings, hop

IN_1_38 = {"requested": {"resource.k8s.io/v1beta1 resourceclaims": "1.38"}}
CIDR = "networking.k8s.io/v1beta1/ServiceCIDR"

ROWS: list[tuple[str, dict[str, Any], str, Severity, str]] = [
    (
        "client of a removed API",
        {"requested": {"networking.k8s.io/v1beta1 ipaddresses": "1.37"}},
        "removed-apis",
        Severity.FAILURE,
        "serves it no more",
    ),
    (
        "objects that nobody serves",
        {
            "counts": {"certificates.k8s.io/v1alpha1/ClusterTrustBundle": 2},
            "served": frozenset({"certificates.k8s.io/v1alpha1/ClusterTrustBundle"}),
        },
        "removed-apis",
        Severity.FAILURE,
        "2 objects",
    ),
    (
        "writer of a removed API",
        {"stale": (StaleUse("ServiceCIDR.networking.k8s.io/x", "networking.k8s.io/v1beta1", "helm"),)},
        "removed-apis",
        Severity.WARNING,
        "wrote ServiceCIDR",
    ),
    (
        "stored version that is not served",
        {"definitions": (definition(["v1alpha1"], "v1"),)},
        "stored-versions",
        Severity.FAILURE,
        "v1alpha1",
    ),
    (
        "two stored versions",
        {"definitions": (definition(["v1beta1", "v1"], "v1beta1", "v1"),)},
        "stored-versions",
        Severity.WARNING,
        "v1beta1, v1",
    ),
]


@pytest.mark.parametrize(("broken", "name", "severity", "words"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS])
def test_a_fault_is_found_with_its_hint(broken: dict[str, Any], name: str, severity: Severity, words: str) -> None:
    """One thing is wrong: the check of that name says so, and what to do."""
    found = [item for item in findings(name, **broken) if words in item.reason]
    assert [item.severity for item in found[:1]] == [severity]
    assert all(item.hint for item in found if item.severity is Severity.FAILURE)


def test_what_goes_after_the_target_is_let_be() -> None:
    """It is for a later upgrade; without a hop nothing goes."""
    assert findings("removed-apis", **IN_1_38) == []
    assert findings("removed-apis", **IN_1_38, hops=(hop(), hop("1.37.2", "1.38.0"))) != []
    assert findings("removed-apis", requested={"a/v1 b": "1.37"}, hops=()) == []
    stale = (StaleUse("DeviceClass.resource.k8s.io/x", "resource.k8s.io/v1beta1", "helm"),)
    assert findings("removed-apis", stale=stale) == []


def test_a_client_s_api_that_has_no_end_is_let_be() -> None:
    """The metric has an empty release for versions that are only deprecated."""
    assert findings("removed-apis", requested={"v1 componentstatuses": ""}) == []


def test_objects_that_a_version_is_left_for_are_let_be() -> None:
    """The server converts them; a version that goes, too, is none that is left."""
    assert findings("removed-apis", counts={CIDR: 1}, served=frozenset({CIDR, "networking.k8s.io/v1/ServiceCIDR"})) == []
    (found,) = findings("removed-apis", counts={CIDR: 1}, served=frozenset({CIDR, "networking.k8s.io/v1/IPAddress"}))
    assert (found.subject, found.reason) == (CIDR, "1 objects, and 1.37 serves no version of this kind that 1.36.3 serves, too")


def test_all_that_one_program_wrote_is_one_finding() -> None:
    """Three of its objects are named, the others counted."""
    stale = tuple(StaleUse(f"ServiceCIDR/{n}", "networking.k8s.io/v1beta1", "helm") for n in range(5))
    (found,) = findings("removed-apis", stale=(*stale,))
    assert found.subject == "helm"
    assert found.reason == "wrote ServiceCIDR/0, ServiceCIDR/1, ServiceCIDR/2 and 2 more as networking.k8s.io/v1beta1"


def test_a_definition_whose_stored_version_is_served_is_let_be() -> None:
    """One version, and it is given out."""
    assert findings("stored-versions", definitions=(definition(["v1"], "v1beta1", "v1"),)) == []
    unserved = definition(["v1"], "v1")
    unserved["spec"]["versions"][0]["served"] = False
    assert len(findings("stored-versions", definitions=(unserved,))) == 1
