"""The whole journey on real nodes: two clusters made by Pulumi, a move under load, back, there again, blue retired."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import orjson
import yaml

from migrator.kube.access import access_from
from migrator.kube.cluster import KubeCluster
from migrator.testbed.balancer import Balancer, Load, balancing, load
from migrator.testbed.machines.registry import WEB_IMAGE
from migrator.testbed.planes.deploy import deploy
from migrator.testbed.versions import BLUE, GREEN
from tests.e2e.conftest import ROOT, Project
from tests.support.sandbox import until

SECONDS = 150

PORT = 30080
READY_SECONDS = 120.0


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
    content = yaml.safe_load(project.engine.outputs(stack)["kubeconfig"])
    return KubeCluster(stack, access_from(content, cluster=stack, where="stack"), patience=30)


def ready_pods(project: Project, name: str) -> int:
    """Return how many pods of the shop are Ready."""
    pods = json.loads(project.kubectl(name, "-n shop get pods -l app=web -o json"))["items"]
    return sum(any(c["type"] == "Ready" and c["status"] == "True" for c in pod["status"].get("conditions", [])) for pod in pods)


def test_a_cluster_moves_to_the_next_minor_and_back_and_loses_no_request(project: Project) -> None:
    """From empty hosts to traffic on green, rollback, green again, blue retired and destroyed: zero failed requests."""
    journey = Journey(project)
    with journey.step("boot nodes"):
        project.lab("blue", 2, BLUE)
        project.lab("green", 2, GREEN)
    for name, version in (("blue", BLUE), ("green", GREEN)):
        project.stack(name, project.settings(name, version, migratorRole=name))
        with journey.step(f"pulumi up {name}"):
            project.up(name)
    with journey.step("second pulumi up green"):
        project.up("green")
    assert set(project.changes("green")) == {"same"}

    with journey.step("shop on blue"):
        deploy(cluster(project, "blue"), shop())
        until(lambda: ready_pods(project, "blue") == 2, seconds=READY_SECONDS)
    addresses = {name: project.labs[name].status().machines[1].address for name in ("blue", "green")}
    with balancing(
        project.folder / "haproxy", blue=f"{addresses['blue']}:{PORT}", green=f"{addresses['green']}:{PORT}"
    ) as balancer:
        (project.folder / "migration.yaml").write_text(yaml.safe_dump(migration(balancer)))
        for verb in ("plan", "copy", "validate"):
            with journey.step(verb):
                journey.migrator(verb)
        assert ready_pods(project, "green") == 2
        for verb in ("cutover", "rollback"):
            with journey.step(verb), journey.under_load(verb, balancer):
                journey.migrator(verb, "--yes")
        with journey.step("cutover again"), journey.under_load("cutover again", balancer):
            journey.migrator("validate")
            journey.migrator("cutover", "--yes")
        with journey.step("retire"):
            journey.migrator("retire", "--yes")
        with journey.step("pulumi destroy blue"), journey.under_load("destroy", balancer):
            project.engine.run("destroy", "--yes", "--skip-preview", "--stack", "blue")
    result = journey.result()
    print(f"\nthe whole journey: {result['requests']} requests, {result['failed_requests']} failed", file=sys.__stderr__)
    assert [failure for seen in journey.loads.values() for failure in seen.failures] == []
    assert project.labs["blue"].status().running, "destroy leaves the hosts on"
    if os.environ.get("MIGRATOR_WRITE_RESULTS"):
        (ROOT / "benchmarks/results/journey.json").write_bytes(orjson.dumps(result, option=orjson.OPT_INDENT_2) + b"\n")


def migration(balancer: Balancer) -> dict[str, Any]:
    """Return the file of this move."""
    haproxy = {
        "socket": str(balancer.socket),
        "backend": "shop",
        "blue": ["blue"],
        "green": ["green"],
        "stateFile": str(balancer.state_file),
    }
    return {
        "apiVersion": "migrator/v1",
        "name": "journey",
        "blue": {"stack": "blue"},
        "green": {"stack": "green"},
        "move": {"namespaces": {"include": ["shop"]}},
        "probes": [{"name": "front page", "http": {"url": f"http://127.0.0.1:{balancer.port}/"}}],
        "traffic": {"haproxy": haproxy, "steps": [25, 50, 100], "soak": "2s"},
        "gates": {"readyTimeout": "2m"},
        "retire": {"soak": "0s"},
    }
