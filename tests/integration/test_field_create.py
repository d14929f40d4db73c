"""What a create alone cannot bring to green: ends of runs, rollouts that do not go on, what validation only takes from an update."""

from __future__ import annotations

import base64
import json
import urllib.request
import uuid
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest

from migrator.errors import ApiError
from migrator.model.manifest import Manifest, get
from migrator.model.ref import ResourceType
from migrator.readiness.kinds import works
from migrator.testbed.binaries import Store
from migrator.testbed.planes import pair as planes
from migrator.testbed.planes.control_plane import Recipe
from migrator.testbed.versions import BLUE
from tests.support.objects import config_map, crd, deployment, made, service
from tests.support.sandbox import TYPES, Pair, Sandbox, until

INGRESSES = ResourceType("networking.k8s.io", "v1", "ingresses", "Ingress", True, frozenset())
CLASS = "kubernetes.io/ingress.class"
BEGAN, ENDED = "2023-02-01T03:00:00Z", "2023-02-01T03:01:00Z"


def available(sandbox: Sandbox, side: str, name: str) -> int:
    """Return how many pods of a Deployment work on blue or green."""
    return works(getattr(sandbox, side)("Deployment", name)) or 0


def failures(sandbox: Sandbox) -> list[str]:
    """Return what `validate` fails for."""
    return [item["subject"] for item in sandbox.json("validate").document["findings"] if item["severity"] == "failure"]


def with_old_pods(sandbox: Sandbox, **spec: Any) -> None:
    """Have three pods of version 1 do the work of a Deployment on blue, and change it in a way that no new pod can follow."""
    manifest = deployment("worker", 3)
    manifest["spec"] |= {"progressDeadlineSeconds": 5, "strategy": {"rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}}}
    sandbox.on_blue(manifest)
    until(lambda: available(sandbox, "blue", "worker") == 3)
    image = [{"name": "main", "image": "registry.example.com/team/app:2"}]
    changed = {"template": {"spec": {"containers": image, "nodeSelector": {"nowhere.example.com/none": "true"}}}}
    patch = {"spec": {**changed, **spec}}
    sandbox.pair.blue.patch(TYPES["Deployment"], sandbox.namespace, "worker", patch, manager="kubectl-patch")


def image(sandbox: Sandbox) -> str:
    """Return the image of green's Deployment."""
    return str(sandbox.green("Deployment", "worker")["spec"]["template"]["spec"]["containers"][0]["image"])


def is_late(sandbox: Sandbox) -> bool:
    """Return whether the rollout on blue is past its deadline."""
    conditions = get(sandbox.blue("Deployment", "worker"), "status", "conditions") or []
    return any(item.get("reason") == "ProgressDeadlineExceeded" for item in conditions)


def test_pods_of_a_stuck_rollout_work_on_green_too(sandbox: Sandbox) -> None:
    """Green starts the revision whose pods do the work; once the rollout is undone on blue, nothing is left to change."""
    with_old_pods(sandbox)
    until(lambda: is_late(sandbox))
    (note,) = sandbox.json("plan").object(f"Deployment.apps/{sandbox.namespace}/worker")["notes"]
    assert "is stuck: green starts revision 1" in note
    assert sandbox.run("copy").code == 0
    until(lambda: available(sandbox, "green", "worker") == 3)
    assert image(sandbox).endswith(":1")
    assert failures(sandbox) == []


def test_green_fails_where_fewer_pods_work_than_on_blue(sandbox: Sandbox) -> None:
    """That blue's rollout is not finished either is not an excuse: its pods do the work."""
    with_old_pods(sandbox)
    until(lambda: is_late(sandbox))
    sandbox.run("copy")
    until(lambda: available(sandbox, "green", "worker") == 3)
    away = {
        "spec": {
            "template": {"spec": {"nodeSelector": {"nowhere.example.com/none": "true"}}},
            "strategy": {"type": "Recreate", "rollingUpdate": None},
        }
    }
    sandbox.pair.green.patch(TYPES["Deployment"], sandbox.namespace, "worker", away, manager="kubectl-patch")
    until(lambda: available(sandbox, "green", "worker") == 0)
    sandbox.configure(gates={"readyTimeout": "1s"})
    assert f"Deployment.apps/{sandbox.namespace}/worker" in failures(sandbox)


def test_a_paused_rollout_starts_on_green_and_stays_paused(sandbox: Sandbox) -> None:
    """A Deployment that is created paused gets no pods; this one gets those of blue's revision."""
    with_old_pods(sandbox, paused=True)
    until(lambda: get(sandbox.blue("Deployment", "worker"), "status", "observedGeneration") == 2)
    assert sandbox.run("copy").code == 0
    until(lambda: available(sandbox, "green", "worker") == 3)
    assert (image(sandbox)[-2:], sandbox.green("Deployment", "worker")["spec"]["paused"]) == (":1", True)
    assert sandbox.json("copy").document["counts"] == {"unchanged": 2}
    assert failures(sandbox) == []


def test_two_classes_of_an_ingress_arrive_both(sandbox: Sandbox) -> None:
    """An update may give them different values, a create may not (velero#6150)."""
    backend = {"service": {"name": "shop", "port": {"number": 80}}}
    ingress = made("networking.k8s.io/v1", "Ingress", "shop", annotations={CLASS: "old"}, spec={"defaultBackend": backend})
    sandbox.on_blue(service("shop"), ingress)
    sandbox.pair.blue.patch(INGRESSES, sandbox.namespace, "shop", {"spec": {"ingressClassName": "new"}}, manager="kubectl-patch")
    assert sandbox.run("copy").code == 0
    found = sandbox.pair.green.get(INGRESSES, sandbox.namespace, "shop")
    assert (found["metadata"]["annotations"][CLASS], found["spec"]["ingressClassName"]) == ("old", "new")
    assert sandbox.json("copy").document["counts"] == {"unchanged": 3}


def test_custom_runs_that_have_ended_stay_ended(sandbox: Sandbox) -> None:
    """Whether their status is a subresource or a field as any other; what is running is blocked."""
    group = f"{sandbox.namespace}.example.com"
    kinds = (crd("workflows", "Workflow", group), crd("buildruns", "BuildRun", group, status=True))
    included = ["Namespace", "CustomResourceDefinition", "Workflow", "BuildRun"]
    known = [{"kind": f"BuildRun.{group}", "hold": {"spec": {"suspend": True}}}]
    sandbox.configure(move={"clusterScoped": True, "kinds": {"include": included}}, runs=known)
    done = {"phase": "Succeeded", "finishedAt": ENDED}
    sandbox.on_blue(
        *kinds,
        made(f"{group}/v1", "Workflow", "pay", spec={"entrypoint": "pay"}, status=done),
        *(made(f"{group}/v1", "BuildRun", name, spec={"image": "a"}) for name in ("first", "second")),
    )
    builds = next(item for item in sandbox.pair.blue.resources() if (item.group, item.kind) == (group, "BuildRun"))
    for name, status in (("first", {"phase": "Failed", "endTime": ENDED}), ("second", {"phase": "Running"})):
        sandbox.pair.blue.patch(builds, sandbox.namespace, name, {"status": status}, manager="builds", subresource="status")
    objects = [item["object"] for item in sandbox.json("plan").document["objects"] if item["decision"] == "blocked"]
    assert objects == [f"BuildRun.{group}/{sandbox.namespace}/second"]
    sandbox.run("copy")
    workflows = builds._replace(plural="workflows", kind="Workflow")
    found = sandbox.pair.green.get(builds, sandbox.namespace, "first")
    assert (found["status"], found["spec"]) == ({"phase": "Failed", "endTime": ENDED}, {"image": "a"})
    assert sandbox.pair.green.get(workflows, sandbox.namespace, "pay")["status"] == done
    assert "changed" not in sandbox.json("copy").document["counts"]


def etcd_of(pair: Pair, side: str) -> str:
    """Return the address of a testbed's etcd, from its command line."""
    (process,) = (item for item in pair.testbed.status().processes if item.name == f"{side}/etcd")
    arguments = Path(f"/proc/{process.pid}/cmdline").read_text().split("\0")
    return next(item for item in arguments if item.startswith("--listen-client-urls=")).partition("=")[2]


def put_into_etcd(pair: Pair, key: str, manifest: Manifest) -> None:
    """Store an object on blue as an older API server did; today's would refuse to."""
    pair_of_bytes = {"key": key.encode(), "value": orjson.dumps(manifest)}
    body = json.dumps({name: base64.b64encode(value).decode() for name, value in pair_of_bytes.items()}).encode()
    request = urllib.request.Request(f"{etcd_of(pair, 'blue')}/v3/kv/put", body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        assert answer.status == 200


def old_job(sandbox: Sandbox, name: str, condition: str, counts: dict[str, Any]) -> Manifest:
    """Return a Job as a server before Kubernetes 1.31 has left it: without the condition that today comes before its last one."""
    uid = str(uuid.uuid4())
    labels = {"batch.kubernetes.io/controller-uid": uid, "controller-uid": uid, "job-name": name}
    containers = [{"name": "c", "image": "registry.example.com/once:1"}]
    metadata = {
        "name": name,
        "namespace": sandbox.namespace,
        "uid": uid,
        "creationTimestamp": BEGAN,
        "generation": 1,
        "labels": labels,
    }
    spec = {
        "parallelism": 1, "completions": 1, "backoffLimit": 0, "completionMode": "NonIndexed", "suspend": False,
        "selector": {"matchLabels": {"batch.kubernetes.io/controller-uid": uid}},
        "template": {"metadata": {"labels": labels}, "spec": {"restartPolicy": "Never", "containers": containers}},
    }  # fmt: skip
    conditions = [{"type": condition, "status": "True", "lastTransitionTime": ENDED}]
    status = {"conditions": conditions, "uncountedTerminatedPods": {}, **counts}
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": spec, "status": status}


@pytest.mark.parametrize(
    ("condition", "counts"),
    [
        ("Complete", {"startTime": BEGAN, "completionTime": ENDED, "succeeded": 1}),
        ("Failed", {"startTime": BEGAN, "failed": 1}),
        ("Complete", {"succeeded": 1}),
        ("Failed", {"completionTime": ENDED, "failed": 1, "active": 1}),
    ],
)
def test_jobs_that_ended_under_older_servers_have_ended_on_green(sandbox: Sandbox, condition: str, counts: dict[str, Any]) -> None:
    """Today's validation wants more of an end than theirs did (karmada#7844); none is left suspended, none starts a pod."""
    put_into_etcd(sandbox.pair, f"/registry/jobs/{sandbox.namespace}/old", old_job(sandbox, "old", condition, counts))
    until(lambda: get(sandbox.blue("Job", "old"), "metadata", "creationTimestamp") == BEGAN)
    assert sandbox.run("copy").code == 0
    found = sandbox.green("Job", "old")
    assert {item["type"]: item["status"] for item in found["status"]["conditions"]}[condition] == "True"
    assert not found["spec"].get("suspend")
    assert list(sandbox.pair.green.list(TYPES["Pod"], sandbox.namespace)) == []
    assert sandbox.json("copy").document["counts"] == {"unchanged": 2}


def stored(api: str, kind: str, name: str, sandbox: Sandbox, **fields: Any) -> Manifest:
    """Return an object as it lies in etcd."""
    manifest = made(api, kind, name, namespace=sandbox.namespace, **fields)
    manifest["metadata"] |= {"uid": str(uuid.uuid4()), "creationTimestamp": BEGAN, "generation": 1}
    return manifest


def test_what_only_older_servers_took_is_rewritten_or_blocked_before_anything_is_written(sandbox: Sandbox) -> None:
    """A time zone in a schedule means the same in its field; what green's validation refuses is told with its own words."""
    pod = {"restartPolicy": "Never", "containers": [{"name": "c", "image": "registry.example.com/once:1"}]}
    schedule = {"schedule": "CRON_TZ=Europe/Berlin 0 3 1 1 *", "concurrencyPolicy": "Allow", "suspend": False}
    cron = {**schedule, "jobTemplate": {"metadata": {}, "spec": {"template": {"metadata": {}, "spec": pod}}}}
    bad = {"matchLabels": {"app": "no label has this"}}
    rules = [{"from": [{"ipBlock": {"cidr": "10.1.2.3/8"}}]}]
    policy = {"podSelector": {}, "policyTypes": ["Ingress"], "ingress": rules}
    folder, name = "/registry", sandbox.namespace
    put_into_etcd(sandbox.pair, f"{folder}/cronjobs/{name}/late", stored("batch/v1", "CronJob", "late", sandbox, spec=cron))
    budget = stored("policy/v1", "PodDisruptionBudget", "odd", sandbox, spec={"minAvailable": 1, "selector": bad})
    put_into_etcd(sandbox.pair, f"{folder}/poddisruptionbudgets/{name}/odd", budget)
    network = stored("networking.k8s.io/v1", "NetworkPolicy", "bits", sandbox, spec=policy)
    put_into_etcd(sandbox.pair, f"{folder}/networkpolicies/{name}/bits", network)
    until(lambda: sandbox.blue("NetworkPolicy", "bits")["metadata"]["name"] == "bits")
    plan = sandbox.json("plan")
    found = {item["object"].partition(".")[0]: item for item in plan.document["objects"] if item["decision"] == "blocked"}
    assert sorted(found) == ["NetworkPolicy", "PodDisruptionBudget"]
    assert "cidr" in found["NetworkPolicy"]["reason"]
    assert all(item["cure"] for item in found.values())
    copied = sandbox.json("copy")
    assert (copied.code, copied.document["problems"]) == (4, []), copied.err
    assert {item["object"]: item["reason"] for item in copied.document["blocked"]} == {
        item["object"]: item["reason"] for item in found.values()
    }
    spec = sandbox.green("CronJob", "late")["spec"]
    assert (spec["schedule"], spec["timeZone"]) == ("0 3 1 1 *", "Europe/Berlin")


@pytest.fixture
def alone(pair: Pair, store: Store, tmp_path: Path) -> Iterator[Sandbox]:
    """Return a sandbox whose blue is a control plane of its own, for what would disturb all other tests."""
    testbed = planes.Testbed(tmp_path / "alone", store, lambda _: None)
    plane = testbed.up((Recipe("blue", BLUE, controllers=False),))["blue"]
    both = tmp_path / "kubeconfig"
    planes.merge_kubeconfigs([plane.kubeconfig, pair.testbed.folder / "green" / "kubeconfig"], both)
    name = f"alone-{uuid.uuid4().hex[:8]}"
    found = Sandbox(replace(pair, blue=plane.cluster(patience=30), kubeconfig=both), name, tmp_path)
    body = orjson.dumps(made("v1", "Namespace", name))
    found.pair.blue.create(TYPES["Namespace"], "", body, manager="kubectl-create")
    yield found
    testbed.down()


def with_dead_webhook(alone: Sandbox) -> ResourceType:
    """Store an object on blue at v1alpha1, make v1 the stored version, and name a conversion webhook that is not there."""
    group = f"{alone.namespace}.example.com"
    definition = crd("probes", "Probe", group, ("v1alpha1", "v1"))
    alone.configure(
        move={"clusterScoped": True, "kinds": {"include": ["Namespace", "ConfigMap", "CustomResourceDefinition", "Probe"]}}
    )
    alone.on_blue(config_map("neighbour"), definition, made(f"{group}/v1alpha1", "Probe", "old", spec={"every": "30s"}))
    probes = next(item for item in alone.pair.blue.resources() if (item.group, item.version) == (group, "v1"))
    versions = [{**item, "storage": item["name"] == "v1"} for item in definition["spec"]["versions"]]
    service = {"namespace": alone.namespace, "name": "gone", "path": "/convert"}
    webhook = {"conversionReviewVersions": ["v1"], "clientConfig": {"service": service}}
    patch = {"spec": {"versions": versions, "conversion": {"strategy": "Webhook", "webhook": webhook}}}
    alone.pair.blue.patch(TYPES["CustomResourceDefinition"], "", f"probes.{group}", patch, manager="kubectl-patch")

    def fails() -> bool:
        try:
            list(alone.pair.blue.list(probes))
        except ApiError as error:
            return error.status == 500
        return False

    until(fails)
    return probes


@pytest.mark.on_demand
def test_one_kind_behind_a_dead_conversion_webhook_stops_no_other(alone: Sandbox) -> None:
    """It is read at the version that it is stored at, and blocked before anything is written: green would ask the same webhook."""
    probes = with_dead_webhook(alone)
    found = alone.json("plan").object(f"Probe.{probes.group}/{alone.namespace}/old")
    assert (found["decision"], "does not answer" in found["reason"]) == ("blocked", True)
    assert "strategy: None" in found["cure"]
    assert alone.json("copy").document["counts"] == {"created": 3}
    assert alone.green("ConfigMap", "neighbour")["data"] == {"key": "value"}
    plain = {
        "name": "plain",
        "target": {"kind": "CustomResourceDefinition"},
        "mergePatch": {"spec": {"conversion": {"strategy": "None", "webhook": None}}},
    }
    kinds = ["Namespace", "ConfigMap", "CustomResourceDefinition", "Probe"]
    alone.configure(move={"clusterScoped": True, "kinds": {"include": kinds}}, transforms=[plain])
    alone.run("copy", "--force-conflicts")
    assert alone.pair.green.get(probes, alone.namespace, "old")["spec"] == {"every": "30s"}
