"""One test's own corner of the two clusters: a namespace on blue, a folder, and the command line."""

from __future__ import annotations

import contextlib
import io
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import yaml

from migrator.cli.boundary import guarded
from migrator.cli.main import group
from migrator.errors import NotFoundError
from migrator.kube.cluster import KubeCluster
from migrator.model.manifest import Manifest
from migrator.model.ref import ResourceType
from migrator.testbed.planes.deploy import deploy
from migrator.testbed.planes.pair import Testbed
from migrator.testbed.waiting import PATIENCE_SECONDS

SLICE_SECONDS = 0.005
TYPES: dict[str, ResourceType] = {
    kind: ResourceType(api, version, plural, kind, namespaced, frozenset())
    for api, version, plural, kind, namespaced in (
        ("", "v1", "configmaps", "ConfigMap", True),
        ("", "v1", "secrets", "Secret", True),
        ("", "v1", "services", "Service", True),
        ("", "v1", "serviceaccounts", "ServiceAccount", True),
        ("", "v1", "persistentvolumeclaims", "PersistentVolumeClaim", True),
        ("", "v1", "persistentvolumes", "PersistentVolume", False),
        ("", "v1", "namespaces", "Namespace", False),
        ("", "v1", "nodes", "Node", False),
        ("", "v1", "pods", "Pod", True),
        ("", "v1", "resourcequotas", "ResourceQuota", True),
        ("", "v1", "endpoints", "Endpoints", True),
        ("apps", "v1", "deployments", "Deployment", True),
        ("apps", "v1", "replicasets", "ReplicaSet", True),
        ("apps", "v1", "statefulsets", "StatefulSet", True),
        ("apps", "v1", "daemonsets", "DaemonSet", True),
        ("batch", "v1", "jobs", "Job", True),
        ("batch", "v1", "cronjobs", "CronJob", True),
        ("discovery.k8s.io", "v1", "endpointslices", "EndpointSlice", True),
        ("policy", "v1", "poddisruptionbudgets", "PodDisruptionBudget", True),
        ("rbac.authorization.k8s.io", "v1", "rolebindings", "RoleBinding", True),
        ("rbac.authorization.k8s.io", "v1", "clusterrolebindings", "ClusterRoleBinding", False),
        ("networking.k8s.io", "v1", "networkpolicies", "NetworkPolicy", True),
        ("apiextensions.k8s.io", "v1", "customresourcedefinitions", "CustomResourceDefinition", False),
        ("admissionregistration.k8s.io", "v1", "validatingwebhookconfigurations", "ValidatingWebhookConfiguration", False),
        ("admissionregistration.k8s.io", "v1", "mutatingwebhookconfigurations", "MutatingWebhookConfiguration", False),
        ("apiregistration.k8s.io", "v1", "apiservices", "APIService", False),
        ("coordination.k8s.io", "v1", "leases", "Lease", True),
        ("storage.k8s.io", "v1", "csinodes", "CSINode", False),
        ("storage.k8s.io", "v1", "volumeattachments", "VolumeAttachment", False),
    )
}


@dataclass(slots=True, frozen=True)
class Pair:
    """The two real clusters of a test run."""

    blue: KubeCluster
    green: KubeCluster
    kubeconfig: Path
    testbed: Testbed


@dataclass(slots=True, frozen=True)
class Result:
    """What a run of the command line said."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """The JSON on stdout."""
        return orjson.loads(self.out)

    def object(self, name: str) -> dict[str, Any]:
        """Return the entry of one object in a plan's JSON."""
        found: dict[str, Any] = next(item for item in self.document["objects"] if item["object"] == name)
        return found


@dataclass(slots=True)
class Sandbox:
    """A namespace, a folder with a migration.yaml, and the command line."""

    pair: Pair
    namespace: str
    folder: Path

    def configure(self, **more: Any) -> None:
        """Write migration.yaml: this namespace only, but for what `more` says."""
        config: dict[str, Any] = {
            "name": self.namespace,
            "blue": {"kubeconfig": str(self.pair.kubeconfig), "context": "blue"},
            "green": {"kubeconfig": str(self.pair.kubeconfig), "context": "green"},
            "move": {"namespaces": {"include": [self.namespace]}, "clusterScoped": False},
            "gates": {"readyTimeout": "60s", "backendTimeout": "2s"},
        }
        for key, value in more.items():
            config[key] = {**config[key], **value} if isinstance(config.get(key), dict) else value
        (self.folder / "migration.yaml").write_text(yaml.safe_dump(config))

    def on_blue(self, *manifests: Manifest, manager: str = "kubectl-create") -> list[Manifest]:
        """Create objects on blue, in this namespace where they name none."""
        return deploy(self.pair.blue, [self.placed(item) for item in manifests], manager=manager)

    def on_green(self, *manifests: Manifest, manager: str = "kubectl-create") -> list[Manifest]:
        """Create objects on green."""
        return deploy(self.pair.green, [self.placed(item) for item in manifests], manager=manager)

    def placed(self, manifest: Manifest) -> Manifest:
        """Return the manifest with this namespace, unless it is cluster-scoped or names one."""
        if not TYPES.get(manifest["kind"], TYPES["ConfigMap"]).namespaced:
            return manifest
        return {**manifest, "metadata": {"namespace": self.namespace, **manifest["metadata"]}}

    def green(self, kind: str, name: str, namespace: str = "") -> Manifest:
        """Return an object of green."""
        return self._get(self.pair.green, kind, name, namespace)

    def blue(self, kind: str, name: str) -> Manifest:
        """Return an object of blue."""
        return self._get(self.pair.blue, kind, name, "")

    def absent(self, kind: str, name: str) -> bool:
        """Return whether green has no such object."""
        try:
            self.green(kind, name)
        except NotFoundError:
            return True
        return False

    def has_default_account(self) -> bool:
        """Return whether blue's controller has made this namespace's default account, which pods need."""
        try:
            self.blue("ServiceAccount", "default")
        except NotFoundError:
            return False
        return True

    def run(self, *arguments: str) -> Result:
        """Run the command line in this process, in the sandbox's folder."""
        out, err = io.StringIO(), io.StringIO()
        with contextlib.chdir(self.folder), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = guarded(lambda: _main(list(arguments)))
        return Result(code, out.getvalue(), err.getvalue())

    def json(self, *arguments: str) -> Result:
        """Run the command line with `-o json`."""
        return self.run(arguments[0], "-o", "json", *arguments[1:])

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        """Start the installed command as a process of its own."""
        # A test run that was started in the background, or by nohup, ignores ^C or a hang-up, and its children would.
        command = ["env", "--default-signal=HUP,INT,TERM", sys.executable, "-m", "migrator", *arguments]
        return subprocess.Popen(command, cwd=self.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=os.environ)

    @property
    def journal(self) -> Path:
        """The journal's file."""
        return self.folder / ".migrator" / self.namespace / "journal.jsonl"

    def events(self, name: str) -> list[dict[str, Any]]:
        """Return the journal's lines of one event."""
        return events(self.journal, name)

    def _get(self, cluster: KubeCluster, kind: str, name: str, namespace: str) -> Manifest:
        resource = TYPES[kind]
        return cluster.get(resource, (namespace or self.namespace) if resource.namespaced else "", name)


def _main(arguments: list[str]) -> None:
    import click

    code = group.main(arguments, standalone_mode=False, prog_name="migrator")
    if isinstance(code, int) and code:
        raise click.exceptions.Exit(code)


def one_line(result: Result) -> str:
    """Return the error's line; fails when there are more, or a trace."""
    lines = [line for line in result.err.splitlines() if line.startswith("migrator:")]
    assert len(lines) == 1, result.err
    assert "Traceback" not in result.err
    return lines[0]


def events(journal: Path, name: str) -> list[dict[str, Any]]:
    """Return the whole lines of one event in a journal; one that is being written is none yet."""
    lines = journal.read_bytes().splitlines(keepends=True) if journal.exists() else []
    found = (orjson.loads(line) for line in lines if line.endswith(b"\n"))
    return [line for line in found if line["event"] == name]


def freeze_when(child: subprocess.Popen[bytes], condition: Callable[[], bool]) -> None:
    """Stop a process once a condition holds; it runs in short slices, and stands still while the condition is looked at.

    So it cannot have ended before the condition is seen, however busy the machine is. SIGCONT lets it go on.
    """
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(SLICE_SECONDS)
        assert child.poll() is None, child.communicate()
        child.send_signal(signal.SIGSTOP)
        if condition():
            return
        assert time.monotonic() < deadline, "did not happen in time"
        child.send_signal(signal.SIGCONT)


def until(condition: Callable[[], bool], *, seconds: float = PATIENCE_SECONDS, every: float = 0.1) -> None:
    """Wait for what a controller will do; fails the test when it does not, also on a machine that is busy."""
    deadline, pause = time.monotonic() + seconds, 0.01
    while not condition():
        assert time.monotonic() < deadline, "did not happen in time"
        time.sleep(pause)
        pause = min(2 * pause, every)
