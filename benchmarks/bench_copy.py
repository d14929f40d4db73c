"""How fast `migrator copy` is, beside kubectl and beside the limit of the same API server, all in one run.

`make bench` runs it. Blue and green are etcd and an API server each, without controllers, so that only those and the
tool share the machine; every contender writes the same objects into a green of its own, begun anew.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import crds
import far
from stand import NAMESPACES, Bench, Manifest, forget, make_namespaces, run_migrator, write_all

from migrator.model.ref import ResourceType
from migrator.testbed.versions import BLUE, GREEN

RESULTS = Path(__file__).parent / "results"


def mixed_objects(count: int) -> list[tuple[ResourceType, Manifest]]:
    """Return `count` objects of twelve kinds, spread over namespaces, as a company's cluster may hold them."""
    types = _types()
    objects = []
    for number in range(count):
        kind = KINDS[number % len(KINDS)]
        namespace = f"bench-{number % NAMESPACES:02}"
        objects.append((types[kind], _manifest(kind, f"{kind.lower()}-{number:05}", namespace)))
    return objects


KINDS = (
    "ConfigMap", "Secret", "ConfigMap", "Deployment", "Secret", "Service", "ServiceAccount", "Role", "RoleBinding",
    "ConfigMap", "Secret", "CronJob", "PersistentVolumeClaim", "NetworkPolicy", "ConfigMap", "Secret", "Deployment",
    "PodDisruptionBudget", "Ingress", "ConfigMap",
)  # fmt: skip


def _types() -> dict[str, ResourceType]:
    rows = (
        ("", "v1", "configmaps", "ConfigMap"), ("", "v1", "secrets", "Secret"), ("", "v1", "services", "Service"),
        ("", "v1", "serviceaccounts", "ServiceAccount"), ("", "v1", "persistentvolumeclaims", "PersistentVolumeClaim"),
        ("apps", "v1", "deployments", "Deployment"), ("batch", "v1", "cronjobs", "CronJob"),
        ("rbac.authorization.k8s.io", "v1", "roles", "Role"), ("rbac.authorization.k8s.io", "v1", "rolebindings", "RoleBinding"),
        ("networking.k8s.io", "v1", "networkpolicies", "NetworkPolicy"), ("networking.k8s.io", "v1", "ingresses", "Ingress"),
        ("policy", "v1", "poddisruptionbudgets", "PodDisruptionBudget"),
    )  # fmt: skip
    return {kind: ResourceType(group, version, plural, kind, True, frozenset()) for group, version, plural, kind in rows}


def _manifest(kind: str, name: str, namespace: str) -> Manifest:
    resource_type = _types()[kind]
    labels = {"app.kubernetes.io/name": name, "app.kubernetes.io/part-of": "bench", "team": f"team-{len(name) % 7}"}
    head = {
        "apiVersion": resource_type.api_version,
        "kind": kind,
        "metadata": {"name": name, "namespace": namespace, "labels": labels},
    }
    return head | _body(kind, name, namespace, labels)


def _body(kind: str, name: str, namespace: str, labels: dict[str, str]) -> Manifest:
    text = "".join(f"setting_{index} = value-{name}-{index}\n" for index in range(30))
    container = {
        "name": "main",
        "image": f"registry.example.com/bench/{name}:1.0",
        "env": [{"name": f"VARIABLE_{index}", "value": f"value-{index}"} for index in range(10)],
        "resources": {"requests": {"cpu": "10m", "memory": "32Mi"}, "limits": {"memory": "64Mi"}},
        "ports": [{"name": "http", "containerPort": 8080}],
    }
    pod: Manifest = {"metadata": {"labels": labels}, "spec": {"containers": [container]}}
    selector = {"matchLabels": {"app.kubernetes.io/name": name}}
    port = {"name": "http", "port": 80, "targetPort": 8080}
    backend = {"service": {"name": "web", "port": {"number": 80}}}
    job = {"spec": {"template": {"spec": {**pod["spec"], "restartPolicy": "Never"}}}}
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "reader"}
    claim = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    bodies: dict[str, Manifest] = {
        "ConfigMap": {"data": {"settings.ini": text}},
        "Secret": {"stringData": {"settings.ini": text}},
        "Service": {"spec": {"selector": labels, "ports": [port]}},
        "ServiceAccount": {},
        "Deployment": {"spec": {"replicas": 2, "selector": selector, "template": pod}},
        "CronJob": {"spec": {"schedule": "0 3 * * *", "suspend": True, "jobTemplate": job}},
        "Role": {"rules": [{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get"]}]},
        "RoleBinding": {
            "roleRef": role,
            "subjects": [{"kind": "ServiceAccount", "name": "default", "namespace": namespace}],
        },
        "PersistentVolumeClaim": {"spec": claim},
        "NetworkPolicy": {"spec": {"podSelector": selector, "policyTypes": ["Ingress"]}},
        "Ingress": {
            "spec": {
                "rules": [
                    {
                        "host": f"{name}.example.com",
                        "http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": backend}]},
                    }
                ]
            }
        },
        "PodDisruptionBudget": {"spec": {"maxUnavailable": 1, "selector": selector}},
    }
    return bodies[kind]


def kubectl_apply(bench: Bench) -> float:
    """Copy the same objects with `kubectl get | kubectl apply --server-side`; return seconds."""
    kubectl = str(bench.store.kubernetes(GREEN, ("kubectl",))["kubectl"])
    kinds = ",".join(item.plural for item in _types().values())
    blue, green = f"--kubeconfig={bench.blue_bed.kubeconfig}", f"--kubeconfig={bench.green_bed.kubeconfig}"
    strip = bench.folder / "strip.py"
    strip.write_text(
        "import json, sys\n"
        "items = json.load(sys.stdin)['items']\n"
        "for item in items:\n"
        "    for key in ('uid', 'resourceVersion', 'managedFields', 'creationTimestamp', 'generation'):\n"
        "        item['metadata'].pop(key, None)\n"
        "    item.pop('status', None)\n"
        "    for key in ('clusterIP', 'clusterIPs'):\n"
        "        item.get('spec', {}).pop(key, None)\n"
        "json.dump({'apiVersion': 'v1', 'kind': 'List', 'items': items}, sys.stdout)\n"
    )
    began = time.monotonic()
    get = subprocess.Popen(
        [kubectl, blue, "get", kinds, "-A", "-o", "json", "-l", "app.kubernetes.io/part-of=bench"],
        stdout=subprocess.PIPE,
    )
    cut = subprocess.Popen([sys.executable, str(strip)], stdin=get.stdout, stdout=subprocess.PIPE)
    done = subprocess.run(
        [kubectl, green, "apply", "--server-side", "-f", "-"], stdin=cut.stdout, stdout=subprocess.DEVNULL, check=False
    )
    if get.wait() or cut.wait() or done.returncode:
        raise SystemExit("kubectl get | kubectl apply --server-side failed")
    return time.monotonic() - began


def measure(bench: Bench, count: int, *, with_kubectl: bool) -> dict[str, Any]:
    """Return the figures for one number of objects."""
    objects = mixed_objects(count)
    bench.blue(objects)
    result: dict[str, Any] = {"objects": count}
    green = bench.green()
    make_namespaces(green)
    limit = write_all(green, objects)
    result["limit_objects_per_s"] = round(count / limit, 1)
    if with_kubectl:
        make_namespaces(bench.green())
        result["kubectl_apply_objects_per_s"] = round(count / kubectl_apply(bench), 1)
    bench.green()
    forget(bench)
    plan, _ = run_migrator(bench, "plan")
    copy, peak = run_migrator(bench, "copy")
    resync, peak_resync = run_migrator(bench, "copy")
    result |= {
        "migrator_objects_per_s": round(count / copy, 1),
        "copy_seconds": round(copy, 2),
        "plan_seconds": round(plan, 2),
        "resync_seconds": round(resync, 2),
        "peak_rss_mib": round(max(peak, peak_resync), 1),
        "share_of_limit": round(limit / copy, 3),
        "plan_share_of_copy": round(plan / copy, 3),
        "resync_share_of_copy": round(resync / copy, 3),
    }
    if with_kubectl:
        result["times_kubectl_apply"] = round(result["migrator_objects_per_s"] / result["kubectl_apply_objects_per_s"], 2)
    return result


def machine() -> dict[str, Any]:
    """Return what the figures were taken on."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {
        "cpus": os.cpu_count(),
        "memory_gib": round(memory, 1),
        "architecture": platform.machine(),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "blue": BLUE,
        "green": GREEN,
        "date": time.strftime("%Y-%m-%d"),
        "load": [round(value, 1) for value in os.getloadavg()],
    }


def main() -> int:
    """Run the benchmark, print its table, write its JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--sizes",
        default="1000,10000,30000",
        help="numbers of objects, the one with kubectl beside it marked by --main",
    )
    parser.add_argument("--main", type=int, default=10000, help="the size that kubectl runs at too, and that the JSON is about")
    parser.add_argument("--parts", default="copy,crds,far", help="what is measured")
    parser.add_argument("--dir", type=Path, default=Path("build/bench"), help="folder for clusters and journals")
    parser.add_argument("--no-write", action="store_true", help="print only")
    options = parser.parse_args()
    options.dir.mkdir(parents=True, exist_ok=True)
    bench = Bench(options.dir.absolute())
    parts = options.parts.split(",")
    points = []
    others: dict[str, Any] = {}
    try:
        if "crds" in parts:
            others |= crds.measure(bench)
        if "far" in parts:
            others |= far.measure(bench, mixed_objects)
        print(json.dumps(others), flush=True)
        for size in (int(text) for text in options.sizes.split(",") if "copy" in parts):
            points.append(measure(bench, size, with_kubectl=size == options.main))
            print(json.dumps(points[-1]), flush=True)
    finally:
        bench.close()
    _table(points)
    if not options.no_write:
        _write(points, options.main, others)
    return 0


def _write(points: list[dict[str, Any]], main_size: int, others: dict[str, Any]) -> None:
    """Write what was measured; what was not keeps its last result."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / "copy.json"
    before = json.loads(path.read_text()) if path.exists() else {}
    main_point = next((point for point in points if point["objects"] == main_size), {})
    document = before | main_point | others | ({"points": points} if points else {}) | {"machine": machine()}
    path.write_text(json.dumps(document, indent=2) + "\n")


def _table(points: list[dict[str, Any]]) -> None:
    columns = (
        "objects",
        "migrator_objects_per_s",
        "limit_objects_per_s",
        "share_of_limit",
        "kubectl_apply_objects_per_s",
        "times_kubectl_apply",
        "plan_seconds",
        "copy_seconds",
        "resync_seconds",
        "peak_rss_mib",
    )
    print(" | ".join(columns))
    for point in points:
        print(" | ".join(str(point.get(column, "-")).rjust(len(column)) for column in columns))


if __name__ == "__main__":
    sys.exit(main())
