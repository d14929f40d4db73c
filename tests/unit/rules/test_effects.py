"""What acts on others without a reference."""

from __future__ import annotations

import pytest

from migrator.model.manifest import Manifest, ref_of
from migrator.rules.effects import late_labels, rank
from migrator.rules.order import Rank
from tests.support.objects import config_map, cron_job, deployment, made, service

LEVEL = "pod-security.kubernetes.io/enforce"


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
        (made("gateway.networking.k8s.io/v1", "Gateway", "d"), Rank.CUSTOM),
        (made("networking.k8s.io/v1", "Ingress", "d"), None),
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
        *(
            "workload",
            "CronJob",
            "custom",
            "custom of a project of Kubernetes",
            "of Kubernetes",
            "address",
            "of a cloud",
            "MetalLB",
            "Cilium",
            "kube-vip",
            "any address",
        ),
        *("port", "headless", "allocated", "other"),
    ],
)
def test_when_an_object_is_written(manifest: Manifest, wanted: Rank | None) -> None:
    """Chosen numbers before allocated ones; what makes pods is known."""
    assert rank(manifest, ref_of(manifest)) is wanted


@pytest.mark.parametrize(
    ("labels", "late"),
    [
        ({LEVEL: "restricted", f"{LEVEL}-version": "v1.30", "team": "a"}, (LEVEL, f"{LEVEL}-version")),
        ({LEVEL: "baseline"}, (LEVEL,)),
        ({LEVEL: "privileged", f"{LEVEL}-version": "v1.30"}, ()),
        ({f"{LEVEL}-version": "v1.30"}, ()),
    ],
)
def test_a_level_that_refuses_pods_comes_after_them(labels: dict[str, str], late: tuple[str, ...]) -> None:
    """Pods that were there before the label are not judged on blue; the level that takes all refuses nobody."""
    assert late_labels(made("v1", "Namespace", "shop", labels=labels)) == late
