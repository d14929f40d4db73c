"""Manifests of real controllers that act on the world outside, as their documentation deploys them, in one namespace."""

from __future__ import annotations

import base64
from typing import Any

from migrator.model.manifest import Manifest
from migrator.testbed.name_server import ZONE, NameServer
from migrator.testbed.versions import EXTERNAL_DNS
from migrator.traffic.dns_server import read_key
from tests.support.objects import deployment, made, service

_RBAC = "rbac.authorization.k8s.io"
_READ = ["get", "list", "watch"]


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
            *("--rfc2136-tsig-secret-alg=hmac-sha256", f"--domain-filter={ZONE}", "--metrics-address=127.0.0.1:0"),
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
