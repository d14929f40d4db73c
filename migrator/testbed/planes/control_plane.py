"""One control plane of plain processes on loopback: etcd, API server, controllers, scheduler, KWOK."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import yaml

from migrator.adapters.clock import SystemClock
from migrator.errors import MigratorError
from migrator.kube.access import load_access
from migrator.kube.cluster import KubeCluster
from migrator.testbed.binaries import Store
from migrator.testbed.planes.certs import Authority, make_authority
from migrator.testbed.processes import Process, free_ports, start
from migrator.testbed.waiting import PATIENCE_SECONDS, wait

_STAGES = Path(__file__).with_name("stages.yaml")


@dataclass(slots=True, frozen=True)
class Recipe:
    """What one control plane is to be."""

    name: str
    version: str
    controllers: bool = True
    """False: etcd and the API server only, for measuring those."""
    service_range: str = "10.96.0.0/16"
    nodes: int = 3
    api_flags: tuple[str, ...] = ()
    """More flags of the API server."""


@dataclass(slots=True)
class ControlPlane:
    """A started control plane; `processes` is what has to be ended."""

    recipe: Recipe
    folder: Path
    kubeconfig: Path
    processes: list[Process]

    def cluster(self, *, patience: float = 0.0) -> KubeCluster:
        """Return a client with the rights of cluster-admin."""
        access = load_access(str(self.kubeconfig), None, cluster=self.recipe.name, relative_to=Path())
        return KubeCluster(self.recipe.name, access, clock=SystemClock(), patience=patience)


def start_control_plane(recipe: Recipe, folder: Path, store: Store, record: Callable[[Process], None]) -> ControlPlane:
    """Start etcd and an API server, and controllers, scheduler and KWOK where asked for.

    Each process is recorded the moment it runs, so that a crash leaves nothing unknown behind.
    """
    folder.mkdir(parents=True, mode=0o700)
    authority = make_authority(folder)
    plane = ControlPlane(recipe, folder, folder / "kubeconfig", [])
    binaries = store.kubernetes(recipe.version)
    client, peer, api = free_ports(3)

    def run(name: str, *command: str | Path) -> None:
        process = start(f"{recipe.name}/{name}", command, folder / f"{name}.log")
        plane.processes.append(process)
        record(process)

    server = f"https://127.0.0.1:{api}"
    authority.kubeconfig(plane.kubeconfig, "admin", server=server, context=recipe.name, organization="system:masters")
    run("etcd", store.etcd(), *_etcd_options(folder, client, peer))
    run("kube-apiserver", binaries["kube-apiserver"], *_api_options(recipe, authority, api, client))
    _await_ready(plane)
    if recipe.controllers:
        _start_controllers(plane, authority, server, binaries, store, run)
    return plane


def _start_controllers(
    plane: ControlPlane,
    authority: Authority,
    server: str,
    binaries: dict[str, Path],
    store: Store,
    run: Callable[..., None],
) -> None:
    folder, name = plane.folder, plane.recipe.name

    def identity(user: str, organization: str = "") -> Path:
        return authority.kubeconfig(
            folder / f"{user.rsplit(':', maxsplit=1)[-1]}.kubeconfig", user, server=server, context=name, organization=organization
        )

    manager = identity("system:kube-controller-manager")
    run(
        "kube-controller-manager",
        binaries["kube-controller-manager"],
        f"--kubeconfig={manager}",
        f"--service-account-private-key-file={folder / 'sa.key'}",
        f"--root-ca-file={authority.path}",
        f"--cluster-signing-cert-file={authority.path}",
        f"--cluster-signing-key-file={folder / 'ca.key'}",
        "--use-service-account-credentials=true",
        "--leader-elect=false",
        "--secure-port=0",
        "--kube-api-qps=200",
        "--kube-api-burst=400",
    )
    scheduler = identity("system:kube-scheduler")
    run(
        "kube-scheduler",
        binaries["kube-scheduler"],
        f"--kubeconfig={scheduler}",
        "--leader-elect=false",
        "--secure-port=0",
    )
    kwok = identity("kwok", "system:masters")
    run(
        "kwok",
        store.kwok(),
        f"--kubeconfig={kwok}",
        "--manage-all-nodes=true",
        f"--config={_STAGES}",
        "--node-lease-duration-seconds=40",
    )


def _etcd_options(folder: Path, client: int, peer: int) -> list[str]:
    return [
        f"--data-dir={folder / 'etcd'}",
        f"--listen-client-urls=http://127.0.0.1:{client}",
        f"--advertise-client-urls=http://127.0.0.1:{client}",
        f"--listen-peer-urls=http://127.0.0.1:{peer}",
        f"--initial-advertise-peer-urls=http://127.0.0.1:{peer}",
        f"--initial-cluster=default=http://127.0.0.1:{peer}",
        "--log-level=warn",
        "--unsafe-no-fsync",
    ]


def _api_options(recipe: Recipe, authority: Authority, port: int, etcd: int) -> list[str]:
    folder = authority.folder
    certificate, key = authority.issue("apiserver", "kube-apiserver", server=True)
    return [
        f"--etcd-servers=http://127.0.0.1:{etcd}",
        f"--secure-port={port}",
        "--bind-address=127.0.0.1",
        # Since 1.37 an API server refuses to publish a loopback address as its endpoint.
        "--endpoint-reconciler-type=none",
        f"--tls-cert-file={certificate}",
        f"--tls-private-key-file={key}",
        f"--client-ca-file={authority.path}",
        f"--service-cluster-ip-range={recipe.service_range}",
        "--service-account-issuer=https://kubernetes.default.svc.cluster.local",
        f"--service-account-key-file={folder / 'sa.key'}",
        f"--service-account-signing-key-file={folder / 'sa.key'}",
        "--authorization-mode=RBAC",
        "--enable-priority-and-fairness=true",
        "--allow-privileged=true",
        f"--egress-selector-config-file={_no_way_out(folder)}",
        *recipe.api_flags,
    ]


def _no_way_out(folder: Path) -> Path:
    """Write what keeps the API server on this machine.

    Pods, Services and nodes have made-up addresses here, which belong to somebody else outside. What the API server sends
    there (webhooks, aggregated APIs, logs) goes to a proxy that does not exist. Webhooks with a URL of their own are not
    affected. Source: KEP-1281, network proxy.
    """
    nowhere = {"proxyProtocol": "HTTPConnect", "transport": {"uds": {"udsName": str(folder / "nowhere.sock")}}}
    content = {
        "apiVersion": "apiserver.k8s.io/v1beta1",
        "kind": "EgressSelectorConfiguration",
        "egressSelections": [{"name": "cluster", "connection": nowhere}],
    }
    path = folder / "egress.yaml"
    path.write_text(yaml.safe_dump(content))
    return path


def _await_ready(plane: ControlPlane) -> None:
    cluster = plane.cluster()

    def failure(why: str) -> MigratorError:
        return MigratorError(f"testbed: {plane.recipe.name}: {why}", hint=f"its logs are in {plane.folder}")

    def ready() -> bool:
        dead = [process.name for process in plane.processes if not process.alive]
        if dead:
            raise failure(f"{', '.join(dead)} ended")
        return cluster.healthy()

    wait(ready, lambda: failure(f"not ready after {PATIENCE_SECONDS:.0f} s"))
