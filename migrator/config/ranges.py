"""What kubeadm takes for a cluster's endpoint and ranges of addresses; what it refuses is told before any host is changed."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from typing import Any

from migrator.model.kubeadm import extra_args
from migrator.model.strange import STRANGE

_ENDPOINT = re.compile(r"(?P<host>[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?):(?P<port>\d{1,5})")
# MaximumBitsForServiceSubnet and MinimumAddressesInServiceSubnet (kubernetes, cmd/kubeadm/app/constants).
_SERVICE_PREFIXES = range(12, 29)
# What a node gets of the pods' range where nothing else is said (--node-cidr-mask-size).
_NODE_PREFIX = 24


def endpoint(text: str) -> str:
    """Return the endpoint of an API server; raises ValueError for one that is not host:port."""
    found = _ENDPOINT.fullmatch(text)
    if not found or not 0 < int(found["port"]) < 65536:
        raise ValueError(f"{text!r} is not host:port in lower case, such as 10.0.0.100:6443 or api.home.arpa:6443")
    return text


def require_kubeadms(services: str) -> None:
    """Raise ValueError for a range of Services that kubeadm refuses (kubernetes#95723)."""
    if ipaddress.ip_network(services).prefixlen not in _SERVICE_PREFIXES:
        sizes = f"/{_SERVICE_PREFIXES[0]} to /{_SERVICE_PREFIXES[-1]}"
        raise ValueError(f"serviceSubnet {services} is too large or too small for kubeadm, which takes {sizes}")


def require_room(pods: str, kubeadm: Mapping[str, Any], nodes: int) -> None:
    """Raise ValueError where the pods' range is smaller than what one node gets of it, or has too few such parts (kubeadm#2327)."""
    try:
        given = dict(extra_args(kubeadm, "controllerManager"))
    except STRANGE:
        given = {}  # kubeadm says so
    told = given.get("node-cidr-mask-size-ipv4") or given.get("node-cidr-mask-size") or ""
    prefix, each = ipaddress.ip_network(pods).prefixlen, int(told) if told.isdecimal() else _NODE_PREFIX
    if prefix > each or 2 ** (each - prefix) < nodes:
        raise ValueError(
            f"podSubnet {pods} has no room for a /{each} for each of {nodes} nodes: take a larger one, "
            "or node-cidr-mask-size in kubeadm.controllerManager.extraArgs"
        )
