"""A StatefulSet with a volume on both sides: hosts in namespaces, and what plays its program while a pod of it is there."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from migrator.kube.cluster import KubeCluster
from migrator.model.manifest import Manifest, get
from migrator.testbed.balancer import balanced
from migrator.testbed.threads import beside
from tests.support.objects import deployment, made
from tests.support.sandbox import TYPES, Sandbox, until
from tests.support.traffic_section import through
from tests.support.volume_hosts import VolumePair, volume_pair

_SSH = """#!/bin/sh
for last; do before=$now; now=$last; done
case "$before" in
{cases}
esac
"""
_HOSTS = "config: {{'migrator:cluster': {{nodes: [{{name: {name}, address: {address}}}]}}}}\n"
_HOLD = "example.com/hold"
BLUE_NODE, GREEN_NODE = "blue-node-1", "green-node-1"


def reached_by_ssh(pair: VolumePair, folder: Path, patch: pytest.MonkeyPatch, *, blue: str, green: str) -> None:
    """Write files of hosts, and an `ssh` that enters their namespaces instead of a network that this machine has not."""
    cases = [f'  *@{host.address}) exec {" ".join(host.inside())} sh -c "$last" ;;' for host in (pair.blue, pair.green)]
    (folder / "bin").mkdir()
    (folder / "bin/ssh").write_text(_SSH.format(cases="\n".join(cases)))
    (folder / "bin/ssh").chmod(0o755)
    patch.setenv("PATH", f"{folder}/bin:{os.environ['PATH']}")
    for name, node, host in (("b", blue, pair.blue), ("g", green, pair.green)):
        (folder / f"{name}.yaml").write_text(_HOSTS.format(name=node, address=host.address))


def local_volume(sandbox: Sandbox, name: str, path: Path, node: str) -> Manifest:
    """Return a volume as local-path-provisioner makes it, for the sandbox's claim."""
    terms = [{"matchExpressions": [{"key": "kubernetes.io/hostname", "operator": "In", "values": [node]}]}]
    spec = {
        "capacity": {"storage": "1Gi"},
        "accessModes": ["ReadWriteOnce"],
        "storageClassName": "",
        "hostPath": {"path": str(path)},
        "claimRef": {"namespace": sandbox.namespace, "name": "data"},
        "nodeAffinity": {"required": {"nodeSelectorTerms": terms}},
    }
    return made("v1", "PersistentVolume", name, annotations={"pv.kubernetes.io/provisioned-by": "rancher.io/local-path"}, spec=spec)


def database(*, hangs: bool) -> Manifest:
    """Return a StatefulSet with one pod that uses the claim, and that does not end where it `hangs`."""
    manifest = deployment("db", 1)
    if hangs:
        manifest["spec"]["template"]["metadata"]["finalizers"] = [_HOLD]
    manifest["kind"] = "StatefulSet"
    manifest["spec"]["serviceName"] = "db"
    pod = manifest["spec"]["template"]["spec"]
    pod["volumes"] = [{"name": "v", "persistentVolumeClaim": {"claimName": "data"}}]
    pod["containers"][0]["volumeMounts"] = [{"name": "v", "mountPath": "/data"}]
    return manifest


@dataclass
class Program:
    """Commits numbers, one after the other, wherever its pod is; it goes on after the last number that it finds there."""

    sandbox: Sandbox
    folders: dict[str, Path]
    committed: list[int] = field(default_factory=list)
    """What a client was told to be safe, in order."""
    _paused: threading.Event = field(default_factory=threading.Event)
    _over: threading.Event = field(default_factory=threading.Event)

    @contextmanager
    def running(self) -> Iterator[None]:
        """Let it run on both sides."""
        pair = self.sandbox.pair
        with beside(self._over, partial(self._run, "blue", pair.blue), partial(self._run, "green", pair.green)):
            yield

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """Let it commit nothing."""
        self._paused.set()
        yield
        self._paused.clear()

    def until_more(self, number: int = 3) -> None:
        """Wait until it has committed some more."""
        have = len(self.committed)
        until(lambda: len(self.committed) >= have + number)

    def kept(self, side: str) -> list[int]:
        """Return what lies on a side."""
        return [int(line) for line in (self.folders[side] / "log").read_text().split()]

    def _run(self, name: str, cluster: KubeCluster) -> None:
        while not self._over.is_set():
            if not self._paused.is_set() and self._has_pod(cluster):
                with (self.folders[name] / "log").open("a+") as file:
                    self._commit_while_there(file, cluster)
            self._over.wait(0.02)

    def _commit_while_there(self, file: Any, cluster: KubeCluster) -> None:
        file.seek(0)
        last = max((int(line) for line in file.read().split()), default=0)
        while not (self._over.is_set() or self._paused.is_set()) and self._has_pod(cluster):
            last += 1
            file.write(f"{last}\n")
            file.flush()
            os.fsync(file.fileno())
            self.committed.append(last)
            self._over.wait(0.02)

    def _has_pod(self, cluster: KubeCluster) -> bool:
        pods = cluster.list(TYPES["Pod"], self.sandbox.namespace, "app=db")
        return any(get(pod, "status", "phase") == "Running" for pod in pods)


@dataclass(slots=True)
class DataStand:
    """A migration of a database that runs on blue, copied once and validated."""

    sandbox: Sandbox
    hosts: VolumePair
    program: Program

    @property
    def claim(self) -> str:
        """The claim's name."""
        return f"{self.sandbox.namespace}/data"

    def ok(self, *verb: str) -> Any:
        """Run a verb, which must end well."""
        result = self.sandbox.run(*verb)
        assert result.code == 0, f"{verb}\n{result.out}\n{result.err}"
        return result

    def replicas(self) -> tuple[int, int]:
        """Return what blue and green want."""
        blue, green = self.sandbox.blue("StatefulSet", "db"), self.sandbox.green("StatefulSet", "db")
        return blue["spec"]["replicas"], green["spec"]["replicas"]

    def require_nothing_lost(self, side: str) -> None:
        """Fail when a committed number is missing or was committed twice; the side must have run by now."""
        self.program.until_more()
        committed = list(self.program.committed)
        assert committed == list(range(1, len(committed) + 1))
        assert self.program.kept(side)[: len(committed)] == committed


def bound(sandbox: Sandbox, side: str) -> bool:
    """Return whether the claim of a cluster is bound."""
    claim = sandbox.blue("PersistentVolumeClaim", "data") if side == "blue" else sandbox.green("PersistentVolumeClaim", "data")
    return bool(get(claim, "status", "phase") == "Bound")


@contextmanager
def data_stand(
    sandbox: Sandbox, folder: Path, patch: pytest.MonkeyPatch, *, hangs: bool = False, **more: Any
) -> Iterator[DataStand]:
    """Make it."""
    with balanced(folder / "haproxy") as (balancer, _, _), volume_pair() as hosts:
        reached_by_ssh(hosts, folder, patch, blue=BLUE_NODE, green=GREEN_NODE)
        sandbox.configure(
            traffic={"haproxy": through(balancer), "steps": [100], "soak": "0s"},
            gates={"minRequests": 0, "readyTimeout": "60s"},
            volumes={"hosts": {"blue": "b.yaml", "green": "g.yaml"}, **more.pop("volumes", {})},
            **more,
        )
        blue, green = hosts.volume("data")
        program = Program(sandbox, {"blue": blue, "green": green})
        claim = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}, "storageClassName": ""}
        sandbox.on_blue(
            local_volume(sandbox, f"{sandbox.namespace}-b", blue, BLUE_NODE),
            made("v1", "PersistentVolumeClaim", "data", spec=claim),
            database(hangs=hangs),
        )
        stand = DataStand(sandbox, hosts, program)
        with program.running():
            program.until_more()
            stand.ok("copy")
            sandbox.on_green(local_volume(sandbox, f"{sandbox.namespace}-g", green, GREEN_NODE))
            until(lambda: bound(sandbox, "green"))
            stand.ok("data", "copy")
            stand.ok("validate")
            yield stand
        for pod in sandbox.pair.blue.list(TYPES["Pod"], sandbox.namespace) if hangs else ():
            free = {"metadata": {"finalizers": None}}
            sandbox.pair.blue.patch(TYPES["Pod"], sandbox.namespace, pod["metadata"]["name"], free, manager="test")
