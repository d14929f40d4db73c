"""What seems to stand before blue, as far as its objects tell, and the form of `traffic:` for it; all of it as comments."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from migrator.model.manifest import Manifest, get
from migrator.untrusted import for_yaml_comment

_HOSTNAME = "external-dns.alpha.kubernetes.io/hostname"
# Addresses in a comment of the proposed file.
_MOST = 12
FORMS = (
    "# traffic:              # without it, cutover has nothing to move; a list moves several together (docs/traffic.md)",
    "#   haproxy:",
    "#     socket: /run/haproxy/admin.sock",
    "#     backend: shop",
    "#     blue: [blue1]",
    "#     green: [green1]",
    "#     stateFile: /var/lib/haproxy/servers.state",
    "#   steps: [5, 25, 50, 100]",
    "#   soak: 30s",
    "# or, instead of haproxy, a name that your DNS server lets you change:",
    "#   dns:",
    "#     {name: shop.example.com, zone: example.com, blue: [192.0.2.1], green: [192.0.2.2], server: 192.0.2.53, keyFile: key}",
)


def seen_before_blue(services: Iterable[Manifest], ingresses: Iterable[Manifest]) -> Iterator[str]:
    """Yield comments: addresses of Services outside of the cluster, ports of nodes, and names that lead there."""
    addresses, ports, names = set[str](), set[str](), set[str]()
    for item in services:
        where = f"{item['metadata'].get('namespace')}/{item['metadata']['name']}"
        balancers = _mappings(get(item, "status", "loadBalancer", "ingress"))
        addresses |= {f"{where} at {entry.get('ip') or entry.get('hostname')}" for entry in balancers}
        if get(item, "spec", "type") == "NodePort":
            numbers = [entry.get("nodePort") for entry in _mappings(get(item, "spec", "ports"))]
            ports |= {f"{where} on port {number}" for number in numbers if number}
        names |= set(str(get(item, "metadata", "annotations", _HOSTNAME) or "").replace(" ", "").split(",")) - {""}
    for item in ingresses:
        names |= {str(rule["host"]) for rule in _mappings(get(item, "spec", "rules")) if rule.get("host")}
    seen = {"Services with an address of their own": addresses, "Services on ports of the nodes": ports, "names": names}
    for what, found in seen.items():
        if found:
            yield f"# seen on blue: {what}: {_some(found)}"
    if addresses:
        yield "#   their addresses stay on blue: green gets its own, and a load balancer or a name leads to one or the other"


def _mappings(value: object) -> list[dict[str, object]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _some(found: set[str]) -> str:
    shown = ", ".join(for_yaml_comment(text) for text in sorted(found)[:_MOST])
    return f"{shown}, and {len(found) - _MOST} more" if len(found) > _MOST else shown
