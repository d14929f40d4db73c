"""Let a Service ask on green for the address that it has on blue, where a controller in the cluster gives it from a pool.

Without that, green's controller gives the addresses of the same pool in its own order, and after the hand-over clients of one
Service would reach another one. Source: MetalLB's documentation ("Requesting specific IPs") and Cilium's ("LB-IPAM").
"""

from __future__ import annotations

import ipaddress
from typing import NamedTuple

from migrator.model.manifest import Manifest, get, put
from migrator.rules.context import Rule, RuleContext


class _Giver(NamedTuple):
    """One kind of controller, by what it writes on a Service."""

    annotation: str
    """Set when it has given an address; or else `condition`."""
    condition: str
    asked: str
    """The annotation that asks for addresses."""
    also: tuple[str, ...]
    """Others that ask: a person's own word stays."""


_GIVERS = (
    _Giver("metallb.io/ip-allocated-from-pool", "", "metallb.io/loadBalancerIPs", ("metallb.universe.tf/loadBalancerIPs",)),
    _Giver(
        "metallb.universe.tf/ip-allocated-from-pool",
        "",
        "metallb.universe.tf/loadBalancerIPs",
        ("metallb.io/loadBalancerIPs",),
    ),
    _Giver("", "cilium.io/IPAMRequestSatisfied", "lbipam.cilium.io/ips", ("io.cilium/lb-ipam-ips",)),
)
# kube-vip's cloud provider writes the annotation that asks (kube-vip.io/loadbalancerIPs) itself: it moves as it is.
_ASKING = frozenset(
    {"kube-vip.io/loadbalancerIPs", "purelb.io/addresses", *(name for it in _GIVERS for name in (it.asked, *it.also))}
)


def keep_address(manifest: Manifest, context: RuleContext) -> Manifest:
    """Return the Service with the annotation that asks for its address; unchanged where nobody gives one from a pool."""
    del context
    found = asked_for(manifest)
    return put(manifest, ("metadata", "annotations", found[0]), found[1]) if found else manifest


def asked_for(manifest: Manifest) -> tuple[str, str] | None:
    """Return the annotation that a Service needs, and its addresses; None where it needs none."""
    if get(manifest, "spec", "type") != "LoadBalancer" or get(manifest, "spec", "loadBalancerIP"):
        return None
    annotations = get(manifest, "metadata", "annotations") or {}
    conditions = {item.get("type") for item in get(manifest, "status", "conditions") or [] if item.get("status") == "True"}
    addresses = [item["ip"] for item in get(manifest, "status", "loadBalancer", "ingress") or [] if _is_ip(item.get("ip"))]
    for giver in _GIVERS:
        if giver.annotation in annotations or giver.condition in conditions:
            asks = any(name in annotations for name in (giver.asked, *giver.also))
            return None if asks or not addresses else (giver.asked, ",".join(addresses))
    return None


def asks(service: Manifest) -> bool:
    """Return whether a Service asks a controller for an address of its own choice."""
    annotations = get(service, "metadata", "annotations") or {}
    return bool(get(service, "spec", "loadBalancerIP")) or not _ASKING.isdisjoint(annotations)


def _is_ip(text: object) -> bool:
    try:
        return bool(text) and bool(ipaddress.ip_address(str(text)))
    except ValueError:
        return False


RULES = (Rule("pool-address", keep_address, frozenset({"Service"})),)
