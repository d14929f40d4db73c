"""The sample application on real nodes, and the tool as a person runs it against them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from migrator.adapters.clock import SystemClock
from migrator.kube.access import received_access
from migrator.kube.cluster import KubeCluster
from migrator.testbed.balancer import Balancer, Load, load
from migrator.testbed.machines.registry import WEB_IMAGE
from migrator.testbed.versions import BLUE, GREEN
from tests.support.project import Project

PORT = 30080


def shop() -> list[dict[str, Any]]:
    """Return the sample application: real pods behind a NodePort."""
    labels = {"app": "web"}
    probe = {"httpGet": {"path": "/", "port": 8080}, "periodSeconds": 1}
    container = {
        "name": "web",
        "image": WEB_IMAGE,
        "env": [{"name": "ANSWER", "valueFrom": {"configMapKeyRef": {"name": "web", "key": "answer"}}}],
        "envFrom": [{"secretRef": {"name": "web"}}],
        "readinessProbe": probe,
        "resources": {"requests": {"cpu": "10m", "memory": "16Mi"}},
    }
    spread = {
        "maxSkew": 1,
        "topologyKey": "kubernetes.io/hostname",
        "whenUnsatisfiable": "ScheduleAnyway",
        "labelSelector": {"matchLabels": labels},
    }
    pod = {"containers": [container], "serviceAccountName": "web", "topologySpreadConstraints": [spread]}

    def named(kind: str, api: str, **rest: Any) -> dict[str, Any]:
        return {"apiVersion": api, "kind": kind, "metadata": {"name": "web", "namespace": "shop"}, **rest}

    job = {"template": {"spec": {"restartPolicy": "Never", "containers": [{"name": "report", "image": WEB_IMAGE}]}}}
    return [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}},
        named("ServiceAccount", "v1"),
        named("ConfigMap", "v1", data={"answer": "shop"}),
        named("Secret", "v1", stringData={"TOKEN": "not-shown"}),
        named(
            "Deployment",
            "apps/v1",
            spec={"replicas": 2, "selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels}, "spec": pod}},
        ),
        named(
            "Service",
            "v1",
            spec={"type": "NodePort", "selector": labels, "ports": [{"port": 80, "targetPort": 8080, "nodePort": PORT}]},
        ),
        named("PodDisruptionBudget", "policy/v1", spec={"minAvailable": 1, "selector": {"matchLabels": labels}}),
        named("CronJob", "batch/v1", spec={"schedule": "0 3 * * *", "jobTemplate": {"spec": job}}),
        named(
            "NetworkPolicy",
            "networking.k8s.io/v1",
            spec={"podSelector": {"matchLabels": labels}, "policyTypes": ["Ingress"], "ingress": [{}]},
        ),
        named("Role", "rbac.authorization.k8s.io/v1", rules=[{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get"]}]),
        named(
            "RoleBinding",
            "rbac.authorization.k8s.io/v1",
            roleRef={"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "web"},
            subjects=[{"kind": "ServiceAccount", "name": "web", "namespace": "shop"}],
        ),
    ]


class Journey:
    """Runs steps and remembers how long each took."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self.steps: list[dict[str, Any]] = []
        self.loads: dict[str, Load] = {}
        self.said = ""
        """What the last verb has told on its way."""

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Time one step."""
        begun = time.monotonic()
        yield
        self.steps.append({"name": name, "seconds": round(time.monotonic() - begun, 1)})
        print(f"e2e: {name}: {self.steps[-1]['seconds']} s", file=sys.__stderr__, flush=True)

    @contextmanager
    def under_load(self, name: str, balancer: Balancer) -> Iterator[None]:
        """Send requests all the while."""
        with load(balancer.port) as seen:
            yield
        self.loads[name] = seen

    def migrator(self, *words: str) -> str:
        """Run the tool as a person does."""
        done = subprocess.run(
            [sys.executable, "-m", "migrator", *words],
            cwd=self.project.folder,
            env=dict(self.project.engine.environment),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"migrator {' '.join(words)} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}"
        self.said = done.stderr
        return done.stdout

    def result(self) -> dict[str, Any]:
        """Return what the result file holds."""
        everything = self.loads.values()
        return {
            "steps": self.steps,
            "requests": sum(item.requests for item in everything),
            "failed_requests": sum(len(item.failures) for item in everything),
            "longest_gap_ms": {name: round(item.longest_gap_ms, 1) for name, item in self.loads.items()},
            "machine": {
                "cpus": os.cpu_count(),
                "blue": BLUE,
                "green": GREEN,
                "plugins_stood_in_for": list(self.project.engine.stand_ins),
            },
        }


def cluster(project: Project, stack: str) -> KubeCluster:
    """Return a stack's cluster, from its outputs."""
    outputs = project.engine.outputs(stack)
    endpoint = outputs["apiServer"].removeprefix("https://")
    access = received_access(outputs["kubeconfig"], endpoint=endpoint, cluster=stack, where="stack")
    return KubeCluster(stack, access, clock=SystemClock(), patience=30)


def ready_pods(project: Project, name: str) -> int:
    """Return how many pods of the shop are Ready."""
    pods = json.loads(project.kubectl(name, "-n shop get pods -l app=web -o json"))["items"]
    return sum(any(c["type"] == "Ready" and c["status"] == "True" for c in pod["status"].get("conditions", [])) for pod in pods)


def configure_upgrade(project: Project, version: str) -> None:
    """Write the stack `blue`: pods may run on the control plane, or those of a drained worker would have nowhere to go."""
    settings = project.settings("blue", version)
    settings["config"]["migrator:cluster"]["nodes"][0]["taints"] = []
    project.stack("blue", settings)
