"""A sample shop: what a small company runs on its cluster, in 70-odd objects of 25 kinds.

`python examples/shop.py` prints it as YAML; the demo and the tests deploy it to blue.
"""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Iterator
from typing import Any

Manifest = dict[str, Any]
NS = "shop"
SERVICES = ("frontend", "cart", "catalog", "checkout", "mail", "admission")


def shop() -> list[Manifest]:
    """Return the shop's manifests in an order that a cluster accepts; owners are named, their UIDs are filled in on deploy."""
    return [*_platform(), *_accounts(), *_settings(), *_storage(), *_workloads(), *_custom(), *_policies()]


def _object(
    api: str, kind: str, name: str, *, namespace: str | None = NS, labels: dict[str, str] | None = None, **fields: Any
) -> Manifest:
    metadata: Manifest = {"name": name, "labels": {"app.kubernetes.io/part-of": "shop", **(labels or {})}}
    if namespace:
        metadata["namespace"] = namespace
    metadata |= fields.pop("metadata", {})
    return {"apiVersion": api, "kind": kind, "metadata": metadata, **fields}


def _platform() -> Iterator[Manifest]:
    yield _object("v1", "Namespace", NS, namespace=None, labels={"team": "shop"})
    yield _object("v1", "Namespace", "shop-batch", namespace=None)
    yield _object("scheduling.k8s.io/v1", "PriorityClass", "shop-critical", namespace=None, value=100000)
    yield _object("storage.k8s.io/v1", "StorageClass", "shop-disk", namespace=None, provisioner="kubernetes.io/no-provisioner")
    yield _object("networking.k8s.io/v1", "IngressClass", "shop-edge", namespace=None, spec={"controller": "example.com/edge"})
    yield _object(
        "apiextensions.k8s.io/v1",
        "CustomResourceDefinition",
        "campaigns.shop.example.com",
        namespace=None,
        spec={
            "group": "shop.example.com",
            "scope": "Namespaced",
            "names": {"plural": "campaigns", "singular": "campaign", "kind": "Campaign"},
            "versions": [
                {
                    "name": "v1",
                    "served": True,
                    "storage": True,
                    "subresources": {"status": {}},
                    "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}},
                }
            ],
        },
    )
    limits = [{"type": "Container", "default": {"memory": "256Mi"}, "defaultRequest": {"cpu": "10m", "memory": "32Mi"}}]
    yield _object("v1", "LimitRange", "defaults", spec={"limits": limits})


def _accounts() -> Iterator[Manifest]:
    rbac = "rbac.authorization.k8s.io/v1"
    yield _object(
        "v1",
        "Secret",
        "registry-login",
        type="kubernetes.io/dockerconfigjson",
        data={".dockerconfigjson": _b64('{"auths":{}}')},
    )
    for name in ("frontend", "robot"):
        yield _object("v1", "ServiceAccount", name, imagePullSecrets=[{"name": "registry-login"}])
    token = {"annotations": {"kubernetes.io/service-account.name": "robot"}}
    yield _object("v1", "Secret", "robot-token", metadata=token, type="kubernetes.io/service-account-token")
    yield _object(rbac, "Role", "reader", rules=[{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get", "list"]}])
    subject = {"kind": "ServiceAccount", "name": "robot", "namespace": NS}
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "reader"}
    yield _object(rbac, "RoleBinding", "robot-reads", roleRef=role, subjects=[subject])
    verbs = ["get", "list", "watch"]
    yield _object(
        rbac,
        "ClusterRole",
        "shop-campaigns",
        namespace=None,
        rules=[{"apiGroups": ["shop.example.com"], "resources": ["campaigns"], "verbs": verbs}],
    )
    cluster_role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "shop-campaigns"}
    yield _object(rbac, "ClusterRoleBinding", "robot-campaigns", namespace=None, roleRef=cluster_role, subjects=[subject])


def _settings() -> Iterator[Manifest]:
    for service in SERVICES:
        yield _object("v1", "ConfigMap", f"{service}-settings", data={"LOG_LEVEL": "info", "PEERS": ",".join(SERVICES)})
    for name in ("payment-key", "mail-login", "session-key"):
        yield _object("v1", "Secret", name, stringData={"value": f"not-a-real-{name}"})
    yield _object("v1", "Secret", "shop-tls", type="kubernetes.io/tls", data={"tls.crt": _b64("crt"), "tls.key": _b64("key")})
    release = {
        "name": "shop",
        "namespace": NS,
        "version": 1,
        "info": {"status": "deployed"},
        "chart": {"metadata": {"name": "shop", "version": "1.0.0"}},
    }
    packed = base64.b64encode(gzip.compress(json.dumps(release).encode(), mtime=0)).decode()
    yield _object(
        "v1",
        "Secret",
        "sh.helm.release.v1.shop.v1",
        labels={"owner": "helm", "name": "shop", "status": "deployed", "version": "1"},
        type="helm.sh/release.v1",
        stringData={"release": packed},
    )


def _storage() -> Iterator[Manifest]:
    for number in (0, 1):
        spec = {
            "capacity": {"storage": "1Gi"},
            "accessModes": ["ReadWriteOnce"],
            "persistentVolumeReclaimPolicy": "Retain",
            "storageClassName": "shop-disk",
            "claimRef": {
                "apiVersion": "v1",
                "kind": "PersistentVolumeClaim",
                "namespace": NS,
                "name": f"data-database-{number}",
            },
            "nfs": {"server": "nas.example.com", "path": f"/shop/{number}"},
        }
        yield _object("v1", "PersistentVolume", f"shop-disk-{number}", namespace=None, spec=spec)


def _workloads() -> Iterator[Manifest]:
    for service in SERVICES:
        labels = {"app": service}
        pod = _pod(service, labels)
        spec = {"replicas": 2, "selector": {"matchLabels": labels}, "template": pod}
        yield _object("apps/v1", "Deployment", service, labels=labels, spec=spec)
        port: Manifest = {"name": "http", "port": 80, "targetPort": 8080}
        extra: Manifest = {}
        if service == "frontend":
            port["nodePort"] = 30080
            extra = {"type": "NodePort"}
        yield _object("v1", "Service", service, spec={"selector": labels, "ports": [port], **extra})
    labels = {"app": "database"}
    yield _object(
        "v1",
        "Service",
        "database",
        spec={"clusterIP": "None", "selector": labels, "ports": [{"name": "sql", "port": 5432}]},
    )
    claim = {
        "metadata": {"name": "data"},
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "storageClassName": "shop-disk",
            "resources": {"requests": {"storage": "1Gi"}},
        },
    }
    yield _object(
        "apps/v1",
        "StatefulSet",
        "database",
        spec={
            "serviceName": "database",
            "replicas": 2,
            "selector": {"matchLabels": labels},
            "template": _pod("database", labels),
            "volumeClaimTemplates": [claim],
        },
    )
    agent = {"app": "log-agent"}
    yield _object(
        "apps/v1",
        "DaemonSet",
        "log-agent",
        spec={"selector": {"matchLabels": agent}, "template": _pod("log-agent", agent)},
    )
    once = {
        "restartPolicy": "Never",
        "containers": [{"name": "migrate", "image": "registry.example.com/shop/schema:1.4"}],
    }
    yield _object("batch/v1", "Job", "schema-1-4", spec={"template": {"spec": once}})
    for name, schedule in (("nightly-invoices", "0 2 * * *"), ("hourly-stock", "5 * * * *")):
        job = {"spec": {"template": {"spec": {**once, "restartPolicy": "OnFailure"}}}}
        yield _object("batch/v1", "CronJob", name, namespace="shop-batch", spec={"schedule": schedule, "jobTemplate": job})
    yield _object("v1", "Service", "legacy-erp", spec={"ports": [{"name": "http", "port": 80}]})
    yield _object(
        "discovery.k8s.io/v1",
        "EndpointSlice",
        "legacy-erp-1",
        labels={"kubernetes.io/service-name": "legacy-erp"},
        addressType="IPv4",
        endpoints=[{"addresses": ["192.0.2.10"]}],
        ports=[{"name": "http", "port": 8080, "protocol": "TCP"}],
    )


def _custom() -> Iterator[Manifest]:
    for name in ("spring-sale", "summer-sale"):
        yield _object("shop.example.com/v1", "Campaign", name, spec={"discount": 15, "banner": f"{name}-banner"})
        owner = {"apiVersion": "shop.example.com/v1", "kind": "Campaign", "name": name}
        yield _object(
            "v1",
            "ConfigMap",
            f"{name}-banner",
            metadata={"ownerReferences": [owner]},
            data={"text": f"{name}: 15 % off"},
        )


def _policies() -> Iterator[Manifest]:
    for service in ("frontend", "cart", "checkout"):
        selector = {"matchLabels": {"app": service}}
        yield _object("policy/v1", "PodDisruptionBudget", service, spec={"minAvailable": 1, "selector": selector})
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "frontend"}
    metric = {
        "type": "Resource",
        "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 70}},
    }
    yield _object(
        "autoscaling/v2",
        "HorizontalPodAutoscaler",
        "frontend",
        spec={"minReplicas": 2, "maxReplicas": 6, "scaleTargetRef": target, "metrics": [metric]},
    )
    backend = {"service": {"name": "frontend", "port": {"name": "http"}}}
    rule = {"host": "shop.example.com", "http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": backend}]}}
    tls = [{"hosts": ["shop.example.com"], "secretName": "shop-tls"}]
    yield _object("networking.k8s.io/v1", "Ingress", "shop", spec={"ingressClassName": "shop-edge", "rules": [rule], "tls": tls})
    yield _object("networking.k8s.io/v1", "NetworkPolicy", "deny-by-default", spec={"podSelector": {}, "policyTypes": ["Ingress"]})
    peers = [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": NS}}}]
    yield _object("networking.k8s.io/v1", "NetworkPolicy", "inside", spec={"podSelector": {}, "ingress": [{"from": peers}]})
    yield _object("v1", "ResourceQuota", "budget", spec={"hard": {"pods": "60", "services": "20"}})
    hook = {
        "name": "orders.shop.example.com",
        "clientConfig": {"service": {"namespace": NS, "name": "admission", "path": "/validate"}},
        "rules": [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["configmaps"]}],
        "objectSelector": {"matchLabels": {"shop.example.com/order": "true"}},
        "failurePolicy": "Ignore",  # a pod of KWOK answers nobody, and `validate` asks the webhooks that fail closed
        "sideEffects": "None",
        "admissionReviewVersions": ["v1"],
        "timeoutSeconds": 2,
    }
    yield _object(
        "admissionregistration.k8s.io/v1",
        "ValidatingWebhookConfiguration",
        "shop-orders",
        namespace=None,
        webhooks=[hook],
    )


def _pod(service: str, labels: dict[str, str]) -> Manifest:
    container: Manifest = {
        "name": service,
        "image": f"registry.example.com/shop/{service}:2.3",
        "ports": [{"name": "http", "containerPort": 8080}],
        "resources": {"requests": {"cpu": "50m", "memory": "64Mi"}},
    }
    if service in SERVICES:
        container["envFrom"] = [{"configMapRef": {"name": f"{service}-settings"}}]
    spec: Manifest = {"containers": [container]}
    if service == "frontend":
        spec |= {"serviceAccountName": "frontend", "priorityClassName": "shop-critical"}
    if service == "checkout":
        container["env"] = [{"name": "KEY", "valueFrom": {"secretKeyRef": {"name": "payment-key", "key": "value"}}}]
    return {"metadata": {"labels": labels}, "spec": spec}


def _b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


if __name__ == "__main__":
    import yaml

    print(yaml.safe_dump_all(shop(), sort_keys=False))
