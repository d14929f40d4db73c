"""What is known by its status alone keeps that on green, before its operator sees it."""

from __future__ import annotations

from typing import Any

import pytest

from migrator.model.ref import ObjectRef
from migrator.rules.identities import identity
from tests.support.objects import crd, made
from tests.support.pairs import contents, in_green, pair

AWS, KAFKA, SEARCH = "prometheusservice.services.k8s.aws", "kafka.strimzi.io", "opensearch.org"
MADE = {"ackResourceMetadata": {"arn": "arn:aws:aps:x"}, "workspaceID": "ws-1"}


@pytest.mark.parametrize(
    ("group", "kind", "status", "moved", "annotations"),
    [
        (AWS, "Workspace", {**MADE, "conditions": [{"type": "Ready", "status": "True"}]}, MADE, {}),
        (KAFKA, "Kafka", {"clusterId": "k1", "listeners": [{"addresses": []}], "observedGeneration": 7}, {"clusterId": "k1"}, {}),
        ("datadoghq.com", "DatadogMonitor", {"id": 7, "conditions": []}, {"id": 7}, {}),
        ("sql.cnrm.cloud.google.com", "SQLInstance", {"externalRef": "p/a", "conditions": []}, {"externalRef": "p/a"}, {}),
        ("networking.cfargotunnel.com", "Tunnel", {"tunnelId": "t-7"}, {"tunnelId": "t-7"}, {}),
        ("coralogix.com", "Alert", {"id": "a-7"}, {"id": "a-7"}, {}),
        ("app.terraform.io", "Workspace", {"workspaceID": "ws-7", "observedGeneration": 9}, {"workspaceID": "ws-7"}, {}),
        ("db.movetokube.com", "PostgresUser", {"postgresRole": "a-x7"}, {"postgresRole": "a-x7"}, {}),
        ("db.movetokube.com", "Postgres", {"succeeded": True, "roles": {}}, {"succeeded": True, "roles": {}}, {}),
        ("kinda.rocks", "DbUser", {"created": True, "status": True}, {"created": True}, {}),
        (
            SEARCH,
            "OpensearchRole",
            {"existingRole": False, "managedCluster": "u1", "state": "CREATED"},
            {"existingRole": False},
            {},
        ),
        (
            SEARCH,
            "OpenSearchISMPolicy",
            {"existingISMPolicy": False, "policyId": "p"},
            {"existingISMPolicy": False, "policyId": "p"},
            {},
        ),
    ],
)
def test_it_moves_without_what_tells_of_blue(
    group: str, kind: str, status: dict[str, Any], moved: dict[str, Any], annotations: dict[str, str]
) -> None:
    """A condition of blue would prove nothing of green; an operator that is held off meanwhile is let go."""
    both = pair(crd(f"{kind.lower()}s", kind, group, status=True))
    both.blue.hold(made(f"{group}/v1", kind, "a", namespace="shop", spec={"size": 1}, status=status))
    assert not both.copy().problems
    found = in_green(both.green, ObjectRef(group, kind, "shop", "a"))
    assert (found["status"], found["metadata"].get("annotations", {})) == (moved, annotations)
    assert both.next_run().copy().counts["unchanged"] == 3


@pytest.mark.parametrize(
    ("type_name", "status"),
    [
        (f"Workspace.{AWS}", {"ackResourceMetadata": {"region": "eu-west-1"}}),
        (f"Kafka.{KAFKA}", {}),
        (f"Kafka.{KAFKA}", {"clusterId": ["k1"]}),
        (f"Kafka.{KAFKA}", {"clusterId": True}),
        ("DatadogMonitor.datadoghq.com", {"id": 0}),
        ("DbUser.kinda.rocks", {"created": False}),
        (f"OpensearchRole.{SEARCH}", {"existingRole": True}),
        ("Bucket.example.com", MADE),
    ],
)
def test_what_has_none_moves_as_any_other(type_name: str, status: dict[str, Any]) -> None:
    """It was never made, or is of another form or kind."""
    assert identity({"status": status}, type_name) is None


@pytest.mark.parametrize(
    ("group", "kind", "status", "reason"),
    [
        (AWS, "Workspace", MADE, "would make a second one in AWS"),
        ("datadoghq.com", "DatadogSLO", {"id": "s-7"}, "would make a second one in Datadog"),
        (SEARCH, "OpensearchTenant", {"existingTenant": False}, ""),
    ],
)
def test_where_its_operator_may_be_on_green_already(group: str, kind: str, status: dict[str, Any], reason: str) -> None:
    """A second one in AWS cannot be taken back; that OpenSearch's operator made something counts whenever it is told."""
    definition = crd(f"{kind.lower()}s", kind, group, status=True)
    both = pair(definition)
    both.green.hold(definition)
    both.blue.hold(made(f"{group}/v1", kind, "a", namespace="shop", spec={"size": 1}, status=status))
    ref = ObjectRef(group, kind, "shop", "a")
    assert reason in both.item(ref).reason
    assert not both.copy().problems
    assert contents(both.green).get(ref, {}).get("status") == (None if reason else status)
