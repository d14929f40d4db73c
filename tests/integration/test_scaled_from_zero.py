"""An HPA that has scaled to 0 itself starts nothing on the side that holds the workload; on real controllers of 1.37."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from migrator.kube.cluster import KubeCluster
from migrator.model.manifest import Manifest, get
from migrator.model.ref import ResourceType
from migrator.testbed.binaries import Store
from migrator.testbed.planes import pair
from migrator.testbed.planes.control_plane import Recipe
from migrator.testbed.versions import BLUE, GREEN
from tests.support.guarded import done, guarded
from tests.support.objects import made
from tests.support.sandbox import Pair, Sandbox, until

pytestmark = pytest.mark.on_demand
HPAS = ResourceType("autoscaling", "v2", "horizontalpodautoscalers", "HorizontalPodAutoscaler", True, frozenset())
METRICS = "external.metrics.k8s.io"


@pytest.fixture
def own(tmp_path: Path, store: Store) -> Iterator[Sandbox]:
    """Start a pair whose blue takes minReplicas 0, as 1.37 does unasked."""
    testbed = pair.Testbed(tmp_path / "testbed", store, lambda _: None)
    gate = ("--feature-gates=HPAScaleToZero=true",)
    planes = testbed.up((Recipe("blue", BLUE, api_flags=gate), Recipe("green", GREEN)))
    blue, green = (planes[side].cluster(patience=30) for side in ("blue", "green"))
    sandbox = Sandbox(Pair(blue, green, testbed.kubeconfig, testbed), "shop", tmp_path)
    sandbox.on_blue(made("v1", "Namespace", "shop"))
    until(sandbox.has_default_account)
    yield sandbox
    testbed.down()


def hpa() -> Manifest:
    """Return what scales external-dns by the length of a queue."""
    metric = {"metric": {"name": "queue"}, "target": {"type": "AverageValue", "averageValue": "1"}}
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "dns"}
    spec = {"scaleTargetRef": target, "minReplicas": 0, "maxReplicas": 3, "metrics": [{"type": "External", "external": metric}]}
    return made("autoscaling/v2", "HorizontalPodAutoscaler", "dns", spec=spec)


def metric() -> list[Manifest]:
    """Return the queue's length as the API of external metrics would serve it, which is a kind of objects here."""
    fields = {"x-kubernetes-preserve-unknown-fields": True, "type": "object"}
    version = {"name": "v1beta1", "served": True, "storage": True, "schema": {"openAPIV3Schema": fields}}
    names = {"plural": "queue", "singular": "queue", "kind": "ExternalMetricValue", "listKind": "ExternalMetricValueList"}
    spec = {"group": METRICS, "scope": "Namespaced", "names": names, "versions": [version]}
    approved = {"api-approved.kubernetes.io": "unapproved, it stands for a server"}
    kind = made("apiextensions.k8s.io/v1", "CustomResourceDefinition", f"queue.{METRICS}", annotations=approved, spec=spec)
    value = {
        "metricName": "queue",
        "metricLabels": {},
        "timestamp": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "value": "9",
    }
    return [kind, made(f"{METRICS}/v1beta1", "ExternalMetricValue", "queue", **value)]


def condition(cluster: KubeCluster, kind: str) -> tuple[str, str]:
    """Return what an HPA's controller says of it: status and reason."""
    found: list[dict[str, Any]] = get(cluster.get(HPAS, "shop", "dns"), "status", "conditions") or []
    return next(((item["status"], item["reason"]) for item in found if item["type"] == kind), ("", ""))


def test_an_hpa_that_has_scaled_to_0_itself_does_not_wake_what_is_held(own: Sandbox, tmp_path: Path) -> None:
    """Its controller computes from the metric that three should run, and starts none; after the cutover it does."""
    blue, green = own.pair.blue, own.pair.green
    own.on_blue(hpa())
    with guarded(own, tmp_path, []):
        status = {
            "currentReplicas": 0,
            "desiredReplicas": 0,
            "conditions": [{"type": "ScaledToZero", "status": "True", "reason": "ScaledToZero", "message": "as it did before"}],
        }
        green.patch(HPAS, "shop", "dns", {"status": status}, manager="kube-controller-manager", subresource="status")
        own.on_green(*metric())
        until(lambda: condition(green, "ScalingActive") == ("True", "ValidMetricFound"))
        assert condition(green, "ScaledToZero")[0] == "True"
        assert own.green("Deployment", "dns")["spec"]["replicas"] == 0
        done(own, "cutover", "--yes")
        until(lambda: own.green("Deployment", "dns")["spec"]["replicas"] == 3)
        assert own.blue("Deployment", "dns")["spec"]["replicas"] == 0
        done(own, "rollback")
        assert own.blue("Deployment", "dns")["spec"]["replicas"] == 2
        assert own.green("Deployment", "dns")["spec"]["replicas"] == 0
        specs = [cluster.get(HPAS, "shop", "dns")["spec"] for cluster in (blue, green)]
        assert [(spec["minReplicas"], spec["behavior"]["scaleUp"]["selectPolicy"]) for spec in specs] == [
            (0, "Max"),
            (0, "Disabled"),
        ]
