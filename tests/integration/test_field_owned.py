"""What belongs to others, or was left by them: claims of a StatefulSet, dependents of what is going, old endpoints."""

from __future__ import annotations

from migrator.model.manifest import get
from tests.support.objects import config_map, made, pod_template, service
from tests.support.sandbox import TYPES, Sandbox, until

ENDPOINTS = TYPES["Endpoints"]


def test_claims_that_their_stateful_set_owns_keep_their_size(sandbox: Sandbox) -> None:
    """Green's controller would make them anew as small as its template says; it makes itself their owner again (velero#7862)."""

    def claim(size: str) -> dict[str, object]:
        return {"accessModes": ["ReadWriteOnce"], "storageClassName": "", "resources": {"requests": {"storage": size}}}

    spec = {
        "replicas": 1,
        "serviceName": "web",
        "selector": {"matchLabels": {"app": "web"}},
        "template": pod_template("web"),
        "persistentVolumeClaimRetentionPolicy": {"whenDeleted": "Delete", "whenScaled": "Retain"},
        "volumeClaimTemplates": [{"metadata": {"name": "data"}, "spec": claim("1Gi")}],
    }
    sandbox.on_blue(
        made("v1", "PersistentVolumeClaim", "data-web-0", spec=claim("5Gi")), made("apps/v1", "StatefulSet", "web", spec=spec)
    )
    until(lambda: bool(get(sandbox.blue("PersistentVolumeClaim", "data-web-0"), "metadata", "ownerReferences")))
    assert sandbox.run("copy").code == 0
    owned = sandbox.green("PersistentVolumeClaim", "data-web-0")
    assert get(owned, "spec", "resources", "requests", "storage") == "5Gi"
    until(lambda: bool(get(sandbox.green("PersistentVolumeClaim", "data-web-0"), "metadata", "ownerReferences")))
    owner = get(sandbox.green("PersistentVolumeClaim", "data-web-0"), "metadata", "ownerReferences")[0]
    assert owner["uid"] == sandbox.green("StatefulSet", "web")["metadata"]["uid"]
    assert sandbox.json("copy").document["counts"] == {"unchanged": 3}


def test_what_is_owned_by_what_is_being_deleted_stays(sandbox: Sandbox) -> None:
    """Its owner waits for a finalizer that nobody handles any more."""
    owner = {"apiVersion": "v1", "kind": "ConfigMap", "name": "going"}
    (going, _) = sandbox.on_blue(config_map("going", finalizers=["gone.example.org/cleanup"]), config_map("child", owners=[owner]))
    sandbox.pair.blue.delete(TYPES["ConfigMap"], sandbox.namespace, "going", uid=going["metadata"]["uid"])
    entry = sandbox.json("plan").object(f"ConfigMap/{sandbox.namespace}/child")
    assert (entry["decision"], entry["reason"]) == ("skip", "is deleted with its owner ConfigMap going, which stays on blue")
    assert sandbox.run("copy").code == 0
    assert sandbox.absent("ConfigMap", "child")
    patch = {"metadata": {"finalizers": None}}
    sandbox.pair.blue.patch(TYPES["ConfigMap"], sandbox.namespace, "going", patch, manager="kubectl")


def test_endpoints_that_a_service_has_lost_stay(sandbox: Sandbox) -> None:
    """They hold addresses of blue's pods, and their controller does not look at them any more (kubernetes#103804)."""
    sandbox.on_blue(service("web"))
    until(lambda: any(item["metadata"]["name"] == "web" for item in sandbox.pair.blue.list(ENDPOINTS, sandbox.namespace)))
    sandbox.pair.blue.patch(TYPES["Service"], sandbox.namespace, "web", {"spec": {"selector": None}}, manager="kubectl-edit")
    entry = sandbox.json("plan").object(f"Endpoints/{sandbox.namespace}/web")
    assert (entry["decision"], entry["reason"]) == ("skip", "left by the Endpoints controller: its addresses are of pods of blue")
