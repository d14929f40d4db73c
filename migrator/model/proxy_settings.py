"""Settings of kube-proxy that it refuses as it starts, each by the rules of its own validation; pure.

The rules are those of pkg/proxy/apis/config/validation of 1.34 to 1.37, for what people write into its ConfigMap by hand.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping
from typing import Any

from migrator.model.manifest import get

_MODES = ("iptables", "ipvs", "nftables")
_LOCAL_MODES = ("ClusterCIDR", "NodeCIDR", "BridgeInterface", "InterfaceNamePrefix")
# From this minor on these words may stand beside networks, too.
_WORDS_SINCE = 37
_WORDS = frozenset({"primary", "localhost", "all"})
_PORTS = range(1, 65536)


def refused(settings: Mapping[str, Any], minor: int) -> Iterator[str]:
    """Yield what kube-proxy of a minor refuses of these settings, as `FIELD: VALUE`; an empty value is the default."""
    config = dict(settings)
    gates = get(config, "featureGates") or {}
    mode = str(config.get("mode") or "iptables")
    if mode not in _MODES or (mode == "ipvs" and gates.get("KubeProxyIPVS") is False):
        yield f"mode: {mode}"
    local = str(config.get("detectLocalMode") or _LOCAL_MODES[0])
    if local not in _LOCAL_MODES:
        yield f"detectLocalMode: {local}"
    if config.get("bindAddress") and not _is_address(config["bindAddress"]):
        yield f"bindAddress: {config['bindAddress']}"
    for key in ("healthzBindAddress", "metricsBindAddress"):
        if config.get(key) and not _is_endpoint(str(config[key])):
            yield f"{key}: {config[key]}"
    addresses = config.get("nodePortAddresses") or []
    networks = [str(item) for item in addresses] if isinstance(addresses, list) else [str(addresses)]
    words = _WORDS if minor >= _WORDS_SINCE else frozenset({"primary"} if networks == ["primary"] else ())
    yield from (f"nodePortAddresses: {item}" for item in networks if item not in words and not _is_network(item))


def _is_endpoint(text: str) -> bool:
    """Return whether it is an address and a port, or an address alone, to which kube-proxy adds its usual one; `:10249` is none."""
    host, _, port = text.rpartition(":")
    return _is_address(text) or (port.isdigit() and int(port) in _PORTS and _is_address(host.removeprefix("[").removesuffix("]")))


def _is_address(text: object) -> bool:
    try:
        ipaddress.ip_address(str(text))
    except ValueError:
        return False
    return True


def _is_network(text: str) -> bool:
    try:
        ipaddress.ip_interface(text)
    except ValueError:
        return False
    return "/" in text
