"""What may run on one side only, on real API servers with their controllers: at no moment it has pods on both."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import orjson

from migrator.kube.cluster import KubeCluster
from migrator.model.manifest import Manifest, get
from migrator.testbed.balancer import balanced
from tests.support.guarded import OWN_METRICS
from tests.support.objects import cron_job, deployment, service
from tests.support.sandbox import TYPES, Sandbox, until
from tests.support.traffic_section import through

APPS = ("dns", "vip", "gitops")


def workload(kind: str, name: str, image: str, *words: str) -> Manifest:
    """Return a workload that runs one program."""
    manifest = deployment(name, 2)
    container = manifest["spec"]["template"]["spec"]["containers"][0]
    container |= {"image": image, "command": list(words)}
    if kind != "Deployment":
        manifest["kind"] = kind
    if kind == "DaemonSet":
        del manifest["spec"]["replicas"]
    if kind == "StatefulSet":
        manifest["spec"]["serviceName"] = name
    return manifest


def running(cluster: KubeCluster, namespace: str) -> set[str]:
    """Return the apps that have a pod."""
    return {get(pod, "metadata", "labels", "app") for pod in cluster.list(TYPES["Pod"], namespace)}


@contextmanager
def watched(sandbox: Sandbox, *, to: str) -> Iterator[list[set[str]]]:
    """Note what runs on both sides while the context is open.

    The side that it goes to is read first: what has a pod there may have none on the other side afterwards.
    """
    pair, twice, over = sandbox.pair, [], threading.Event()
    first, second = (pair.green, pair.blue) if to == "green" else (pair.blue, pair.green)

    def watch() -> None:
        while not over.is_set():
            both = running(first, sandbox.namespace) & running(second, sandbox.namespace)
            if both:
                twice.append(both)

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield twice
    finally:
        over.set()
        thread.join()


def test_nothing_has_pods_on_both_sides(sandbox: Sandbox, tmp_path: Path) -> None:
    """External-dns by its image, kube-vip on each node, Argo CD's controller, and a CronJob: there, back, and there again."""
    with balanced(tmp_path / "haproxy") as (balancer, _, _):
        traffic = {"haproxy": through(balancer), "steps": [100], "soak": "0s"}
        sandbox.configure(traffic=traffic, gates={"minRequests": 0, "readyTimeout": "60s"})
        sandbox.on_blue(
            workload("Deployment", "dns", "registry.k8s.io/external-dns/external-dns:v0.23.0", "external-dns", OWN_METRICS),
            workload("DaemonSet", "vip", "ghcr.io/kube-vip/kube-vip:v1.0.0", "/kube-vip", "manager"),
            workload("StatefulSet", "gitops", "quay.io/argoproj/argocd:v3.1.0", "argocd-application-controller"),
            cron_job("nightly"),
        )
        until(lambda: running(sandbox.pair.blue, sandbox.namespace) == set(APPS))
        groups = [item["group"] for item in sandbox.json("plan").document["oneSide"]]
        assert groups == ["Argo CD", "CronJob", "kube-vip", "external-dns"]
        for verb in (["copy"], ["validate"]):
            result = sandbox.run(*verb)
            assert result.code == 0, result.err
        assert running(sandbox.pair.green, sandbox.namespace) == set()
        for verb, to in (
            (["cutover", "--yes"], "green"),
            (["rollback"], "blue"),
            (["validate"], ""),
            (["cutover", "--yes"], "green"),
        ):
            with watched(sandbox, to=to or "blue") as twice:
                result = sandbox.run(*verb)
            assert result.code == 0, f"{verb}\n{result.out}\n{result.err}"
            assert twice == []
            if to:
                there, other = (sandbox.pair.green, sandbox.pair.blue) if to == "green" else (sandbox.pair.blue, sandbox.pair.green)
                assert running(there, sandbox.namespace) == set(APPS)
                assert running(other, sandbox.namespace) == set()
        now = {item["object"].split("/")[-1]: item["runsOnNow"] for item in sandbox.json("status").document["oneSide"]}
        assert now == {name: ["green"] for name in (*APPS, "nightly")}


def test_an_address_of_a_pool_moves_with_what_announces_it(sandbox: Sandbox) -> None:
    """MetalLB's speaker is held on green, and the Service asks there for the address that it has on blue."""
    blue, green = sandbox.pair.blue, sandbox.pair.green
    balanced_one = service("shop", type="LoadBalancer")
    balanced_one["metadata"]["annotations"] = {"metallb.io/ip-allocated-from-pool": "lan"}
    sandbox.on_blue(balanced_one, workload("DaemonSet", "speaker", "quay.io/metallb/speaker:v0.16.2"))
    made = blue.get(TYPES["Service"], sandbox.namespace, "shop")
    made["status"] = {"loadBalancer": {"ingress": [{"ip": "192.0.2.9"}]}}
    blue.replace(TYPES["Service"], sandbox.namespace, "shop", orjson.dumps(made), manager="metallb", subresource="status")
    planned = sandbox.json("plan").document
    assert "asks green's controller for the external address that it has on blue: 192.0.2.9" in str(planned)
    for _ in range(2):
        copied = sandbox.run("copy")
        assert copied.code == 0, copied.err
        there = green.get(TYPES["Service"], sandbox.namespace, "shop")
        assert there["metadata"]["annotations"]["metallb.io/loadBalancerIPs"] == "192.0.2.9"
    assert running(green, sandbox.namespace) == set()
