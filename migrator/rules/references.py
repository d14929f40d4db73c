"""Read from a manifest which other objects it refers to.

References to owners, to the namespace and to the CRD are hard: without them the object cannot or must not be written.
All other references are soft: they only decide the order.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from migrator.model.manifest import Manifest, containers, get, pod_spec
from migrator.model.ref import ObjectRef

_RBAC = "rbac.authorization.k8s.io"
# A StatefulSet's claims are named by number; a count that nobody means must not fill the memory.
_MOST_REPLICAS = 1000


class Reference(NamedTuple):
    """One object that should be written first."""

    ref: ObjectRef
    hard: bool = False


def references(manifest: Manifest, ref: ObjectRef, crds: dict[tuple[str, str], ObjectRef]) -> Iterator[Reference]:
    """Yield the references of a manifest; their objects may not exist, or may not move."""
    if ref.namespace:
        yield Reference(ObjectRef("", "Namespace", "", ref.namespace), hard=True)
    crd = crds.get((ref.group, ref.kind))
    if crd:
        # Without its CRD green has no path at which the object could be created.
        yield Reference(crd, hard=True)
    for owner in manifest["metadata"].get("ownerReferences") or []:
        group, _, _ = owner["apiVersion"].rpartition("/")
        # An owner reference has no namespace: the owner is in the same one, or cluster-scoped (meta/v1, OwnerReference).
        yield Reference(ObjectRef(group, owner["kind"], ref.namespace, owner["name"]), hard=True)
        yield Reference(ObjectRef(group, owner["kind"], "", owner["name"]), hard=True)
    spec = pod_spec(manifest)
    if spec:
        for soft in _pod_references(spec, ref.namespace):
            yield Reference(soft)
    reader = _BY_TYPE.get(ref.type_name)
    if reader:
        for soft in reader(manifest, ref.namespace):
            yield Reference(soft)


def _pod_references(spec: Manifest, ns: str) -> Iterator[ObjectRef]:
    yield ObjectRef("", "ServiceAccount", ns, spec.get("serviceAccountName") or "default")
    if spec.get("priorityClassName"):
        yield ObjectRef("scheduling.k8s.io", "PriorityClass", "", spec["priorityClassName"])
    if spec.get("runtimeClassName"):
        yield ObjectRef("node.k8s.io", "RuntimeClass", "", spec["runtimeClassName"])
    for secret in spec.get("imagePullSecrets") or []:
        yield ObjectRef("", "Secret", ns, secret.get("name", ""))
    for volume in spec.get("volumes") or []:
        yield from _volume_references(volume, ns)
        for source in get(volume, "projected", "sources") or []:
            yield from _volume_references(source, ns)
    for container in containers(spec):
        for source in container.get("envFrom") or []:
            yield from _named(source, ns, ("configMapRef", "ConfigMap"), ("secretRef", "Secret"))
        for variable in container.get("env") or []:
            yield from _named(variable.get("valueFrom") or {}, ns, ("configMapKeyRef", "ConfigMap"), ("secretKeyRef", "Secret"))


def _volume_references(volume: Manifest, ns: str) -> Iterator[ObjectRef]:
    if get(volume, "secret", "secretName"):
        yield ObjectRef("", "Secret", ns, volume["secret"]["secretName"])
    if get(volume, "persistentVolumeClaim", "claimName"):
        yield ObjectRef("", "PersistentVolumeClaim", ns, volume["persistentVolumeClaim"]["claimName"])
    if get(volume, "clusterTrustBundle", "name"):
        yield ObjectRef("certificates.k8s.io", "ClusterTrustBundle", "", volume["clusterTrustBundle"]["name"])
    yield from _named(volume, ns, ("configMap", "ConfigMap"), ("secret", "Secret"))


def _named(source: Manifest, ns: str, *fields: tuple[str, str]) -> Iterator[ObjectRef]:
    for field, kind in fields:
        name = get(source, field, "name")
        if name:
            yield ObjectRef("", kind, ns, name)


def _binding(manifest: Manifest, ns: str) -> Iterator[ObjectRef]:
    role = manifest["roleRef"]
    yield ObjectRef(_RBAC, role["kind"], ns if role["kind"] == "Role" else "", role["name"])
    for subject in manifest.get("subjects") or []:
        if subject["kind"] == "ServiceAccount":
            yield ObjectRef("", "ServiceAccount", subject.get("namespace") or ns, subject["name"])


def _secret(manifest: Manifest, ns: str) -> Iterator[ObjectRef]:
    account = get(manifest, "metadata", "annotations", "kubernetes.io/service-account.name")
    if account:
        yield ObjectRef("", "ServiceAccount", ns, account)


def _claim(manifest: Manifest, _: str) -> Iterator[ObjectRef]:
    if get(manifest, "spec", "volumeName"):
        yield ObjectRef("", "PersistentVolume", "", manifest["spec"]["volumeName"])
    if get(manifest, "spec", "storageClassName"):
        yield ObjectRef("storage.k8s.io", "StorageClass", "", manifest["spec"]["storageClassName"])


def _stateful_set(manifest: Manifest, ns: str) -> Iterator[ObjectRef]:
    spec = manifest.get("spec") or {}
    if spec.get("serviceName"):
        yield ObjectRef("", "Service", ns, spec["serviceName"])
    # Its controller makes the claims that are not there from the template: smaller than they have grown to.
    first = get(spec, "ordinals", "start") or 0
    for template in spec.get("volumeClaimTemplates") or []:
        for number in range(first, first + min(spec.get("replicas") or 0, _MOST_REPLICAS)):
            yield ObjectRef(
                "", "PersistentVolumeClaim", ns, f"{template['metadata']['name']}-{manifest['metadata']['name']}-{number}"
            )


def _endpoints(manifest: Manifest, ns: str) -> Iterator[ObjectRef]:
    service = get(manifest, "metadata", "labels", "kubernetes.io/service-name") or manifest["metadata"]["name"]
    yield ObjectRef("", "Service", ns, service)


def _ingress(manifest: Manifest, ns: str) -> Iterator[ObjectRef]:
    spec = manifest.get("spec") or {}
    if spec.get("ingressClassName"):
        yield ObjectRef("networking.k8s.io", "IngressClass", "", spec["ingressClassName"])
    for tls in spec.get("tls") or []:
        if tls.get("secretName"):
            yield ObjectRef("", "Secret", ns, tls["secretName"])
    paths = [path for rule in spec.get("rules") or [] for path in get(rule, "http", "paths") or []]
    for backend in [spec.get("defaultBackend"), *(path.get("backend") for path in paths)]:
        name = get(backend, "service", "name")
        if name:
            yield ObjectRef("", "Service", ns, name)


def _autoscaler(manifest: Manifest, ns: str) -> Iterator[ObjectRef]:
    target = scale_target(manifest)
    if target:
        yield target._replace(namespace=ns)


def scale_target(manifest: Manifest) -> ObjectRef | None:
    """Return the workload that a HorizontalPodAutoscaler scales."""
    target = get(manifest, "spec", "scaleTargetRef")
    if not target:
        return None
    group, _, _ = (target.get("apiVersion") or "").rpartition("/")
    return ObjectRef(group, target["kind"], manifest["metadata"].get("namespace", ""), target["name"])


def _webhooks(manifest: Manifest, _: str) -> Iterator[ObjectRef]:
    yield from backend_services(manifest)


def backend_services(manifest: Manifest) -> list[ObjectRef]:
    """Return the Services that must answer before a webhook configuration, APIService or converting CRD is of use."""
    clients = [webhook.get("clientConfig") for webhook in manifest.get("webhooks") or []]
    clients.append(get(manifest, "spec", "conversion", "webhook", "clientConfig"))
    services = [get(client, "service") for client in clients]
    if manifest["kind"] == "APIService":
        services.append(get(manifest, "spec", "service"))
    return [ObjectRef("", "Service", service["namespace"], service["name"]) for service in services if service]


def _policy_binding(manifest: Manifest, _: str) -> Iterator[ObjectRef]:
    kind = manifest["kind"].removesuffix("Binding")
    yield ObjectRef("admissionregistration.k8s.io", kind, "", get(manifest, "spec", "policyName") or "")


_BY_TYPE = {
    f"RoleBinding.{_RBAC}": _binding,
    f"ClusterRoleBinding.{_RBAC}": _binding,
    "Secret": _secret,
    "PersistentVolumeClaim": _claim,
    "StatefulSet.apps": _stateful_set,
    "Endpoints": _endpoints,
    "EndpointSlice.discovery.k8s.io": _endpoints,
    "Ingress.networking.k8s.io": _ingress,
    "HorizontalPodAutoscaler.autoscaling": _autoscaler,
    "ValidatingWebhookConfiguration.admissionregistration.k8s.io": _webhooks,
    "MutatingWebhookConfiguration.admissionregistration.k8s.io": _webhooks,
    "APIService.apiregistration.k8s.io": _webhooks,
    "ValidatingAdmissionPolicyBinding.admissionregistration.k8s.io": _policy_binding,
    "MutatingAdmissionPolicyBinding.admissionregistration.k8s.io": _policy_binding,
}
