"""A migration of external-dns and a CronJob on real API servers, with guards where a test asks for them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from migrator.errors import ForbiddenError
from migrator.kube.cluster import KubeCluster
from migrator.model.kinds import DEPLOYMENTS
from migrator.model.manifest import Manifest
from migrator.testbed.balancer import balanced
from tests.support.objects import cron_job, deployment
from tests.support.sandbox import Sandbox
from tests.support.traffic_section import through

OWN_METRICS = "--metrics-address=127.0.0.1:7979"
"""Its metrics are for itself alone: these pods run nothing, and give none that could be waited for."""


def external_dns() -> Manifest:
    """Return an external-dns with two replicas."""
    manifest = deployment("dns", 2)
    container = manifest["spec"]["template"]["spec"]["containers"][0]
    container |= {"image": "registry.k8s.io/external-dns/external-dns:v0.23.0", "args": [OWN_METRICS]}
    return manifest


@contextmanager
def guarded(sandbox: Sandbox, folder: Path, sides: list[str], *, copy: bool = True) -> Iterator[None]:
    """Have a migration of external-dns and a CronJob with guards on these sides; with `copy` copied and validated."""
    with balanced(folder / "haproxy") as (balancer, _, _):
        traffic = {"haproxy": through(balancer), "steps": [100], "soak": "0s"}
        gates = {"minRequests": 0, "readyTimeout": "60s"}
        sandbox.configure(traffic=traffic, gates=gates, cutover={"guard": sides}, retire={"soak": "0s"})
        sandbox.on_blue(
            external_dns(),
            cron_job("nightly"),
            deployment("web"),
        )
        for verb in ("copy", "validate") if copy else ():
            done(sandbox, verb)
        yield


def done(sandbox: Sandbox, *verb: str) -> str:
    """Run a verb that must succeed, and return what it said."""
    result = sandbox.run(*verb)
    assert result.code == 0, f"{verb}\n{result.out}\n{result.err}"
    return result.out + result.err


def scaled(
    cluster: KubeCluster, sandbox: Sandbox, replicas: int, *, name: str = "dns", subresource: str = "scale", dry_run: bool = False
) -> str:
    """Scale as `kubectl scale` or `kubectl edit` does; return why that is refused, or an empty string."""
    try:
        patch = {"spec": {"replicas": replicas}}
        cluster.patch(
            DEPLOYMENTS, sandbox.namespace, name, patch, manager="kubectl-scale", subresource=subresource, dry_run=dry_run
        )
    except ForbiddenError as error:
        return error.message
    return ""
