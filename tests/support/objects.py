"""Small manifests for tests."""

from __future__ import annotations

from typing import Any

from migrator.model.manifest import Manifest
from migrator.model.ref import ResourceType


def made(api: str, kind: str, name: str, **fields: Any) -> Manifest:
    """Return a manifest; `labels`, `annotations`, `owners`, `finalizers` and `namespace` go into its metadata."""
    metadata: dict[str, Any] = {"name": name}
    for key, field in (
        ("labels", "labels"),
        ("annotations", "annotations"),
        ("finalizers", "finalizers"),
        ("namespace", "namespace"),
    ):
        if key in fields:
            metadata[field] = fields.pop(key)
    if "owners" in fields:
        metadata["ownerReferences"] = fields.pop("owners")
    return {"apiVersion": api, "kind": kind, "metadata": metadata, **fields}


def config_map(name: str, data: dict[str, str] | None = None, **fields: Any) -> Manifest:
    """Return a ConfigMap."""
    return made("v1", "ConfigMap", name, data=data or {"key": "value"}, **fields)


def pod_template(name: str, **labels: str) -> Manifest:
    """Return a pod template with one container."""
    return {
        "metadata": {"labels": {"app": name, **labels}},
        "spec": {"containers": [{"name": "main", "image": "registry.example.com/team/app:1"}]},
    }


def deployment(name: str, replicas: int = 1, **labels: str) -> Manifest:
    """Return a Deployment."""
    spec = {"replicas": replicas, "selector": {"matchLabels": {"app": name}}, "template": pod_template(name, **labels)}
    return made("apps/v1", "Deployment", name, spec=spec)


def service(name: str, **spec: Any) -> Manifest:
    """Return a Service for the pods of the same name."""
    body = {"selector": {"app": name}, "ports": [{"name": "http", "port": 80, "targetPort": 8080}], **spec}
    return made("v1", "Service", name, spec={key: value for key, value in body.items() if value is not None})


def job(name: str, **labels: str) -> Manifest:
    """Return a Job; the label `testbed/hold: "true"` keeps it running."""
    template = pod_template(name, **labels)
    template["spec"]["restartPolicy"] = "Never"
    return made("batch/v1", "Job", name, spec={"template": template})


def cron_job(name: str, **spec: Any) -> Manifest:
    """Return a CronJob that is never due."""
    template = pod_template(name)
    template["spec"]["restartPolicy"] = "Never"
    return made(
        "batch/v1", "CronJob", name, spec={"schedule": "0 0 1 1 *", "jobTemplate": {"spec": {"template": template}}, **spec}
    )


def crd(plural: str, kind: str, group: str, versions: tuple[str, ...] = ("v1",), *, status: bool = False) -> Manifest:
    """Return a CRD whose first version is stored; with `status`, that is a subresource, else a field as any other."""
    schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    subresources: dict[str, Any] = {"subresources": {"status": {}}} if status else {}
    spec = {
        "group": group,
        "scope": "Namespaced",
        "names": {"plural": plural, "singular": kind.lower(), "kind": kind},
        "versions": [
            {"name": name, "served": True, "storage": name == versions[0], "schema": schema, **subresources} for name in versions
        ],
    }
    return made("apiextensions.k8s.io/v1", "CustomResourceDefinition", f"{plural}.{group}", spec=spec)


def resource(group: str, version: str, kind: str, verbs: str = "list create") -> ResourceType:
    """Return a resource type."""
    return ResourceType(group, version, kind.lower() + "s", kind, namespaced=True, verbs=frozenset(verbs.split()))
