"""A stand-in for the kubelets of one side: pods labelled `testbed/process: "true"` run as real processes of this machine.

It does what a kubelet does for such a pod and no more: it starts the program once the pod has a node, with its variables, its
host name and the token of its account where a pod has them, says that it runs, ends it when the pod is to go, and only then
says that it has ended. KWOK leaves these pods alone. Root only: a process gets a host name and a file system view of its own.
"""

from __future__ import annotations

import base64
import contextlib
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import orjson
import yaml

from migrator.errors import ApiError
from migrator.kube.cluster import KubeCluster
from migrator.model.kinds import PODS
from migrator.model.manifest import Manifest, get
from migrator.testbed.processes import Process, start, stop
from migrator.testbed.threads import beside
from tests.support.pod_network import PodNetwork
from tests.support.sandbox import TYPES

LABEL = "testbed/process=true"
ON_BOTH_SIDES = frozenset({"argo-rollouts"})
"""Programs that act in their own cluster alone."""
_POLL_SECONDS = 0.1
_ACCOUNT = "/run/secrets/kubernetes.io/serviceaccount"
_AS_A_POD = f"""\
hostname "$1" && mount -t tmpfs none /run && mkdir -p {_ACCOUNT} && cp "$2"/* {_ACCOUNT}/ && shift 2 && exec "$@"
"""


@dataclass(slots=True)
class ProcessRun:
    """One process of one pod, and when it lived, in seconds since the epoch."""

    pod: str
    program: str
    """The last word of its image's path."""
    began: float
    ended: float | None = None
    """When it was known to be gone; None: it still runs."""

    def lived_at(self, moment: float) -> bool:
        """Return whether it may have acted at a moment."""
        return self.began <= moment and (self.ended is None or moment <= self.ended)


@dataclass(slots=True)
class PodProcesses:
    """The processes of one side."""

    cluster: KubeCluster
    namespace: str
    """Pods of other tests are theirs."""
    kubeconfig: Path
    programs: Mapping[str, Path]
    """By the last word of an image's path."""
    folder: Path
    network: PodNetwork = field(default_factory=PodNetwork)
    runs: list[ProcessRun] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    """What the stand-in itself could not do."""
    _alive: dict[str, tuple[Process, ProcessRun]] = field(default_factory=dict)
    _addresses: dict[str, str] = field(default_factory=dict)
    """By the pod's UID."""

    @property
    def acting(self) -> list[ProcessRun]:
        """The processes that may run on one side only."""
        return [run for run in self.runs if run.program not in ON_BOTH_SIDES]

    def step(self) -> None:
        """Start what is to run, and end what is to go."""
        pods = {pod["metadata"]["uid"]: pod for pod in self.cluster.list(PODS, self.namespace, LABEL)}
        for uid in [uid for uid in self._alive if uid not in pods]:
            self._end(uid, patience=0)
        for uid, pod in pods.items():
            if "deletionTimestamp" in pod["metadata"]:
                self._end(uid, patience=float(get(pod, "spec", "terminationGracePeriodSeconds") or 0))
                self._tell(pod, "Failed")
            elif uid in self._alive:
                if not self._alive[uid][0].alive:
                    self._end(uid, patience=0)
            elif get(pod, "spec", "nodeName"):
                self._addresses.setdefault(uid, self.network.address())
                self._start(uid, pod)
                self._tell(pod, "Running")

    def end_all(self) -> None:
        """End all processes."""
        for uid in list(self._alive):
            self._end(uid, patience=0)

    def _start(self, uid: str, pod: Manifest) -> None:
        name, container = pod["metadata"]["name"], pod["spec"]["containers"][0]
        called = container["image"].rpartition("/")[2].partition(":")[0]
        home = self.folder / name
        temporary = home / "tmp"  # of its own, as a pod's: some programs empty theirs when they start
        temporary.mkdir(mode=0o700, parents=True, exist_ok=True)
        view = ["unshare", "--mount", "--uts", "sh", "-c", _AS_A_POD, "sh", name, self._account(pod, home)]
        run = ProcessRun(name, called, time.time())
        told = [self._served(self._addresses[uid], word) for word in container.get("args", [])]
        words = [*view, self.programs[called], *container.get("command", [])[1:], *told]
        own = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": str(home), "TMPDIR": str(temporary)}
        environment = own | self._variables(pod, container)
        process = start(name, words, home / "log", environment=environment)
        self.runs.append(run)
        self._alive[uid] = process, run

    def _served(self, address: str, word: str) -> str:
        """Return a word of a command; a port at which its pod serves metrics is one of loopback here."""
        flag, found, port = word.partition("=:")
        return f"{flag}=127.0.0.1:{self.network.open(address, int(port))}" if found and "metrics" in flag else word

    def _end(self, uid: str, *, patience: float) -> None:
        process, run = self._alive.pop(uid, (None, None))
        if process and run:
            stop([process], patience=patience)
            run.ended = time.time()

    def _account(self, pod: Manifest, home: Path) -> Path:
        """Write what a pod has of its account: a token, its namespace and the authority of the API server."""
        namespace, account = pod["metadata"]["namespace"], pod["spec"]["serviceAccountName"]
        body = orjson.dumps(
            {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"expirationSeconds": 86400}}
        )
        path = f"{TYPES['ServiceAccount'].path(namespace, account)}/token"
        token = orjson.loads(self.cluster._send("POST", path, body).body)["status"]["token"]
        place = home / "account"
        place.mkdir(mode=0o700, exist_ok=True)
        (place / "token").write_text(token)
        (place / "namespace").write_text(namespace)
        (place / "ca.crt").write_bytes(base64.b64decode(self._server["certificate-authority-data"]))
        return place

    def _variables(self, pod: Manifest, container: Manifest) -> dict[str, str]:
        address = urlsplit(self._server["server"])
        found = {
            "KUBERNETES_SERVICE_HOST": str(address.hostname),
            "KUBERNETES_SERVICE_PORT": str(address.port),
            "HOSTNAME": pod["metadata"]["name"],
        }
        for item in container.get("env") or []:
            found[item["name"]] = item.get("value") or self._referenced(pod, item["valueFrom"])
        return found

    def _referenced(self, pod: Manifest, source: Manifest) -> str:
        if "fieldRef" in source:
            return str(get(pod, *source["fieldRef"]["fieldPath"].split(".")))
        secret = self.cluster.get(TYPES["Secret"], pod["metadata"]["namespace"], source["secretKeyRef"]["name"])
        return base64.b64decode(secret["data"][source["secretKeyRef"]["key"]]).decode()

    @property
    def _server(self) -> dict[str, Any]:
        content = yaml.safe_load(self.kubeconfig.read_text())
        named = (item["cluster"] for item in content["clusters"] if item["name"] == self.cluster.name)
        return dict(next(named))

    def _tell(self, pod: Manifest, phase: str) -> None:
        """Write a pod's status; one that is gone needs none."""
        ready = "True" if phase == "Running" else "False"
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        conditions = [
            {"type": kind, "status": ready, "lastTransitionTime": now} for kind in ("Initialized", "ContainersReady", "Ready")
        ]
        status: dict[str, Any] = {"phase": phase, "startTime": now, "conditions": conditions}
        address = self._addresses.get(pod["metadata"]["uid"])
        if address:
            status |= {"podIP": address, "podIPs": [{"ip": address}]}
        with contextlib.suppress(ApiError):
            metadata = pod["metadata"]
            self.cluster.patch(
                PODS, metadata["namespace"], metadata["name"], {"status": status}, manager="kubelet", subresource="status"
            )


@contextmanager
def pods_run(*sides: PodProcesses) -> Iterator[None]:
    """Run the pods of these sides while the context is open, each side in a thread of its own."""
    over = threading.Event()

    def keep(side: PodProcesses) -> None:
        while not over.wait(_POLL_SECONDS):
            try:
                side.step()
            except Exception as error:  # noqa: BLE001 - a kubelet goes on, and the test is told
                side.failures.append(f"{side.cluster.name}: {type(error).__name__}: {error}")

    try:
        with beside(over, *(partial(keep, side) for side in sides)):
            yield
    finally:
        for side in sides:
            side.end_all()


def overlaps(first: PodProcesses, second: PodProcesses) -> list[str]:
    """Return which processes of one program lived on two sides at the same time."""
    never = float("inf")
    return [
        f"{one.pod} on {first.cluster.name} and {other.pod} on {second.cluster.name}"
        for one in first.acting
        for other in second.acting
        if one.program == other.program and one.began < (other.ended or never) and other.began < (one.ended or never)
    ]
