"""A control plane on which second servers can be started, and something that restarts its static pods."""

from __future__ import annotations

import json
from collections.abc import Iterable

from migrator.errors import CommandFailedError
from migrator.nodes.paths import MANIFESTS
from migrator.ports import Host
from tests.support.hosts import FakeHost

SECOND, REGULAR = "[+]etcd-override-readiness-0 ok\nreadyz check passed", "[+]etcd ok\nreadyz check passed"
AWAY = ""
SHARED = "kube-apiserver\n--permit-port-sharing=true\n"
PODS = {name: json.dumps({"spec": {"containers": [{"name": name, "image": name}]}}) for name in ("kube-apiserver", "etcd")}


class Plane(FakeHost):
    """A control plane with one API server, whose port is asked again and again."""

    def __init__(self, answers: Iterable[str], *, left: bool = False, flags: str = SHARED) -> None:
        super().__init__("cp", accepts=["VmRSS", "install -d -m 700 /run/migrator/second", f"test -s {MANIFESTS}/etcd.yaml"])
        self.shares = True
        """Whether the manifest that is there in the end lets the port be shared."""
        self.runs_on = False
        """Whether the regular API server of before is never ended."""
        self.units = {"api"} if left else set[str]()
        said = iter(answers)
        self.answers = {
            "systemctl stop migrator-second-api migrator-second-etcd": lambda _: self._ended(),
            "systemd-run": self._started,
            "etcd.serves": self._not_yet,
            "api.pid)/comm": self._runs_on,
            "steer.pl": "",
            "systemctl is-active": self._active,
            "journalctl": "no etcd",
            "readyz": lambda _: next(said),
            "cmdline": flags,
            "grep -q -e ' --permit-port-sharing=true$'": "",
            "grep -q -e '--permit-port-sharing' ": self._shares,
            "get configmap kubeadm-config -o json": json.dumps({"data": {"ClusterConfiguration": "apiServer: {}\n"}}),
            "patch configmap kubeadm-config": "",
            "umask 077\nsed 's/": self._wrote,
            "crictl inspectp": json.dumps({"status": {"annotations": {"kubernetes.io/config.source": "file"}}}),
            "crictl inspecti": "{}",
            "crictl inspect ": lambda line: json.dumps({"status": {"imageRef": line.split()[-1]}, "info": {"pid": 7}}),
            "crictl ps": self._listed,
        }
        self.files = {f"{MANIFESTS}/{name}.yaml": text for name, text in PODS.items()}

    def _runs_on(self, line: str) -> str:
        if not self.runs_on:
            raise CommandFailedError(line, 1, "")
        return ""

    def _not_yet(self, line: str) -> str:
        raise CommandFailedError(line, 1, "")

    def _shares(self, line: str) -> str:
        if not self.shares:
            raise CommandFailedError(line, 1, "")
        return ""

    def _wrote(self, _: str) -> str:
        self.shares = True
        return ""

    def _started(self, line: str) -> str:
        self.units.add("etcd" if "unit=migrator-second-etcd" in line else "api")
        return ""

    def _ended(self) -> str:
        self.units.clear()
        return ""

    def _active(self, line: str) -> str:
        if not any(f"migrator-second-{unit}" in line for unit in self.units):
            raise CommandFailedError(line, 3, "")
        return ""

    def _listed(self, line: str) -> str:
        name = "etcd" if "name=etcd" in line else "kube-apiserver"
        labels = {"container.name": name, "pod.namespace": "kube-system", "pod.name": f"{name}-cp"}
        listed = {"id": name, "podSandboxId": "s", "labels": {f"io.kubernetes.{key}": value for key, value in labels.items()}}
        return json.dumps({"containers": [listed]})


class Swap:
    """Something that restarts static pods; it remembers which second servers there were meanwhile."""

    name = "swap"

    def __init__(self, *, done: bool = False) -> None:
        self.meanwhile: set[str] | None = None
        self._done = done

    def done(self, host: Host) -> bool:
        """Return whether it was done."""
        del host
        return self._done

    def run(self, host: Host) -> None:
        """Look, and be done."""
        assert isinstance(host, Plane)
        self.meanwhile, self._done = set(host.units), True
