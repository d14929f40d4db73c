"""How long the CRDs of a dozen projects take until their objects can be written: three ways, each into a fresh green."""

from __future__ import annotations

import json
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import orjson
from stand import Bench, Manifest, forget, run_migrator, seconds_of_writing

from migrator.kube.cluster import KubeCluster
from migrator.model.kinds import DEFINITIONS
from migrator.model.manifest import get
from migrator.testbed.versions import GREEN

COUNT, GROUPS = 126, 12
THREADS = 8
_POLL = 0.25


def definitions() -> list[Manifest]:
    """Return CRDs with schemas of 560 kB in all; each tenth is as large as one that holds a pod template."""
    return [_definition(number) for number in range(COUNT)]


def _definition(number: int) -> Manifest:
    group, kind = f"project-{number % GROUPS:02}.example.com", f"Thing{number:03}"
    plural = kind.lower() + "s"
    spec = _object(8 if number % 10 else 60)
    schema = {"type": "object", "properties": {"spec": spec, "status": _object(2)}}
    version = {
        "name": "v1",
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": schema},
        "subresources": {"status": {}},
        "additionalPrinterColumns": [{"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"}],
    }
    return {
        "apiVersion": DEFINITIONS.api_version,
        "kind": DEFINITIONS.kind,
        "metadata": {"name": f"{plural}.{group}"},
        "spec": {
            "group": group,
            "scope": "Namespaced",
            "names": {"kind": kind, "listKind": f"{kind}List", "plural": plural, "singular": kind.lower()},
            "versions": [version],
        },
    }


def _object(members: int) -> Manifest:
    text = "What this setting does, in the words of the people who have written it, and which values it may have."
    leaf = {"type": "string", "description": text, "maxLength": 253}
    inner = {"type": "object", "properties": {"name": leaf, "mode": {"type": "string", "enum": ["a", "b"]}}, "required": ["name"]}
    properties = {
        f"setting{index:02}": {"type": "array", "items": inner, "maxItems": 16} if index % 2 else leaf for index in range(members)
    }
    return {"type": "object", "description": text, "properties": properties}


def measure(bench: Bench) -> dict[str, Any]:
    """Return the seconds of each way, and of the best besides this tool."""
    manifests = definitions()
    bench.blue([])
    _with_threads(bench.blue_cluster(), manifests)
    bench.green()
    kubectl = _with_kubectl(bench, manifests)
    threads = _with_threads(bench.green(), manifests)
    bench.green()
    forget(bench)
    run_migrator(bench, "copy")
    seconds = seconds_of_writing(bench, until="copy-ended")[1]
    best = min(kubectl, threads)
    return {
        "crds": COUNT,
        "crd_schemas_kb": round(sum(len(orjson.dumps(manifest)) for manifest in manifests) / 1000),
        "crd_seconds": round(seconds, 2),
        "crd_seconds_best": round(best, 2),
        "crd_seconds_kubectl": round(kubectl, 2),
        "crd_seconds_threads": round(threads, 2),
        "crd_times_best": round(seconds / best, 3),
    }


def _with_kubectl(bench: Bench, manifests: list[Manifest]) -> float:
    """Create them with kubectl, and let it wait until all are established."""
    kubectl = str(bench.store.kubernetes(GREEN, ("kubectl",))["kubectl"])
    file = bench.folder / "crds.json"
    file.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": manifests}))
    command = [kubectl, f"--kubeconfig={bench.green_bed.kubeconfig}"]
    began = time.monotonic()
    subprocess.run([*command, "create", "-f", str(file)], stdout=subprocess.DEVNULL, check=True)
    waiting = [*command, "wait", "--for=condition=Established", "crd", "--all", "--timeout=300s"]
    subprocess.run(waiting, stdout=subprocess.DEVNULL, check=True)
    return time.monotonic() - began


def _with_threads(cluster: KubeCluster, manifests: list[Manifest]) -> float:
    """Create them with eight threads, then list all until each is established."""
    began = time.monotonic()
    with ThreadPoolExecutor(THREADS) as pool:
        for _ in pool.map(lambda item: cluster.create(DEFINITIONS, "", orjson.dumps(item), manager="bench"), manifests):
            pass
    while True:
        conditions = [get(item, "status", "conditions") or [] for item in cluster.list(DEFINITIONS)]
        ready = [any(part["type"] == "Established" and part["status"] == "True" for part in parts) for parts in conditions]
        if sum(ready) == len(manifests):
            return time.monotonic() - began
        time.sleep(_POLL)
