"""What stands behind an API server and in its own namespace: webhooks, APIs of other servers, kube-system."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
import yaml

from migrator.errors import NotFoundError
from migrator.model.manifest import Manifest
from tests.support.admission import Webhook, admitting
from tests.support.objects import config_map, deployment, made, service
from tests.support.sandbox import TYPES, Sandbox, until

ADMISSION = "admissionregistration.k8s.io/v1"
NAME = "a.example.com"
GUARD, MESH, API = "ValidatingWebhookConfiguration", "MutatingWebhookConfiguration", "APIService"
PATCH = [{"op": "add", "path": "/metadata/annotations", "value": {"mesh": "yes"}}]


@pytest.fixture
def webhook(tmp_path: Path) -> Iterator[Webhook]:
    """Serve a webhook that says yes."""
    with admitting(tmp_path) as running:
        yield running


@pytest.fixture
def mesh(tmp_path: Path) -> Iterator[Webhook]:
    """Serve a webhook that changes what it is asked about."""
    with admitting(tmp_path, PATCH) as running:
        yield running


@pytest.fixture
def system(sandbox: Sandbox) -> Iterator[Sandbox]:
    """Move this namespace, and what is named after it outside of namespaces; take that away again."""
    kinds = {kind for kind, resource in TYPES.items() if resource.namespaced} | {"Namespace", GUARD, MESH, API}
    others = [
        {"kind": kind, "name": item["metadata"]["name"]}
        for kind in (GUARD, MESH, API)
        for item in sandbox.pair.blue.list(TYPES[kind])
    ]
    sandbox.configure(move={"clusterScoped": True, "kinds": {"include": sorted(kinds)}, "objects": {"exclude": others}})
    yield sandbox
    for cluster in (sandbox.pair.blue, sandbox.pair.green):
        for kind in (GUARD, MESH, API):
            for item in cluster.list(TYPES[kind]):
                if sandbox.namespace in item["metadata"]["name"]:
                    cluster.delete(TYPES[kind], "", item["metadata"]["name"], uid=item["metadata"]["uid"])


def hooks(sandbox: Sandbox, kind: str, client: dict[str, Any], resource: str, **more: Any) -> Manifest:
    """Return a configuration for this namespace."""
    hook = {
        "name": NAME, "sideEffects": "None", "admissionReviewVersions": ["v1"], "clientConfig": client,
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": sandbox.namespace}},
        "rules": [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": [resource]}],
        **more,
    }  # fmt: skip
    return made(ADMISSION, kind, sandbox.namespace, webhooks=[hook])


def findings(sandbox: Sandbox, check: str) -> list[tuple[str, str]]:
    """Return what validation says of this test's webhooks or APIs: severity and reason."""
    found = sandbox.json("validate").document["findings"]
    return [(item["severity"], item["reason"]) for item in found if item["check"] == check and sandbox.namespace in item["subject"]]


def test_a_webhook_with_a_wrong_certificate_is_a_failure(system: Sandbox, webhook: Webhook) -> None:
    """A dry run is sent through it, and nothing is left of that; with the right one all is well."""
    system.on_blue(config_map("a"))
    system.on_blue(hooks(system, GUARD, webhook.distrusting, "configmaps"))
    assert system.run("copy").code == 0
    ((severity, reason),) = findings(system, "webhooks")
    assert severity == "failure"
    assert reason.startswith(f"{NAME}: does not answer: green answered 500")
    assert "x509: " in reason
    right = hooks(system, GUARD, webhook.client, "configmaps")["webhooks"]
    for cluster in (system.pair.blue, system.pair.green):
        cluster.patch(TYPES[GUARD], "", system.namespace, {"webhooks": right}, manager="kubectl")
    until(lambda: not findings(system, "webhooks"))
    assert "CREATE ConfigMap" in webhook.asked
    names = {item["metadata"]["name"] for item in system.pair.green.list(TYPES["ConfigMap"], system.namespace)}
    assert names - {"kube-root-ca.crt"} == {"a"}, "a controller publishes the authority once the webhook lets it"


def test_pods_are_made_after_the_webhook_that_changes_them(system: Sandbox, mesh: Webhook) -> None:
    """Each pod on green has what the webhook adds."""
    system.on_blue(hooks(system, MESH, mesh.client, "pods"), deployment("orders", 2))
    assert system.run("copy").code == 0
    until(lambda: len(list(system.pair.green.list(TYPES["Pod"], system.namespace))) == 2)
    pods = system.pair.green.list(TYPES["Pod"], system.namespace)
    assert [pod["metadata"]["annotations"].get("mesh") for pod in pods] == ["yes", "yes"]
    assert "waiting" not in system.run("plan").out


def test_diff_waits_once_for_a_silent_webhook(system: Sandbox) -> None:
    """All objects that it is asked about are unproven with its name, also those that come after it was given up; others are told."""
    names = [f"m{number}" for number in range(40)]
    system.on_blue(*(config_map(name, {"x": "1"}) for name in names), service("web"))
    assert system.run("copy").code == 0
    for name in names:
        system.pair.blue.patch(TYPES["ConfigMap"], system.namespace, name, {"data": {"x": "2"}}, manager="kubectl")
    rules = [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["UPDATE"], "resources": ["configmaps"]}]
    with socket.create_server(("127.0.0.1", 0), backlog=100) as silent:
        client = {"url": f"https://127.0.0.1:{silent.getsockname()[1]}/"}
        hook = hooks(system, GUARD, client, "configmaps", rules=rules, timeoutSeconds=5)
        system.pair.green.create(TYPES[GUARD], "", orjson.dumps(hook), manager="kubectl")

        def unproven() -> dict[str, str]:
            return {item["object"]: item["message"] for item in system.json("diff").document if item["action"] == "unproven"}

        until(lambda: set(unproven()) == {f"ConfigMap/{system.namespace}/{name}" for name in names})
        assert {NAME in message for message in unproven().values()} == {True}


def test_a_webhook_that_may_fail_does_not_hold_the_copy(system: Sandbox) -> None:
    """Its Service is nowhere; the copy is complete, and the verdict warns."""
    gone = {"service": {"namespace": system.namespace, "name": "gone"}}
    system.on_blue(hooks(system, MESH, gone, "configmaps", failurePolicy="Ignore"), config_map("a"))
    system_result = system.run("copy")
    assert system_result.code == 0, system_result.out
    assert findings(system, "webhooks") == [("warning", f"{NAME}: its Service {system.namespace}/gone has no ready endpoint")]


def test_an_api_of_another_server_is_called(system: Sandbox) -> None:
    """The API server asks the one behind it; on these clusters nothing can be reached, on blue neither."""
    spec = {
        "group": f"{system.namespace}.example.com", "version": "v1", "groupPriorityMinimum": 100, "versionPriority": 10,
        "service": {"namespace": system.namespace, "name": "api"}, "insecureSkipTLSVerify": True,
    }  # fmt: skip
    system.on_blue(deployment("api"), service("api"))
    system.on_blue(made("apiregistration.k8s.io/v1", API, f"v1.{system.namespace}.example.com", spec=spec))
    system.run("copy")
    until(lambda: exists(system, API, f"v1.{system.namespace}.example.com"))
    ((severity, reason),) = findings(system, "api-services")
    assert (severity, "not ready on blue either" in reason) == ("warning", True)
    assert reason.startswith("does not answer: green answered 503")


def test_what_a_person_put_into_kube_system_is_found(system: Sandbox) -> None:
    """What the plan names can be included as it says; then nothing is missing any more. `init` proposes it, too."""
    name, binding = system.namespace, TYPES["RoleBinding"]
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "extension-apiserver-authentication-reader"}
    subjects = [{"kind": "ServiceAccount", "name": "api", "namespace": name}]
    reader = made("rbac.authorization.k8s.io/v1", "RoleBinding", name, namespace="kube-system", roleRef=role, subjects=subjects)
    system.on_blue(made("v1", "ServiceAccount", "api"), reader)
    try:
        plan = system.json("plan")
        entry = plan.object(f"RoleBinding.rbac.authorization.k8s.io/kube-system/{name}")
        assert entry["reason"] == "in a system namespace, but made by no part of Kubernetes, and green has none"
        (warning,) = (text for text in plan.document["warnings"] if f"/kube-system/{name} stays on blue" in text)
        assert f"ServiceAccount/{name}/api, which moves, has rights from it" in warning
        own = {item["name"] for item in blue_s_own(system) if item["name"] != name}
        assert not own & {"coredns", "extension-apiserver-authentication", "kube-root-ca.crt", "default", "kubeadm-config"}
        system.configure(move={"objects": {"include": [{"kind": "RoleBinding", "namespace": "kube-system", "name": name}]}})
        assert not any(name in text and "stays on blue" in text for text in system.json("plan").document["warnings"])
        assert system.run("copy").code == 0
        assert system.green("RoleBinding", name, "kube-system")["subjects"] == subjects
    finally:
        for cluster in (system.pair.blue, system.pair.green):
            for item in cluster.list(binding, "kube-system"):
                if item["metadata"]["name"] == name:
                    cluster.delete(binding, "kube-system", name, uid=item["metadata"]["uid"])


def blue_s_own(sandbox: Sandbox) -> list[dict[str, str]]:
    """Return what `init` proposes of kube-system."""
    kubeconfig = str(sandbox.pair.kubeconfig)
    result = sandbox.run("init", "--kubeconfig", kubeconfig, "--blue", "blue", "--green", "green", "--out", "proposed.yaml")
    assert result.code == 0, result.err
    lines = (sandbox.folder / "proposed.yaml").read_text().splitlines()
    found = [yaml.safe_load(line.partition("#     - ")[2]) for line in lines if line.startswith("  #     - {kind")]
    assert sandbox.namespace in {item["name"] for item in found}
    return found


def exists(sandbox: Sandbox, kind: str, name: str) -> bool:
    """Return whether green has an object."""
    try:
        sandbox.pair.green.get(TYPES[kind], "", name)
    except NotFoundError:
        return False
    return True
