"""Keep the addresses and ports that a person chose for a Service; green allocates all others again.

Field ownership tells which values a person chose: the API server adds allocated addresses and ports after it has
recorded the owner of each field, so an allocated value has no owner.
"""

from __future__ import annotations

import ipaddress
import json
from typing import Any

from migrator.model.manifest import Manifest, drop, get, map_list, put, ref_of, without
from migrator.rules.context import Hindrance, Rule, RuleContext
from migrator.rules.pool_addresses import asked_for, asks

_LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


def chosen_spec(manifest: Manifest) -> tuple[set[str], set[tuple[int, str]]]:
    """Return the spec fields, and the (port, protocol) pairs with a nodePort, that a person has set."""
    fields: set[str] = set()
    ports: set[tuple[int, str]] = set()
    for entry in manifest["metadata"].get("managedFields") or []:
        # Status is written by controllers, and says nothing of what a person chose.
        if entry.get("subresource"):
            continue
        owned = get(entry, "fieldsV1", "f:spec") or {}
        fields |= {key.removeprefix("f:") for key in owned}
        # A port's key in managedFields is its port and protocol (core/v1, listMapKey of Service ports).
        ports |= {_port_key(key) for key, inner in (owned.get("f:ports") or {}).items() if "f:nodePort" in inner}
    # Objects older than Kubernetes 1.18 have no managedFields until their next write; kubectl's annotation is what they have.
    applied = _last_applied_spec(manifest)
    fields |= applied.keys()
    ports |= {(port["port"], str(port.get("protocol", "TCP"))) for port in _applied_ports(applied) if port.get("nodePort")}
    return fields, ports


def reset_allocations(manifest: Manifest, context: RuleContext) -> Manifest:
    """Return the Service without allocated cluster IPs, node ports and health check port."""
    spec = manifest["spec"]
    fields, ports = chosen_spec(manifest)
    # A headless Service has `None` by choice of a person; no API server allocates it.
    if spec.get("clusterIP") != "None" and (
        not fields & {"clusterIP", "clusterIPs"} or not in_green_range(spec.get("clusterIP", ""), context)
    ):
        manifest = drop(drop(manifest, "spec", "clusterIP"), "spec", "clusterIPs")
    elif "clusterIPs" not in fields and len(spec.get("clusterIPs") or []) > 1:
        # The second address was allocated beside the chosen one, from a range that green may not have.
        manifest = put(manifest, ("spec", "clusterIPs"), spec["clusterIPs"][:1])
    # Blue's default family would be refused where green's is the other one; of two the order is a choice, if green has both.
    if "ipFamilies" not in fields and (spec.get("ipFamilyPolicy", "SingleStack") == "SingleStack" or _has_one_family(context)):
        manifest = drop(manifest, "spec", "ipFamilies")
    # Allocated for externalTrafficPolicy: Local; another Service of green may have it.
    if "healthCheckNodePort" not in fields:
        manifest = drop(manifest, "spec", "healthCheckNodePort")

    def without_allocated(port: Manifest) -> Manifest:
        return port if (port["port"], port.get("protocol", "TCP")) in ports else without(port, "nodePort")

    listed = get(manifest, "spec", "ports")
    return put(manifest, ("spec", "ports"), map_list(listed, without_allocated)) if listed else manifest


def in_green_range(address: str, context: RuleContext) -> bool:
    """Return whether green can allocate this cluster IP; True where green's ranges are unknown."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    networks = context.green.service_networks
    return not networks or any(parsed in network for network in networks)


def _has_one_family(context: RuleContext) -> bool:
    """Return whether green's Services are known to be of IPv4 or of IPv6 alone."""
    return len({network.version for network in context.green.service_networks}) == 1


def notes(manifest: Manifest, context: RuleContext) -> list[str]:
    """Return what a person should know about a Service's addresses."""
    fields, _ = chosen_spec(manifest)
    address = get(manifest, "spec", "clusterIP") or ""
    found = []
    if "clusterIP" in fields and address not in ("", "None") and not in_green_range(address, context):
        found.append(f"chosen cluster IP {address} is outside green's service ranges; green allocates another")
    if get(manifest, "spec", "type") == "LoadBalancer":
        found.append(_note_of_address(manifest))
    return found


def _note_of_address(manifest: Manifest) -> str:
    asked = asked_for(manifest)
    if asked:
        return f"asks green's controller for the external address that it has on blue: {asked[1]}"
    if get(manifest, "status", "loadBalancer", "ingress") or asks(manifest):
        return "green's load balancer controller assigns a new external address"
    return (
        "has no external address on blue; where green's come from a pool, it may take one that another Service asks for:"
        " leave it out (move.objects.exclude) until that one has it"
    )


def hindrance(manifest: Manifest, context: RuleContext) -> Hindrance | None:
    """Return why a chosen address or port is not available on green."""
    ref = ref_of(manifest)
    ref = ref._replace(namespace=context.green_namespace(ref.namespace))
    fields, ports = chosen_spec(manifest)
    address = get(manifest, "spec", "clusterIP") or ""
    holder = context.green.used_cluster_ips.get(address) if "clusterIP" in fields else None
    # Its own holder: a copy that is run again.
    if holder and holder != ref:
        return Hindrance(f"cluster IP {address} is taken on green by {holder}", "free it there, or drop clusterIP with a transform")
    for port in get(manifest, "spec", "ports") or []:
        chosen = (port["port"], port.get("protocol", "TCP")) in ports
        taken = context.green.used_node_ports.get(port.get("nodePort", 0)) if chosen else None
        if taken and taken != ref:
            return Hindrance(
                f"node port {port['nodePort']} is taken on green by {taken}",
                "free it there, or drop nodePort with a transform",
            )
    return None


def _last_applied_spec(manifest: Manifest) -> dict[str, Any]:
    text = get(manifest, "metadata", "annotations", _LAST_APPLIED)
    try:
        spec = get(json.loads(text), "spec") if text else None
    except (ValueError, TypeError, RecursionError):
        spec = None
    return spec if isinstance(spec, dict) else {}


def _applied_ports(applied: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the ports of an annotation, which may hold anything: no API server has validated it."""
    listed = applied.get("ports")
    return [port for port in listed if isinstance(get(port, "port"), int)] if isinstance(listed, list) else []


def _port_key(key: str) -> tuple[int, str]:
    # Structured-merge-diff writes keys of list items as `k:` and JSON.
    fields = json.loads(key.removeprefix("k:"))
    return fields["port"], fields.get("protocol", "TCP")


RULES = (Rule("service-allocations", reset_allocations, frozenset({"Service"})),)
