"""Kinds of storage, names that are mapped, owners outside of namespaces, and orders that were carried out once."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from migrator.errors import NotFoundError
from migrator.model.manifest import get
from migrator.model.ref import ResourceType
from tests.support.objects import config_map, deployment, made
from tests.support.sandbox import TYPES, Sandbox, until

CRDS, VOLUMES, CLAIMS = TYPES["CustomResourceDefinition"], TYPES["PersistentVolume"], TYPES["PersistentVolumeClaim"]
ROLES = ResourceType("rbac.authorization.k8s.io", "v1", "clusterroles", "ClusterRole", False, frozenset())
CONTENTS = ResourceType("snapshot.storage.k8s.io", "v1", "volumesnapshotcontents", "VolumeSnapshotContent", False, frozenset())
APPLICATIONS = ResourceType("argoproj.io", "v1alpha1", "applications", "Application", True, frozenset())


@pytest.fixture
def field(sandbox: Sandbox) -> Iterator[Sandbox]:
    """Move this namespace and what is named after it, not the definitions of other tests; remove what is outside of namespaces."""
    names = [item["metadata"]["name"] for item in sandbox.pair.blue.list(CRDS)]
    kinds = {kind for kind, resource in TYPES.items() if resource.namespaced}
    kinds |= {"Namespace", "PersistentVolume", "CustomResourceDefinition", "ClusterRole", CONTENTS.kind, APPLICATIONS.kind}
    others = [{"kind": "CustomResourceDefinition", "name": name} for name in names]
    sandbox.configure(move={"clusterScoped": True, "kinds": {"include": sorted(kinds)}, "objects": {"exclude": others}})
    yield sandbox
    for cluster in (sandbox.pair.blue, sandbox.pair.green):
        for resource in (CONTENTS, VOLUMES, ROLES, CRDS):
            try:
                found = list(cluster.list(resource))
            except NotFoundError:
                continue
            for item in found:
                name = item["metadata"]["name"]
                if sandbox.namespace in name or (resource is CRDS and name not in names):
                    cluster.delete(resource, "", name, uid=item["metadata"]["uid"])


def define(sandbox: Sandbox, resource: ResourceType) -> None:
    """Define a kind on blue, without a schema."""
    schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    names = {"plural": resource.plural, "singular": resource.kind.lower(), "kind": resource.kind}
    version = {"name": resource.version, "served": True, "storage": True, "schema": schema}
    scope = "Namespaced" if resource.namespaced else "Cluster"
    annotations = {"api-approved.kubernetes.io": "https://github.com/kubernetes-csi/external-snapshotter/pull/814"}
    spec = {"group": resource.group, "scope": scope, "names": names, "versions": [version]}
    name = f"{resource.plural}.{resource.group}"
    sandbox.on_blue(made("apiextensions.k8s.io/v1", "CustomResourceDefinition", name, annotations=annotations, spec=spec))


def on_green(sandbox: Sandbox, resource: ResourceType, name: str) -> bool:
    """Return whether green has an object."""
    try:
        sandbox.pair.green.get(resource, sandbox.namespace if resource.namespaced else "", name)
    except NotFoundError:
        return False
    return True


def test_a_released_volume_stays(field: Sandbox) -> None:
    """On green any claim could take it, with the data that is in it."""
    name = field.namespace
    spec = {
        "capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"], "persistentVolumeReclaimPolicy": "Retain",
        "storageClassName": name, "hostPath": {"path": "/data"},
    }  # fmt: skip
    claim = {
        "accessModes": ["ReadWriteOnce"],
        "storageClassName": name,
        "volumeName": name,
        "resources": {"requests": {"storage": "1Gi"}},
    }
    field.on_blue(made("v1", "PersistentVolume", name, spec=spec), made("v1", "PersistentVolumeClaim", "archive", spec=claim))
    until(lambda: get(field.blue("PersistentVolumeClaim", "archive"), "status", "phase") == "Bound")
    found = field.blue("PersistentVolumeClaim", "archive")
    field.pair.blue.delete(CLAIMS, field.namespace, "archive", uid=found["metadata"]["uid"])
    until(lambda: get(field.pair.blue.get(VOLUMES, "", name), "status", "phase") == "Released")
    assert field.run("copy").code == 0
    assert not on_green(field, VOLUMES, name)
    assert "any claim could take it" in field.json("plan").object(f"PersistentVolume/{name}")["reason"]


def test_snapshots_of_blue_s_storage_are_safe_from_green(field: Sandbox) -> None:
    """A content that a driver took stays; one that a person made is kept, whatever happens to it on green."""
    define(field, CONTENTS)
    mine, taken = f"{field.namespace}-mine", f"{field.namespace}-taken"
    reference = {"namespace": field.namespace, "name": "s", "uid": "blue"}
    for name, source in ((mine, {"snapshotHandle": "h"}), (taken, {"volumeHandle": "v"})):
        spec = {"deletionPolicy": "Delete", "driver": "d.example.com", "source": source, "volumeSnapshotRef": reference}
        field.on_blue({**made("snapshot.storage.k8s.io/v1", CONTENTS.kind, name, spec=spec)})
    result = field.run("copy")
    assert result.code == 0, result.out
    spec = field.pair.green.get(CONTENTS, "", mine)["spec"]
    assert (spec["deletionPolicy"], "uid" in spec["volumeSnapshotRef"]) == ("Retain", False)
    assert not on_green(field, CONTENTS, taken)


def test_an_order_that_was_carried_out_is_not_repeated(field: Sandbox) -> None:
    """The controller on green would sync, and prune, at once."""
    define(field, APPLICATIONS)
    order = {"sync": {"revision": "main", "prune": True}}
    field.on_blue(made("argoproj.io/v1alpha1", "Application", "shop", spec={"project": "default"}, operation=order))
    assert field.run("copy").code == 0
    application = field.pair.green.get(APPLICATIONS, field.namespace, "shop")
    assert (application["spec"], "operation" in application) == ({"project": "default"}, False)


def test_an_owner_in_a_namespace_comes_before_what_it_owns_outside_of_any(field: Sandbox) -> None:
    """The role is on green after one copy, owned by green's object."""
    (owner,) = field.on_blue(config_map("edge"))
    reference = {"apiVersion": "v1", "kind": "ConfigMap", "name": "edge", "uid": owner["metadata"]["uid"]}
    rules = [{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get"]}]
    field.on_blue(made("rbac.authorization.k8s.io/v1", "ClusterRole", field.namespace, owners=[reference], rules=rules))
    assert field.run("copy").code == 0
    (found,) = field.pair.green.get(ROLES, "", field.namespace)["metadata"]["ownerReferences"]
    assert found["uid"] == field.green("ConfigMap", "edge")["metadata"]["uid"]


def test_classes_and_registries_in_less_usual_places(field: Sandbox) -> None:
    """The claim of an ephemeral volume, a volume that is an image, and the limit of a class."""
    field.configure(map={"storageClasses": {"fast": "ssd"}, "registries": {"registry.example.com": "mirror.example.com"}})
    workload = deployment("inference", 0)
    claim = {"accessModes": ["ReadWriteOnce"], "storageClassName": "fast", "resources": {"requests": {"storage": "1Gi"}}}
    workload["spec"]["template"]["spec"]["volumes"] = [
        {"name": "scratch", "ephemeral": {"volumeClaimTemplate": {"spec": claim}}},
        {"name": "model", "image": {"reference": "registry.example.com/models/small:1"}},
    ]
    hard = {"fast.storageclass.storage.k8s.io/requests.storage": "10Gi"}
    field.on_blue(workload, made("v1", "ResourceQuota", "q", spec={"hard": hard}))
    assert field.run("copy").code == 0
    spec = field.green("Deployment", "inference")["spec"]["template"]["spec"]
    assert spec["volumes"][0]["ephemeral"]["volumeClaimTemplate"]["spec"]["storageClassName"] == "ssd"
    assert spec["volumes"][1]["image"]["reference"] == "mirror.example.com/models/small:1"
    assert spec["containers"][0]["image"] == "mirror.example.com/team/app:1"
    assert field.green("ResourceQuota", "q")["spec"]["hard"] == {"ssd.storageclass.storage.k8s.io/requests.storage": "10Gi"}
