"""What API servers write themselves: blue's part of it stays on blue, and green's part is no difference to blue."""

from __future__ import annotations

import base64
import subprocess
from typing import Any

import orjson

from migrator.model.manifest import Manifest, get
from migrator.model.ref import ResourceType
from tests.support.objects import config_map, crd, deployment, made
from tests.support.sandbox import TYPES, Result, Sandbox, until

NAMESPACED = [kind for kind, resource in TYPES.items() if resource.namespaced]
CLASSES = ResourceType("scheduling.k8s.io", "v1", "priorityclasses", "PriorityClass", False, frozenset())
INGRESSES = ResourceType("networking.k8s.io", "v1", "ingresses", "Ingress", True, frozenset())
CLASSES_OF_INGRESS = ResourceType("networking.k8s.io", "v1", "ingressclasses", "IngressClass", False, frozenset())
ADMISSION = "admissionregistration.k8s.io"
POLICIES = ResourceType(ADMISSION, "v1", "mutatingadmissionpolicies", "MutatingAdmissionPolicy", False, frozenset())
POLICY_BINDINGS = ResourceType(
    ADMISSION, "v1", "mutatingadmissionpolicybindings", "MutatingAdmissionPolicyBinding", False, frozenset()
)


def pod(name: str, **spec: Any) -> Manifest:
    """Return a pod that a person makes, with a volume of its own."""
    container = {
        "name": "main",
        "image": "registry.example.com/agent:1",
        "volumeMounts": [{"name": "settings", "mountPath": "/etc/agent"}],
    }
    volumes = [{"name": "settings", "configMap": {"name": "settings"}}]
    return made("v1", "Pod", name, labels={"app": name}, spec={"containers": [container], "volumes": volumes, **spec})


def parity(sandbox: Sandbox) -> list[dict[str, Any]]:
    """Return what `validate` finds of differences to blue; how ready green is does not matter for that."""
    file = sandbox.folder / "migration.yaml"
    file.write_text(file.read_text().replace("readyTimeout: 60s", "readyTimeout: 1s"))
    return [item for item in sandbox.json("validate").document["findings"] if item["check"] == "parity"]


def settled(sandbox: Sandbox, *pods: str) -> None:
    """Wait until green's controllers have done their part: the pods run, and know their zone."""
    until(lambda: all(get(sandbox.green("Pod", name), "status", "phase") == "Running" for name in pods))


def applied(sandbox: Sandbox, kubectl: str, manifest: Manifest, manager: str) -> None:
    """Apply an object to blue as kubectl does server-side: defaults belong to nobody."""
    command = [kubectl, f"--kubeconfig={sandbox.pair.kubeconfig}", "--context=blue", "apply", "--server-side"]
    body = orjson.dumps(sandbox.placed(manifest))
    subprocess.run([*command, f"--field-manager={manager}", "-f", "-"], input=body, check=True, capture_output=True)


def unchanged(sandbox: Sandbox) -> Result:
    """Copy once more and require that there is nothing to do."""
    again = sandbox.json("copy")
    assert (again.code, again.document["problems"]) == (0, []), again.out
    assert set(again.document["counts"]) == {"unchanged"}
    return again


def test_a_bare_pod_is_copied_twice_and_differs_in_nothing(sandbox: Sandbox, kubectl: str) -> None:
    """Zone, token volume, tolerations and priority are green's own; so are the limits that a LimitRange of blue gave it."""
    sandbox.configure(move={"kinds": {"include": ["Namespace", "LimitRange", *NAMESPACED]}})
    limits = made("v1", "LimitRange", "limits", spec={"limits": [{"type": "Container", "default": {"memory": "64Mi"}}]})
    sandbox.on_blue(config_map("settings"), sandbox.placed(limits), manager="kubectl-create")
    sandbox.on_blue(pod("agent"))
    applied(sandbox, kubectl, pod("applied"), manager="team")
    until(lambda: all(get(sandbox.blue("Pod", name), "spec", "nodeName") for name in ("agent", "applied")))
    sandbox.pair.blue.patch(TYPES["Pod"], sandbox.namespace, "agent", {"metadata": {"labels": {"mark": "x"}}}, manager="bob")
    assert get(sandbox.blue("Pod", "agent")["spec"]["containers"][0], "resources", "limits") == {"memory": "64Mi"}
    plan = sandbox.json("plan")
    assert "as-submitted" in plan.object(f"Pod/{sandbox.namespace}/agent")["transforms"]
    assert sandbox.run("copy").code == 0
    settled(sandbox, "agent", "applied")
    unchanged(sandbox)
    assert parity(sandbox) == []
    green = sandbox.green("Pod", "agent")
    assert green["metadata"]["labels"]["mark"] == "x"
    assert green["spec"]["nodeName"].startswith("green")


def test_a_pod_keeps_what_green_gave_it_when_blue_changes(sandbox: Sandbox) -> None:
    """A label that a person changes on blue arrives; node, token and tolerations stay."""
    sandbox.on_blue(config_map("settings"), pod("agent"))
    assert sandbox.run("copy").code == 0
    settled(sandbox, "agent")
    before = sandbox.green("Pod", "agent")
    labels = {"metadata": {"labels": {"app": "new", "more": "x"}}}
    sandbox.pair.blue.patch(TYPES["Pod"], sandbox.namespace, "agent", labels, manager="kubectl-label")
    again = sandbox.json("copy")
    assert (again.code, again.document["counts"]["changed"]) == (0, 1), again.out
    after = sandbox.green("Pod", "agent")
    assert (after["spec"], after["metadata"]["uid"]) == (before["spec"], before["metadata"]["uid"])
    assert after["metadata"]["labels"] == {**before["metadata"]["labels"], "app": "new", "more": "x"}
    assert parity(sandbox) == []


def test_a_pod_whose_class_was_replaced_is_made_in_the_new_one(sandbox: Sandbox) -> None:
    """Number and pre-emption policy of a pod are its class's business: admission refuses others."""
    name = sandbox.namespace

    def priority_class(policy: str) -> Manifest:
        made_class = made("scheduling.k8s.io/v1", "PriorityClass", name, value=1000, preemptionPolicy=policy)
        return sandbox.pair.blue.create(CLASSES, "", orjson.dumps(made_class), manager="kubectl-create")

    first = priority_class("PreemptLowerPriority")

    def accepted() -> bool:
        sandbox.on_blue(config_map("settings"), pod("renderer", priorityClassName=name))
        return True

    until(accepted)
    sandbox.pair.blue.delete(CLASSES, "", name, uid=first["metadata"]["uid"])
    priority_class("Never")
    sandbox.configure(move={"clusterScoped": True, "kinds": {"include": ["Namespace", "PriorityClass", *NAMESPACED]}})
    sandbox.run("copy")
    green = sandbox.green("Pod", "renderer")["spec"]
    assert (green["priorityClassName"], green["preemptionPolicy"]) == (name, "Never")


def test_the_namespace_that_every_cluster_has_gets_labels_and_annotations(sandbox: Sandbox) -> None:
    """What green's owner wrote there stays; another value for the same label is a conflict."""
    key = f"{sandbox.namespace}.example"
    sandbox.configure(move={"namespaces": {"include": ["default"]}, "kinds": {"include": ["Namespace"]}})

    def given(side: str, **labels: str | None) -> None:
        metadata = {"labels": {f"{key}/{name}": value for name, value in labels.items()}, "annotations": {f"{key}/{side}": "x"}}
        getattr(sandbox.pair, side).patch(TYPES["Namespace"], "", "default", {"metadata": metadata}, manager=f"{side}-owner")

    given("blue", mesh="on")
    given("green", backup="daily")
    assert sandbox.json("copy").code == 0
    metadata = sandbox.green("Namespace", "default")["metadata"]
    assert (metadata["labels"][f"{key}/mesh"], metadata["labels"][f"{key}/backup"]) == ("on", "daily")
    assert {f"{key}/blue", f"{key}/green"} <= metadata["annotations"].keys()
    unchanged(sandbox)
    given("blue", backup="never")
    result = sandbox.json("copy")
    assert [(item["object"], item["action"]) for item in result.document["problems"]] == [("Namespace/default", "conflict")]
    assert sandbox.green("Namespace", "default")["metadata"]["labels"][f"{key}/backup"] == "daily"
    given("blue", mesh=None, backup=None)


def test_the_default_account_keeps_what_greens_owner_gave_it(sandbox: Sandbox) -> None:
    """Both pull secrets are there, and a second copy has nothing to do."""
    name = sandbox.namespace
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
    sandbox.pair.green.create(TYPES["Namespace"], "", orjson.dumps(namespace), manager="green-owner")
    until(lambda: not sandbox.absent("ServiceAccount", "default"))
    mirror = {"imagePullSecrets": [{"name": "green-mirror"}]}
    sandbox.pair.green.patch(TYPES["ServiceAccount"], name, "default", mirror, manager="green-owner")
    registry = {"imagePullSecrets": [{"name": "blue-registry"}], "metadata": {"annotations": {"role": "reader"}}}
    sandbox.pair.blue.patch(TYPES["ServiceAccount"], name, "default", registry, manager="kubectl")
    assert sandbox.json("copy").code == 0
    account = sandbox.green("ServiceAccount", "default")
    assert [item["name"] for item in account["imagePullSecrets"]] == ["green-mirror", "blue-registry"]
    assert account["metadata"]["annotations"] == {"role": "reader"}
    unchanged(sandbox)
    assert parity(sandbox) == []


def test_ownership_that_green_drops_is_told_and_brought_later(sandbox: Sandbox, kubectl: str) -> None:
    """Without its conversion webhook green forgets who applied at another version; once it can convert, a copy writes it again."""
    group = f"{sandbox.namespace[:40].strip('-')}.example"
    definition = crd("fleets", "Fleet", group, ("v1", "v1beta1"))
    definition["spec"]["conversion"] = {"strategy": "None"}
    fleets = ResourceType(group, "v1", "fleets", "Fleet", True, frozenset())
    definitions = TYPES["CustomResourceDefinition"]
    sandbox.configure(move={"clusterScoped": True, "kinds": {"include": ["Namespace", "CustomResourceDefinition", "Fleet"]}})
    sandbox.on_blue(definition)

    def applies(version: str, manager: str, **spec: Any) -> bool:
        try:
            applied(sandbox, kubectl, made(f"{group}/{version}", "Fleet", "harbour", spec=spec), manager)
        except subprocess.CalledProcessError:
            return False
        return True

    until(lambda: applies("v1beta1", "team-size", size=3))
    until(lambda: applies("v1", "team-image", image="registry.example.com/harbour:1"))
    nobody = {"namespace": sandbox.namespace, "name": "not-running", "path": "/convert"}
    webhook = {"conversionReviewVersions": ["v1"], "clientConfig": {"service": nobody}}
    conversion = {"spec": {"conversion": {"strategy": "Webhook", "webhook": webhook}}}
    sandbox.pair.blue.patch(definitions, "", f"fleets.{group}", conversion, manager="kubectl")
    first = sandbox.json("copy")
    problems = {item["object"]: item["message"] for item in first.document["problems"]}
    assert "the API server dropped team-image, team-size" in problems[f"Fleet.{group}/{sandbox.namespace}/harbour"]
    for cluster in (sandbox.pair.blue, sandbox.pair.green):
        cluster.patch(
            definitions, "", f"fleets.{group}", {"spec": {"conversion": {"strategy": "None", "webhook": None}}}, manager="k"
        )

    def owned() -> bool:
        sandbox.json("copy")
        entries = sandbox.pair.green.get(fleets, sandbox.namespace, "harbour")["metadata"]["managedFields"]
        return {("team-size", "Apply"), ("team-image", "Apply")} <= {(item["manager"], item["operation"]) for item in entries}

    until(owned)
    assert f"Fleet.{group}/{sandbox.namespace}/harbour" not in str(sandbox.json("copy").document["problems"])


def policy(sandbox: Sandbox, side: str, plural: str, expression: str) -> None:
    """Let one side's admission change what is created in this namespace, by an apply configuration."""
    name, cluster = f"{sandbox.namespace}-{plural}", getattr(sandbox.pair, side)
    group = "apps" if plural == "deployments" else ""
    body = {
        "failurePolicy": "Fail", "reinvocationPolicy": "Never",
        "matchConstraints": {
            "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": sandbox.namespace}},
            "resourceRules": [{"apiGroups": [group], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": [plural]}],
        },
        "mutations": [{"patchType": "ApplyConfiguration", "applyConfiguration": {"expression": expression}}],
    }  # fmt: skip
    for resource, spec in ((POLICIES, body), (POLICY_BINDINGS, {"policyName": name})):
        made_one = made(resource.api_version, resource.kind, name, spec=spec)
        cluster.create(resource, "", orjson.dumps(made_one), manager="kubectl-create")


def with_namespace_on_green(sandbox: Sandbox) -> None:
    """Make this namespace on green as well, so that green's admission can be tried there."""
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": sandbox.namespace}}
    sandbox.pair.green.create(TYPES["Namespace"], "", orjson.dumps(namespace), manager="kubectl-create")
    until(lambda: not sandbox.absent("ServiceAccount", "default"))


def admitted(sandbox: Sandbox, side: str, manifest: Manifest) -> Manifest:
    """Return what one side makes of an object, by a dry run."""
    body = orjson.dumps(sandbox.placed(manifest))
    cluster = getattr(sandbox.pair, side)
    found: Manifest = cluster.create(TYPES[manifest["kind"]], sandbox.namespace, body, manager="kubectl-create", dry_run=True)
    return found


def test_a_default_class_of_green_is_told(sandbox: Sandbox) -> None:
    """A page without a class is served by nobody on blue; green's default class would show it, and a person may want that."""
    backend = {"service": {"name": "page", "port": {"number": 80}}}
    page = made("networking.k8s.io/v1", "Ingress", "page", spec={"defaultBackend": backend})
    body = {**page, "metadata": {"name": "page", "namespace": sandbox.namespace}}
    sandbox.pair.blue.create(INGRESSES, sandbox.namespace, orjson.dumps(body), manager="kubectl-create")
    default = {"ingressclass.kubernetes.io/is-default-class": "true"}
    chosen = made(
        CLASSES_OF_INGRESS.api_version, "IngressClass", sandbox.namespace, annotations=default, spec={"controller": "example.com/c"}
    )
    uid = sandbox.pair.green.create(CLASSES_OF_INGRESS, "", orjson.dumps(chosen), manager="kubectl-create")["metadata"]["uid"]
    with_namespace_on_green(sandbox)
    move = {"kinds": {"include": ["Namespace", "Ingress", *NAMESPACED]}}
    sandbox.configure(move=move)

    def acts() -> bool:
        made_one = sandbox.pair.green.create(INGRESSES, sandbox.namespace, orjson.dumps(body), manager="k", dry_run=True)
        return bool(made_one["spec"].get("ingressClassName"))

    try:
        until(acts)
        assert sandbox.run("copy").code == 0
        (found,) = parity(sandbox)
        assert (found["subject"], found["severity"]) == (f"Ingress.networking.k8s.io/{sandbox.namespace}/page", "failure")
        assert "spec.ingressClassName" in found["reason"]
        unchanged(sandbox)
        accepted = [{"target": {"kind": "Ingress"}, "fields": ["spec.ingressClassName"]}]
        sandbox.configure(move=move, gates={"acceptedAdditions": accepted})
        assert parity(sandbox) == []
    finally:
        sandbox.pair.green.delete(CLASSES_OF_INGRESS, "", sandbox.namespace, uid=uid)


def test_a_container_that_green_injects_is_told_and_a_label_is_a_warning(sandbox: Sandbox) -> None:
    """Neither is a conflict for the next copy."""
    with_namespace_on_green(sandbox)
    proxy = 'spec: Object.spec{initContainers: [Object.spec.initContainers{name: "mesh", image: "a.example/m:1", restartPolicy: "Always"}]}'
    policy(sandbox, "green", "pods", "Object{" + proxy + "}")
    policy(sandbox, "green", "configmaps", 'Object{metadata: Object.metadata{labels: {"audited": "yes"}}}')
    until(lambda: bool(get(admitted(sandbox, "green", pod("try")), "spec", "initContainers")))
    until(lambda: bool(admitted(sandbox, "green", config_map("try"))["metadata"].get("labels")))
    sandbox.on_blue(config_map("settings"), pod("agent"))
    assert sandbox.run("copy").code == 0
    settled(sandbox, "agent")
    found = {item["subject"].split("/")[0]: (item["severity"], item["reason"]) for item in parity(sandbox)}
    assert found.keys() == {"Pod", "ConfigMap"}
    assert found["Pod"][0] == "failure"
    assert "spec.initContainers" in found["Pod"][1]
    assert found["ConfigMap"][0] == "warning"
    assert "metadata.labels" in found["ConfigMap"][1]
    unchanged(sandbox)


def test_a_value_that_green_s_policy_changes_is_told_and_no_conflict(sandbox: Sandbox) -> None:
    """A person sent it on blue; what blue's own policy wrote is blue's, and green's policy has its own."""
    with_namespace_on_green(sandbox)
    for side in ("blue", "green"):
        label = 'metadata: Object.metadata{labels: {"cluster": "' + side + '"}}'
        policy(sandbox, side, "deployments", "Object{" + label + ("}" if side == "blue" else ", spec: Object.spec{paused: true}}"))
    for side in ("blue", "green"):
        until(lambda side=side: bool(admitted(sandbox, side, deployment("try"))["metadata"].get("labels")))  # type: ignore[misc]
    told = deployment("told")
    told["spec"]["paused"] = False
    sandbox.on_blue(told)
    assert sandbox.run("copy").code == 0
    green = sandbox.green("Deployment", "told")
    assert (green["metadata"]["labels"], green["spec"]["paused"]) == ({"cluster": "green"}, True)
    assert [item["reason"] for item in parity(sandbox)] == [
        "has spec.paused, which green's admission has added and blue does not have"
    ]
    unchanged(sandbox)


def test_defaults_and_allocations_of_green_are_silent(sandbox: Sandbox, kubectl: str) -> None:
    """Whoever owns the fields: green's version and its allocators have filled them in, not its admission."""
    template = deployment("web")["spec"]
    ports = [{"name": "a", "port": 80}, {"name": "b", "port": 81}]
    kinds = (
        ("apps/v1", "StatefulSet", {**template, "serviceName": "web"}),
        ("apps/v1", "Deployment", template),
        ("apps/v1", "DaemonSet", {key: value for key, value in template.items() if key != "replicas"}),
        ("v1", "Service", {"type": "NodePort", "selector": {"app": "web"}, "ports": ports}),
        ("v1", "Service", {"type": "LoadBalancer", "externalTrafficPolicy": "Local", "ports": ports}),
        ("v1", "PersistentVolumeClaim", {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}),
    )
    for number, (api, kind, spec) in enumerate(kinds):
        sandbox.on_blue(made(api, kind, f"sent-{number}", spec=spec))
        applied(sandbox, kubectl, made(api, kind, f"applied-{number}", spec=spec), "team")
    assert sandbox.run("copy").code == 0
    assert parity(sandbox) == []
    unchanged(sandbox)


def test_a_container_that_green_injects_into_pods_of_a_workload_is_told(sandbox: Sandbox) -> None:
    """The Deployment is the same on both; its pods are not."""
    with_namespace_on_green(sandbox)
    sandbox.on_blue(deployment("orders"))
    until(lambda: any(True for _ in sandbox.pair.blue.list(TYPES["Pod"], sandbox.namespace)))
    assert sandbox.run("copy").code == 0
    assert parity(sandbox) == []
    proxy = 'Object.spec.initContainers{name: "mesh", image: "a.example/m:1", restartPolicy: "Always"}'
    policy(sandbox, "green", "pods", "Object{spec: Object.spec{initContainers: [" + proxy + "]}}")
    until(lambda: bool(get(admitted(sandbox, "green", pod("try")), "spec", "initContainers")))
    (found,) = parity(sandbox)
    assert (found["subject"], found["severity"]) == (f"Deployment.apps/{sandbox.namespace}/orders", "failure")
    assert found["reason"].startswith("its pods get spec.initContainers, which green's admission adds")


def test_an_authority_that_the_server_of_a_webhook_writes_is_each_cluster_s_own(sandbox: Sandbox) -> None:
    """Green's server signs for itself there: no conflict for the next copy, and no difference."""
    hooks, name = TYPES["ValidatingWebhookConfiguration"], sandbox.namespace
    rule = {"apiGroups": ["example.com"], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["nothing"]}
    hook = {
        "name": "a.example.com", "failurePolicy": "Ignore", "sideEffects": "None", "admissionReviewVersions": ["v1"], "rules": [rule],
        "clientConfig": {"service": {"namespace": name, "name": "server"}},
    }  # fmt: skip
    with_kinds = {"clusterScoped": True, "kinds": {"include": ["Namespace", "ValidatingWebhookConfiguration"]}}
    sandbox.configure(move=with_kinds)
    sandbox.on_blue(made(hooks.api_version, hooks.kind, name, webhooks=[hook]))

    def signs(side: str, authority: str) -> None:
        cluster = getattr(sandbox.pair, side)
        found = cluster.get(hooks, "", name)
        bundle = base64.b64encode(f"-----BEGIN CERTIFICATE-----{authority}".encode()).decode()
        found["webhooks"][0]["clientConfig"]["caBundle"] = bundle
        cluster.replace(hooks, "", name, orjson.dumps(found), manager="server")

    def mine(result: Result, key: str) -> list[Any]:
        return [item for item in result.document[key] if name in str(item)]

    signs("blue", "blue")
    assert mine(sandbox.json("copy"), "problems") == []
    signs("green", "green")
    assert mine(sandbox.json("copy"), "problems") == []
    assert [item for item in parity(sandbox) if name in item["subject"]] == []
    bundle = sandbox.green("ValidatingWebhookConfiguration", name)["webhooks"][0]["clientConfig"]["caBundle"]
    assert base64.b64decode(bundle).endswith(b"green")


def test_a_value_that_green_changes_in_pods_of_a_workload_is_told(sandbox: Sandbox) -> None:
    """The Deployment is the same on both; how long its pods may take to end is not."""
    with_namespace_on_green(sandbox)
    sandbox.on_blue(deployment("orders"))
    until(lambda: any(True for _ in sandbox.pair.blue.list(TYPES["Pod"], sandbox.namespace)))
    assert sandbox.run("copy").code == 0
    policy(sandbox, "green", "pods", "Object{spec: Object.spec{terminationGracePeriodSeconds: 5}}")
    until(lambda: get(admitted(sandbox, "green", pod("try")), "spec", "terminationGracePeriodSeconds") == 5)
    (found,) = parity(sandbox)
    assert (found["subject"], found["severity"]) == (f"Deployment.apps/{sandbox.namespace}/orders", "failure")
    assert found["reason"].startswith(
        "its pods get another value in spec.terminationGracePeriodSeconds: green's admission changes it"
    )
