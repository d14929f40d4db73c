"""Which objects are written before others."""

from __future__ import annotations

import pytest

from migrator.model.manifest import Manifest, ref_of
from migrator.model.ref import ObjectRef
from migrator.rules.references import backend_services, references, scale_target
from tests.support.objects import config_map, made


def soft(manifest: Manifest) -> set[str]:
    """Return the references that only decide the order."""
    return {str(item.ref) for item in references(manifest, ref_of(manifest), {}) if not item.hard}


def test_namespace_owner_and_definition_are_hard() -> None:
    """Without them an object cannot be written; an owner may be in the namespace or in none."""
    manifest = made("g.example/v1", "Widget", "w", namespace="n", owners=[{"apiVersion": "v1", "kind": "ConfigMap", "name": "o"}])
    crd = ObjectRef("apiextensions.k8s.io", "CustomResourceDefinition", "", "widgets.g.example")
    found = {str(item.ref) for item in references(manifest, ref_of(manifest), {("g.example", "Widget"): crd}) if item.hard}
    assert found == {"Namespace/n", str(crd), "ConfigMap/n/o", "ConfigMap/o"}


def test_a_pod_comes_after_all_that_it_mounts_and_names() -> None:
    """Account, classes, pull secrets, volumes, projected volumes, environment."""
    spec = {
        "serviceAccountName": "robot",
        "priorityClassName": "high",
        "runtimeClassName": "kata",
        "imagePullSecrets": [{"name": "login"}],
        "volumes": [
            {"secret": {"secretName": "s1"}},
            {"persistentVolumeClaim": {"claimName": "c1"}},
            {"projected": {"sources": [{"configMap": {"name": "m1"}}, {"clusterTrustBundle": {"name": "t", "path": "ca"}}]}},
        ],
        "initContainers": [{"envFrom": [{"secretRef": {"name": "s2"}}]}],
        "containers": [{"env": [{"valueFrom": {"configMapKeyRef": {"name": "m2"}}}]}],
    }
    assert soft(made("v1", "Pod", "p", namespace="n", spec=spec)) == {
        "ServiceAccount/n/robot",
        "PriorityClass.scheduling.k8s.io/high",
        "RuntimeClass.node.k8s.io/kata",
        "Secret/n/login",
        "Secret/n/s1",
        "PersistentVolumeClaim/n/c1",
        "ConfigMap/n/m1",
        "ClusterTrustBundle.certificates.k8s.io/t",
        "Secret/n/s2",
        "ConfigMap/n/m2",
    }


RBAC = "rbac.authorization.k8s.io/v1"


@pytest.mark.parametrize(
    ("manifest", "wanted"),
    [
        (
            made(
                RBAC,
                "RoleBinding",
                "b",
                namespace="n",
                roleRef={"kind": "ClusterRole", "name": "r"},
                subjects=[{"kind": "ServiceAccount", "name": "a"}, {"kind": "User", "name": "u"}],
            ),
            {"ClusterRole.rbac.authorization.k8s.io/r", "ServiceAccount/n/a"},
        ),
        (
            made("v1", "Secret", "s", namespace="n", annotations={"kubernetes.io/service-account.name": "a"}),
            {"ServiceAccount/n/a"},
        ),
        (
            made("v1", "PersistentVolumeClaim", "c", namespace="n", spec={"volumeName": "v", "storageClassName": "fast"}),
            {"PersistentVolume/v", "StorageClass.storage.k8s.io/fast"},
        ),
        (
            made(
                "networking.k8s.io/v1",
                "Ingress",
                "i",
                namespace="n",
                spec={
                    "ingressClassName": "edge",
                    "tls": [{"secretName": "cert"}],
                    "rules": [{"http": {"paths": [{"backend": {"service": {"name": "web"}}}]}}],
                },
            ),
            {"IngressClass.networking.k8s.io/edge", "Secret/n/cert", "Service/n/web"},
        ),
        (made("v1", "Endpoints", "web", namespace="n"), {"Service/n/web"}),
        (config_map("a", namespace="n"), set()),
    ],
)
def test_each_kind_names_what_it_needs(manifest: Manifest, wanted: set[str]) -> None:
    """Bindings, token Secrets, claims, routes and endpoints have references of their own."""
    assert soft(manifest) == wanted


def test_an_autoscaler_s_target_is_in_its_namespace() -> None:
    """Without a target there is none."""
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
    scaler = made("autoscaling/v2", "HorizontalPodAutoscaler", "h", namespace="n", spec={"scaleTargetRef": target})
    assert scale_target(scaler) == ObjectRef("apps", "Deployment", "n", "web")
    assert scale_target(config_map("a")) is None


def test_services_behind_webhooks_conversions_and_apis_are_found() -> None:
    """A webhook with an address of its own needs none."""
    service = {"namespace": "n", "name": "hook"}
    hooks = made(
        "a/v1", "ValidatingWebhookConfiguration", "w", webhooks=[{"clientConfig": {"service": service}}, {"clientConfig": {}}]
    )
    crd = made("a/v1", "CustomResourceDefinition", "c", spec={"conversion": {"webhook": {"clientConfig": {"service": service}}}})
    api = made("a/v1", "APIService", "v1.g", spec={"service": service})
    assert [backend_services(item) for item in (hooks, crd, api)] == [[ObjectRef("", "Service", "n", "hook")]] * 3


def test_a_stateful_set_comes_after_the_claims_that_it_would_make() -> None:
    """Else its controller makes them from the template, which is smaller than they have grown to."""
    spec = {"replicas": 2, "ordinals": {"start": 1}, "volumeClaimTemplates": [{"metadata": {"name": "data"}}]}
    manifest = made("apps/v1", "StatefulSet", "db", namespace="n", spec=spec)
    found = {item.ref.name for item in references(manifest, ref_of(manifest), {}) if item.ref.kind == "PersistentVolumeClaim"}
    assert found == {"data-db-1", "data-db-2"}
