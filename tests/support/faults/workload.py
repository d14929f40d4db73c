"""What blue holds in a round: some forty objects, and what of them must be true on green afterwards."""

from __future__ import annotations

import base64
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import orjson

from migrator.model.manifest import Manifest
from tests.support.objects import config_map, cron_job, deployment, job, made, service
from tests.support.sandbox import TYPES, Sandbox, until

TICK = "tick"
"""The CronJob of every minute."""
KINDS = ("ConfigMap", "Secret", "ServiceAccount", "Service", "Deployment", "Job", "CronJob")
_BY_CONTROLLERS = frozenset({"ConfigMap/kube-root-ca.crt", "ServiceAccount/default"})
_CONFIG_MAPS, _SECRETS = 22, 8


def fill(sandbox: Sandbox, value: str) -> None:
    """Make the objects on blue; returns when the Jobs among them have ended. `value` is the content of each Secret."""
    parent = _made(sandbox, config_map("parent", {"a": "1"}))
    child = _made(sandbox, config_map("child", {"b": "2"}, owners=[_reference(parent)]))
    chained = job("chained")
    chained["metadata"]["ownerReferences"] = [_reference(child)]
    rest = [
        cron_job(TICK, schedule="* * * * *", successfulJobsHistoryLimit=20),
        job("once"),
        chained,
        *(config_map(f"settings-{number}", {"number": str(number)}) for number in range(_CONFIG_MAPS)),
        *(made("v1", "Secret", f"key-{number}", stringData={"value": value}) for number in range(_SECRETS)),
        made("v1", "ServiceAccount", "app"),
        service("web"),
        service("api"),
        deployment("web"),
    ]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda item: _made(sandbox, item), rest))
    until(lambda: all(_finished(sandbox.blue("Job", name)) for name in ("once", "chained")))


def _made(sandbox: Sandbox, manifest: Manifest) -> Manifest:
    body = orjson.dumps(sandbox.placed(manifest))
    return sandbox.pair.blue.create(TYPES[manifest["kind"]], sandbox.namespace, body, manager="kubectl-create")


def _reference(owner: Manifest) -> dict[str, str]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "name": owner["metadata"]["name"], "uid": owner["metadata"]["uid"]}


def held(sandbox: Sandbox, side: str) -> dict[str, Manifest]:
    """Return what a side holds of what moves, by `Kind/name`."""
    cluster = getattr(sandbox.pair, side)
    found = {f"{kind}/{item['metadata']['name']}": item for kind in KINDS for item in cluster.list(TYPES[kind], sandbox.namespace)}
    return {name: item for name, item in found.items() if name not in _BY_CONTROLLERS and not _of_tick(item)}


def content(item: Manifest) -> Any:
    """Return of an object what must be the same on both sides."""
    spec = item.get("spec") or {}
    match item["kind"]:
        case "ConfigMap" | "Secret":
            return item.get("data")
        case "Service":
            return spec.get("ports"), spec.get("selector")
        case "Deployment":
            return spec.get("replicas"), spec.get("selector"), spec.get("template")
        case "CronJob":
            return spec.get("schedule"), spec.get("jobTemplate")
        case "Job":
            return _finished(item), (spec.get("template") or {}).get("spec")
    return None


def owners(item: Manifest) -> set[tuple[str, str]]:
    """Return names and UIDs of an object's owners."""
    return {(owner["name"], owner["uid"]) for owner in item["metadata"].get("ownerReferences") or []}


def runs(sandbox: Sandbox, side: str) -> dict[str, list[str]]:
    """Return each Job that has run on a side, with the names of its pods.

    A Job of the CronJob runs where it is, since such Jobs are not moved; of others only a pod is proof of a run.
    """
    cluster = getattr(sandbox.pair, side)
    names = (item["metadata"]["name"] for item in cluster.list(TYPES["Job"], sandbox.namespace))
    found: dict[str, list[str]] = {name: [] for name in names if minute(name) is not None}
    for pod in cluster.list(TYPES["Pod"], sandbox.namespace):
        for owner in pod["metadata"].get("ownerReferences") or []:
            if owner["kind"] == "Job":
                found.setdefault(owner["name"], []).append(pod["metadata"]["name"])
    return found


def minute(job_name: str) -> int | None:
    """Return for which minute since 1970 a Job of the CronJob ran: its controller writes it at the end of the name."""
    name, _, number = job_name.rpartition("-")
    return int(number) if name == TICK and number.isdigit() else None


def traces(value: str) -> tuple[bytes, ...]:
    """Return how a value may look in a file: as it is, and as an API server writes it."""
    return value.encode(), base64.b64encode(value.encode())


def _finished(item: Manifest) -> str:
    conditions = (item.get("status") or {}).get("conditions") or []
    return next((one["type"] for one in conditions if one["status"] == "True" and one["type"] in ("Complete", "Failed")), "")


def _of_tick(item: Manifest) -> bool:
    return item["kind"] == "Job" and minute(item["metadata"]["name"]) is not None
