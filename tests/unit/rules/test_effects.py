"""What acts on others without a reference."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from migrator.model.manifest import Manifest, ref_of
from migrator.rules.context import BlueFacts, RuleContext
from migrator.rules.effects import limits_on_green, rank, refusing_limits
from migrator.rules.order import Rank
from tests.support.contexts import configured
from tests.support.objects import config_map, cron_job, deployment, made, service

LIMITS = [
    {"type": "Container", "max": {"memory": "1Gi"}, "min": {"cpu": "50m"}, "default": {"memory": "512Mi"}},
    {"type": "Pod", "max": {"memory": "3Gi"}},
    {"type": "PersistentVolumeClaim", "max": {"storage": "10Gi"}},
]


def limited(*limits: Any) -> RuleContext:
    """Return a context in which namespace n of blue, which is m on green, has a LimitRange."""
    facts = BlueFacts(limits=frozenset({("n", "limits", orjson.dumps(limits).decode())}))
    return RuleContext(configured("map: {namespaces: {n: m}}"), blue=facts)


def pod(*resources: Manifest, kind: str = "Pod", api: str = "v1") -> Manifest:
    """Return a pod, or a workload with such pods, as it is on green."""
    spec = {"containers": [{"name": str(number), "resources": item} for number, item in enumerate(resources)]}
    return made(api, kind, "x", namespace="m", spec=spec if kind == "Pod" else {"template": {"spec": spec}})


def claim(storage: str, namespace: str = "m") -> Manifest:
    """Return a claim."""
    return made("v1", "PersistentVolumeClaim", "c", namespace=namespace, spec={"resources": {"requests": {"storage": storage}}})


@pytest.mark.parametrize(
    ("manifest", "refused"),
    [
        (claim("20Gi"), True),
        (claim("10Gi"), False),
        (claim("20Gi", "other"), False),
        (pod({"limits": {"memory": "2Gi"}}), True),
        (pod({"limits": {"memory": "1024Mi"}, "requests": {"cpu": "0.05"}}), False),
        (pod({"requests": {"cpu": "10m"}}), True),
        (pod({}), False),
        (pod(*[{"limits": {"memory": "1Gi"}}] * 4), True),
        (pod({"limits": {"memory": "2Gi"}}, kind="Deployment", api="apps/v1"), True),
        (config_map("c", namespace="m"), False),
    ],
    ids=["claim", "claim that fits", "elsewhere", "most", "fits", "least", "defaults", "sum of containers", "template", "no pod"],
)
def test_limits_that_would_refuse_what_is_there(manifest: Manifest, *, refused: bool) -> None:
    """A LimitRange is asked at a create only: what exceeds it on blue would not get into green after it."""
    found = refusing_limits(manifest, ref_of(manifest), limits_on_green(limited(*LIMITS)))
    assert [str(ref) for ref in found] == (["LimitRange/m/limits"] if refused else [])


def asking(annotation: str) -> Manifest:
    """Return a Service with an annotation of a controller that gives addresses."""
    manifest = service("a", type="LoadBalancer")
    manifest["metadata"]["annotations"] = {annotation: "192.0.2.9"}
    return manifest


@pytest.mark.parametrize(
    ("manifest", "wanted"),
    [
        (deployment("web"), Rank.PODS),
        (cron_job("nightly"), Rank.PODS),
        (made("example.com/v1", "Database", "d"), Rank.CUSTOM),
        (service("a", clusterIP="10.96.0.9"), Rank.EARLY),
        (service("a", type="LoadBalancer", loadBalancerIP="192.0.2.9"), Rank.EARLY),
        (asking("metallb.io/loadBalancerIPs"), Rank.EARLY),
        (asking("lbipam.cilium.io/ips"), Rank.EARLY),
        (asking("kube-vip.io/loadbalancerIPs"), Rank.EARLY),
        (asking("example.org/other"), Rank.PODS),
        (service("a", ports=[{"port": 80, "nodePort": 31000}]), Rank.EARLY),
        (service("a", clusterIP="None"), None),
        (service("a"), None),
        (config_map("c"), None),
    ],
    ids=[
        *("workload", "CronJob", "custom", "address", "of a cloud", "MetalLB", "Cilium", "kube-vip", "any address"),
        *("port", "headless", "allocated", "other"),
    ],
)
def test_when_an_object_is_written(manifest: Manifest, wanted: Rank | None) -> None:
    """Chosen numbers before allocated ones; what makes pods is known."""
    assert rank(manifest, ref_of(manifest), {("example.com", "Database")}) is wanted
