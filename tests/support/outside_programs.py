"""Manifests of real controllers that act on the world outside, as their documentation deploys them, in one namespace."""

from __future__ import annotations

import base64
from typing import Any

from migrator.model.manifest import Manifest
from migrator.testbed.name_server import ZONE, NameServer
from migrator.testbed.versions import ARGO_ROLLOUTS, CERT_MANAGER, EXTERNAL_DNS, KUSTOMIZE_CONTROLLER, METALLB
from migrator.traffic.dns_server import read_key
from tests.support.objects import deployment, made, service
from tests.support.pebble import Pebble

_RBAC = "rbac.authorization.k8s.io"
_READ = ["get", "list", "watch"]
_ALL = {"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}


def tsig(server: NameServer) -> Manifest:
    """Return the Secret with the key that may update the zone."""
    ((key,),) = (read_key(server.key).ring.values(),)
    return made("v1", "Secret", "tsig", stringData={"secret": base64.b64encode(key.secret).decode()})


def published(name: str) -> Manifest:
    """Return a Service whose address external-dns writes under its name."""
    manifest = service(name, type="LoadBalancer")
    manifest["metadata"]["annotations"] = {"external-dns.alpha.kubernetes.io/hostname": f"{name}.{ZONE}"}
    return manifest


def external_dns(server: NameServer, namespace: str) -> list[Manifest]:
    """Return external-dns with its policy `sync`, which deletes what it no longer sees."""
    container = {
        "name": "external-dns",
        "image": f"registry.k8s.io/external-dns/external-dns:v{EXTERNAL_DNS}",
        "args": [
            *("--source=service", "--service-type-filter=LoadBalancer", f"--namespace={namespace}"),
            *("--provider=rfc2136", "--rfc2136-host=127.0.0.1", f"--rfc2136-port={server.port}"),
            *(f"--rfc2136-zone={ZONE}", "--rfc2136-tsig-axfr", "--rfc2136-tsig-keyname=migrator"),
            *("--rfc2136-tsig-secret-alg=hmac-sha256", f"--domain-filter={ZONE}", "--metrics-address=:7979"),
            *("--policy=sync", "--registry=txt", f"--txt-owner-id={namespace}", "--interval=1s"),
        ],
        "env": [
            {
                "name": "EXTERNAL_DNS_RFC2136_TSIG_SECRET",
                "valueFrom": {"secretKeyRef": {"name": "tsig", "key": "secret"}},
            }
        ],
    }
    rules = [
        {"apiGroups": [""], "resources": ["services", "pods"], "verbs": _READ},
        {"apiGroups": ["discovery.k8s.io"], "resources": ["endpointslices"], "verbs": _READ},
    ]
    return [*_account("external-dns", namespace, rules), _workload("external-dns", container)]


def rolled_out(manifests: list[Manifest], namespace: str) -> list[Manifest]:
    """Return these with their Deployments at 0 replicas, a Rollout that takes its pods from each, and the controller of Rollouts."""
    container = {
        "name": "argo-rollouts",
        "image": f"quay.io/argoproj/argo-rollouts:v{ARGO_ROLLOUTS}",
        "args": ["--namespaced", "--metricsPort=0", "--healthzPort=0", "--leader-elect=false"],
    }
    found: list[Manifest] = []
    for manifest in manifests:
        if manifest["kind"] == "Deployment":
            name = manifest["metadata"]["name"]
            reference = {"apiVersion": "apps/v1", "kind": "Deployment", "name": name}
            spec = {"replicas": 1, "workloadRef": reference, "strategy": {"canary": {}}}
            found.append(made("argoproj.io/v1alpha1", "Rollout", name, spec=spec))
            found.append(manifest | {"spec": manifest["spec"] | {"replicas": 0}})
        else:
            found.append(manifest)
    return [*_account("argo-rollouts", namespace, [_ALL]), _workload("argo-rollouts", container), *found]


def cert_manager(server: NameServer, namespace: str) -> list[Manifest]:
    """Return cert-manager's controllers for this namespace."""
    container = {
        "name": "cert-manager-controller",
        "image": f"quay.io/jetstack/cert-manager-controller:v{CERT_MANAGER}",
        "args": [
            *(f"--namespace={namespace}", f"--leader-election-namespace={namespace}"),
            f"--dns01-recursive-nameservers={server.address}",
        ],
    }
    groups = ["", "coordination.k8s.io", "cert-manager.io", "acme.cert-manager.io", "networking.k8s.io", "events.k8s.io"]
    rules = [{"apiGroups": groups, "resources": ["*"], "verbs": ["*"]}]
    return [*_account("cert-manager", namespace, rules), _workload("cert-manager", container)]


def certificates(server: NameServer, acme: Pebble, names: tuple[str, ...]) -> list[Manifest]:
    """Return an issuer that proves names by DNS-01, and a certificate for each name."""
    solver = {
        "dns01": {
            "rfc2136": {
                "nameserver": server.address,
                "tsigKeyName": "migrator",
                "tsigAlgorithm": "HMACSHA256",
                "tsigSecretSecretRef": {"name": "tsig", "key": "secret"},
            }
        }
    }
    spec = {
        "server": acme.directory,
        "caBundle": base64.b64encode(acme.authority).decode(),
        "privateKeySecretRef": {"name": "acme-account"},
        "solvers": [solver],
    }
    found = [made("cert-manager.io/v1", "Issuer", "acme", spec={"acme": spec})]
    for name in names:
        asked = {"secretName": f"tls-{name}", "dnsNames": [f"{name}.{ZONE}"], "issuerRef": {"name": "acme"}}
        found.append(made("cert-manager.io/v1", "Certificate", name, spec=asked))
    return found


def kustomize_controller(namespace: str) -> list[Manifest]:
    """Return Flux's kustomize-controller for this namespace, which may make anything in it."""
    container = {
        "name": "manager",
        "image": f"ghcr.io/fluxcd/kustomize-controller:v{KUSTOMIZE_CONTROLLER}",
        "args": [
            *("--watch-all-namespaces=false", "--enable-leader-election", "--requeue-dependency=1s"),
            *("--metrics-addr=0", "--health-addr=127.0.0.1:0"),
        ],
        "env": [{"name": "RUNTIME_NAMESPACE", "valueFrom": {"fieldRef": {"fieldPath": "metadata.namespace"}}}],
    }
    return [*_account("kustomize-controller", namespace, [_ALL]), _workload("kustomize-controller", container)]


def metallb(namespace: str) -> list[Manifest]:
    """Return MetalLB's controller, which gives Services of a class of their own their addresses, and its speaker."""
    container = {
        "name": "controller",
        "image": f"quay.io/metallb/controller:v{METALLB}",
        "args": ["--port=0", "--webhook-mode=disabled", f"--lb-class={lb_class(namespace)}"],
        "env": [
            {"name": "METALLB_NAMESPACE", "valueFrom": {"fieldRef": {"fieldPath": "metadata.namespace"}}},
        ],
    }
    speaker = _workload("speaker", {"name": "speaker", "image": f"quay.io/metallb/speaker:v{METALLB}"})
    for field in ("replicas", "strategy"):
        del speaker["spec"][field]
    accounts = [*_account("controller", namespace, [_ALL]), made("v1", "ServiceAccount", "speaker")]
    return [*accounts, _workload("controller", container), speaker | {"kind": "DaemonSet"}]


def lb_class(namespace: str) -> str:
    """Return the class of a test's own Services: those of another test that are left must not take its addresses."""
    return f"example.test/{namespace}"


def sees_services(namespace: str) -> Manifest:
    """Return MetalLB's right to see and to write the Services of all namespaces."""
    subject = {"kind": "ServiceAccount", "name": "controller", "namespace": namespace}
    role = {"apiGroup": _RBAC, "kind": "ClusterRole", "name": "cluster-admin"}
    return made(f"{_RBAC}/v1", "ClusterRoleBinding", namespace, subjects=[subject], roleRef=role)


def _workload(name: str, container: dict[str, Any]) -> Manifest:
    """Return a Deployment whose pods are real processes; two of them never run at once on one side either."""
    manifest = deployment(name, 1, **{"testbed/process": "true"})
    manifest["spec"]["strategy"] = {"type": "Recreate"}
    manifest["spec"]["template"]["spec"] = {"serviceAccountName": name, "containers": [container]}
    return manifest


def _account(name: str, namespace: str, rules: list[dict[str, Any]]) -> list[Manifest]:
    subject = {"kind": "ServiceAccount", "name": name, "namespace": namespace}
    return [
        made("v1", "ServiceAccount", name),
        made(f"{_RBAC}/v1", "Role", name, rules=rules),
        made(f"{_RBAC}/v1", "RoleBinding", name, subjects=[subject], roleRef={"apiGroup": _RBAC, "kind": "Role", "name": name}),
    ]
