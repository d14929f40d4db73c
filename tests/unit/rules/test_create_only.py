"""What no create may bring although it lies on blue."""

from __future__ import annotations

from typing import Any

import pytest

from migrator.model.manifest import Manifest, ref_type
from migrator.rules import create_only
from tests.support.contexts import PLAIN
from tests.support.objects import crd, cron_job, deployment, made

BAD = "a value that no label has"


@pytest.mark.parametrize(
    ("schedule", "zone", "wanted"),
    [
        ("CRON_TZ=Europe/Berlin 0 3 * * *", None, ("0 3 * * *", "Europe/Berlin")),
        ("TZ=UTC  @daily", None, ("@daily", "UTC")),
        ("0 3 * * *", None, ("0 3 * * *", None)),
        ("0 3 * * *", "Asia/Tokyo", ("0 3 * * *", "Asia/Tokyo")),
    ],
)
def test_a_time_zone_goes_into_its_field(schedule: str, zone: str | None, wanted: tuple[str, str | None]) -> None:
    """Kubernetes has taken it in a schedule, and takes it in those that are there only."""
    manifest = cron_job("a", schedule=schedule, **({"timeZone": zone} if zone else {}))
    spec = create_only.split_time_zone(manifest, PLAIN)["spec"]
    assert (spec["schedule"], spec.get("timeZone")) == wanted


def test_what_a_service_catalog_has_looked_up_is_not_sent() -> None:
    """Its webhook refuses it on a create; what a person wrote stays."""
    spec = {
        "clusterServiceClassExternalName": "mysql",
        "clusterServiceClassRef": {"name": "1"},
        "clusterServicePlanRef": {"name": "2"},
    }
    instance = made("servicecatalog.k8s.io/v1beta1", "ServiceInstance", "db", spec=spec)
    assert create_only.drop_resolved_classes(instance, PLAIN)["spec"] == {"clusterServiceClassExternalName": "mysql"}


def test_containers_of_a_look_into_a_pod_stay() -> None:
    """They cannot be created with it."""
    pod = made("v1", "Pod", "a", spec={"containers": [1], "ephemeralContainers": [{"name": "debug"}]})
    assert create_only.drop_debug_containers(pod, PLAIN)["spec"] == {"containers": [1]}


def spread(value: str) -> Manifest:
    """Return a Deployment that spreads its pods by a selector."""
    manifest = deployment("a")
    manifest["spec"]["template"]["spec"]["topologySpreadConstraints"] = [{"labelSelector": {"matchLabels": {"app": value}}}]
    return manifest


def budget(**selector: Any) -> Manifest:
    """Return a PodDisruptionBudget."""
    return made("policy/v1", "PodDisruptionBudget", "a", spec={"selector": selector})


def definition(group: str, *, annotation: str = "", **spec: Any) -> Manifest:
    """Return a CRD."""
    found = crd("things", "Thing", group)
    found["metadata"]["annotations"] = {"api-approved.kubernetes.io": annotation} if annotation else {}
    return {**found, "spec": {**found["spec"], **spec}}


@pytest.mark.parametrize(
    ("manifest", "part"),
    [
        (cron_job("a" * 53), "52 characters"),
        (cron_job("a" * 52), None),
        (spread(BAD), "no label can have"),
        (spread("web"), None),
        (budget(matchLabels={"app": BAD}), "no label can have"),
        (budget(matchExpressions=[{"key": "a", "operator": "In", "values": ["b", BAD]}]), "no label can have"),
        (budget(matchExpressions=[{"key": "a", "operator": "Exists"}]), None),
        (budget(), None),
        (definition("example.com", preserveUnknownFields=True), "preserveUnknownFields"),
        (definition("things.k8s.io"), "protected group"),
        (definition("k8s.io"), "protected group"),
        (definition("things.k8s.io", annotation="unapproved, a trial"), None),
        (definition("things.x-k8s.io"), None),
        (definition("example.com", preserveUnknownFields=False), None),
        (made("example.com/v1", "Thing", "a", spec={"matchLabels": {"a": BAD}}), None),
    ],
)
def test_what_validation_refuses_is_told_with_its_cure(manifest: Manifest, part: str | None) -> None:
    """Before anything is written; kinds of one's own are judged by their own schema."""
    found = create_only.hindrance(manifest, ref_type(manifest))
    assert (found is not None and part in found.reason) if part else found is None
    assert found is None or found.hint
