"""A way back that loses nothing: the new API server emulates the old minor, and the old one then goes on with the same etcd (KEP-4330)."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import orjson
import pytest

from migrator.adapters.clock import SystemClock
from migrator.kube.cluster import KubeCluster
from migrator.kube.transport import Transport
from migrator.model.manifest import Manifest
from migrator.testbed.binaries import Store
from migrator.testbed.planes import pair as bed
from migrator.testbed.planes.control_plane import ControlPlane, Recipe
from migrator.testbed.processes import Process, start, stop
from migrator.testbed.versions import BLUE, GREEN
from tests.support.sandbox import TYPES, until

SECONDS = 90
WRITES = 10_000
CHANGED = DELETED = 500
EMULATED = BLUE.rpartition(".")[0]
MAPS = TYPES["ConfigMap"]


@pytest.fixture
def plane(tmp_path_factory: pytest.TempPathFactory, store: Store) -> Iterator[ControlPlane]:
    """Start a control plane of the old version."""
    made = bed.Testbed(tmp_path_factory.mktemp("emulated"), store, lambda _: None)
    found = made.up((Recipe("blue", BLUE, controllers=False),))["blue"]
    yield found
    stop(found.processes)
    made.down()


def swap(plane: ControlPlane, binary: Path, *more: str) -> dict[str, str]:
    """End the API server, start another program with the same flags and more on the same etcd, and return what it says of itself."""
    running = next(process for process in plane.processes if process.name.endswith("/kube-apiserver") and process.alive)
    words = Path(f"/proc/{running.pid}/cmdline").read_bytes().decode().rstrip("\0").split("\0")[1:]
    stop([running], patience=60)
    kept = [word for word in words if not word.startswith("--emulated-version")]
    begun: Process = start(running.name, [binary, *kept, *more], plane.folder / "kube-apiserver.log")
    plane.processes.append(begun)
    until(lambda: begun.alive and plane.cluster().healthy())
    return version_of(plane)


def version_of(plane: ControlPlane) -> dict[str, str]:
    """Return what the API server says of its version."""
    from migrator.kube.access import load_access

    access = load_access(str(plane.kubeconfig), None, cluster="blue", relative_to=Path())
    answer: dict[str, str] = orjson.loads(Transport(access, "blue", clock=SystemClock()).send("GET", "/version").body)
    return answer


def config_map(name: str, value: str) -> bytes:
    """Return a ConfigMap as it is sent."""
    return orjson.dumps({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"value": value}})


def written(cluster: KubeCluster) -> dict[str, str]:
    """Make ten thousand writes, all of them confirmed, and return what must be there then."""
    created = WRITES - CHANGED - DELETED

    def write(number: int) -> None:
        name = f"map-{number}"
        made: Manifest = cluster.create(MAPS, "default", config_map(name, "first"), manager="testbed")
        if number < CHANGED:
            cluster.patch(MAPS, "default", name, {"data": {"value": "second"}}, manager="testbed")
        elif number < CHANGED + DELETED:
            cluster.delete(MAPS, "default", name, uid=made["metadata"]["uid"])

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(write, range(created)))
    kept = {f"map-{number}": "first" for number in range(CHANGED + DELETED, created)}
    return kept | {f"map-{number}": "second" for number in range(CHANGED)}


def test_none_of_ten_thousand_writes_is_lost_on_the_way_back(plane: ControlPlane, store: Store) -> None:
    """What was created, changed and deleted through the new API server is so for the old one; what was there before stays."""
    plane.cluster(patience=30).create(MAPS, "default", config_map("before", "old"), manager="testbed")
    old, new = (store.kubernetes(version)["kube-apiserver"] for version in (BLUE, GREEN))
    said = swap(plane, new, f"--emulated-version={EMULATED}")
    assert (said["emulationMajor"], said["emulationMinor"]) == tuple(EMULATED.split(".")), said
    expected = written(plane.cluster(patience=30))
    swap(plane, old)
    assert version_of(plane)["gitVersion"] == f"v{BLUE}"
    found = {
        item["metadata"]["name"]: item["data"]["value"]
        for item in plane.cluster(patience=30).list(MAPS, "default")
        if item["metadata"]["name"].startswith(("map-", "before"))
    }
    wrong = {name for name in expected.keys() | found.keys() if expected.get(name) != found.get(name)} - {"before"}
    assert (len(wrong), found["before"]) == (0, "old")
