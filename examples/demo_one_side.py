"""What the demo shows of workloads that may run on one side only: where external-dns runs, and that nobody else starts it."""

from __future__ import annotations

from collections.abc import Mapping

from shop import NS, Manifest

from migrator.errors import ForbiddenError
from migrator.kube.cluster import KubeCluster
from migrator.model.kinds import DEPLOYMENTS

NAME = "external-dns"


def external_dns() -> Manifest:
    """Return a Deployment of external-dns: it writes DNS records, and two of them would undo each other's."""
    args = ["--source=service", "--provider=rfc2136", "--registry=txt", "--txt-owner-id=shop", "--policy=upsert-only"]
    args += ["--metrics-address=127.0.0.1:7979"]  # nothing runs in the demo's pods that could tell of its work
    container = {"name": NAME, "image": "registry.k8s.io/external-dns/external-dns:v0.21.0", "args": args}
    labels = {"app": NAME}
    spec = {"selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}}}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": NAME, "namespace": NS},
        "spec": spec | {"replicas": 1},
    }


def show(sides: Mapping[str, KubeCluster]) -> None:
    """Print on which side it runs."""
    counts = [f"{side.get(DEPLOYMENTS, NS, NAME)['spec']['replicas']} on {name}" for name, side in sides.items()]
    print(f"   {NAME}, which may run on one side only: replicas {', '.join(counts)}", flush=True)


def be_refused(side: KubeCluster) -> None:
    """Start it where it is held, as a person or an autoscaler may; the guard refuses it."""
    print(f"   $ kubectl --context {side.name} -n {NS} scale deployment {NAME} --replicas=1")
    try:
        side.patch(DEPLOYMENTS, NS, NAME, {"spec": {"replicas": 1}}, manager="kubectl", subresource="scale")
    except ForbiddenError as error:
        print(f"   {error.message}", flush=True)
    else:
        raise SystemExit(f"nobody has refused to start {NAME} on {side.name}")
