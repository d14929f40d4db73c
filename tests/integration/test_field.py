"""What people's clusters hold: each kind of object here went wrong once, somewhere, when a cluster was moved."""

from __future__ import annotations

from typing import Any

import orjson

from migrator.errors import NotFoundError
from migrator.model.manifest import Manifest, get
from migrator.model.ref import ResourceType
from tests.support.objects import config_map, deployment, made, service
from tests.support.sandbox import TYPES, Sandbox, until

RBAC = "rbac.authorization.k8s.io"
ROLES = ResourceType(RBAC, "v1", "clusterroles", "ClusterRole", False, frozenset())
LIMITS = ResourceType("", "v1", "limitranges", "LimitRange", True, frozenset())


def with_cluster_kinds(sandbox: Sandbox, *kinds: str, **move: Any) -> None:
    """Move this namespace, and these kinds outside of namespaces; others may have left objects of those kinds on blue."""
    namespaced = [kind for kind, resource in TYPES.items() if resource.namespaced]
    sandbox.configure(move={"clusterScoped": True, "kinds": {"include": ["Namespace", "LimitRange", *namespaced, *kinds]}, **move})


def exists(sandbox: Sandbox, resource: ResourceType, name: str) -> bool:
    """Return whether green has an object."""
    try:
        sandbox.pair.green.get(resource, sandbox.namespace if resource.namespaced else "", name)
    except NotFoundError:
        return False
    return True


def pods(sandbox: Sandbox, side: str) -> list[Manifest]:
    """Return the pods of this namespace on blue or green."""
    return list(getattr(sandbox.pair, side).list(TYPES["Pod"], sandbox.namespace))


def test_roles_are_judged_by_who_made_them(sandbox: Sandbox) -> None:
    """A role that an add-on calls `system:...` moves; those that the API server made do not."""
    name = f"system:{sandbox.namespace}"
    with_cluster_kinds(sandbox, "ClusterRole")
    sandbox.on_blue(made(f"{RBAC}/v1", "ClusterRole", name, rules=[{"apiGroups": [""], "resources": ["nodes"], "verbs": ["list"]}]))
    plan = sandbox.json("plan")
    assert plan.object(f"ClusterRole.{RBAC}/{name}")["decision"] == "move"
    assert plan.object(f"ClusterRole.{RBAC}/system:node")["reason"] == "bootstrap RBAC: green has its own"
    sandbox.run("copy")
    assert exists(sandbox, ROLES, name)


def test_a_lock_that_a_pod_holds_stays_with_it(sandbox: Sandbox) -> None:
    """A leader-for-life lock on green would keep the operator there waiting for ever."""
    sandbox.on_blue(deployment("operator"))
    until(lambda: bool(pods(sandbox, "blue")))
    pod = pods(sandbox, "blue")[0]["metadata"]
    sandbox.on_blue(config_map("lock", owners=[{"apiVersion": "v1", "kind": "Pod", "name": pod["name"], "uid": pod["uid"]}]))
    assert sandbox.run("copy").code == 0
    assert sandbox.absent("ConfigMap", "lock")
    reason = sandbox.json("plan").object(f"ConfigMap/{sandbox.namespace}/lock")["reason"]
    assert reason == f"is deleted with its owner Pod {pod['name']}, which stays on blue"


def test_limits_do_not_refuse_what_was_there_before_them(sandbox: Sandbox) -> None:
    """Claim, pod and LimitRange are all on green, although a create after the LimitRange would be refused."""
    with_cluster_kinds(sandbox)
    size = {"limits": {"memory": "2Gi"}, "requests": {"memory": "2Gi"}}
    container = {"name": "c", "image": "registry.example.com/models:1", "resources": size}
    sandbox.on_blue(
        made("v1", "PersistentVolumeClaim", "models", spec={
            "accessModes": ["ReadWriteOnce"], "storageClassName": "", "volumeName": "nowhere",
            "resources": {"requests": {"storage": "20Gi"}},
        }),
        made("v1", "Pod", "server", spec={"automountServiceAccountToken": False, "containers": [container]}),
    )  # fmt: skip
    limits = [
        {"type": "PersistentVolumeClaim", "max": {"storage": "10Gi"}},
        {"type": "Container", "max": {"memory": "1Gi"}},
    ]
    body = sandbox.placed(made("v1", "LimitRange", "limits", spec={"limits": limits}))
    body["metadata"]["namespace"] = sandbox.namespace
    sandbox.pair.blue.create(LIMITS, sandbox.namespace, orjson.dumps(body), manager="kubectl-create")
    sandbox.run("copy")
    assert not sandbox.absent("PersistentVolumeClaim", "models")
    assert not sandbox.absent("Pod", "server")
    assert exists(sandbox, LIMITS, "limits")


def test_chosen_ports_are_not_given_to_others(sandbox: Sandbox) -> None:
    """Of many Services that come at once, each that a person gave a port has it."""
    services = [item for side in (sandbox.pair.blue, sandbox.pair.green) for item in side.list(TYPES["Service"])]
    taken = {port.get("nodePort") for item in services for port in item["spec"].get("ports") or []}
    # Of those that API servers give away, too (KEP-3668: the first 86 they do not), and free beside other tests' Services.
    ports = sorted(set(range(31400, 31800)) - taken)[:40]
    with_cluster_kinds(sandbox)
    sandbox.on_blue(
        *(service(f"z-chosen-{port}", type="NodePort", ports=[{"name": "http", "port": 80, "nodePort": port}]) for port in ports),
        *(service(f"a-given-{number}", type="NodePort") for number in range(120)),
    )
    result = sandbox.run("copy")
    assert result.code == 0, result.out
    assert [sandbox.green("Service", f"z-chosen-{port}")["spec"]["ports"][0]["nodePort"] for port in ports] == ports


def test_pods_are_made_after_the_policy_that_changes_them(sandbox: Sandbox) -> None:
    """Every pod on green has the container that a mutating policy adds, as on blue."""
    name, admission = sandbox.namespace, "admissionregistration.k8s.io"
    proxy = 'Object.spec.initContainers{name: "mesh", image: "registry.example.com/mesh:1", restartPolicy: "Always"}'
    policy = {
        "failurePolicy": "Fail", "reinvocationPolicy": "Never",
        "matchConstraints": {
            "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": name}},
            "resourceRules": [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}],
        },
        "mutations": [{
            "patchType": "ApplyConfiguration",
            "applyConfiguration": {"expression": "Object{spec: Object.spec{initContainers: [" + proxy + "]}}"},
        }],
    }  # fmt: skip
    with_cluster_kinds(sandbox, "MutatingAdmissionPolicy", "MutatingAdmissionPolicyBinding")
    sandbox.on_blue(
        made(f"{admission}/v1", "MutatingAdmissionPolicy", name, spec=policy),
        made(f"{admission}/v1", "MutatingAdmissionPolicyBinding", name, spec={"policyName": name}),
    )
    trial = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "try", "namespace": name},
        "spec": deployment("try")["spec"]["template"]["spec"],
    }

    def acts() -> bool:
        made = sandbox.pair.blue.create(TYPES["Pod"], name, orjson.dumps(trial), manager="kubectl-create", dry_run=True)
        return bool(get(made, "spec", "initContainers"))

    until(acts)
    sandbox.on_blue(deployment("orders", 2))
    sandbox.run("copy")
    until(lambda: len(pods(sandbox, "green")) == 2)
    assert [[item["name"] for item in pod["spec"].get("initContainers", [])] for pod in pods(sandbox, "green")] == [
        ["mesh"],
        ["mesh"],
    ]
