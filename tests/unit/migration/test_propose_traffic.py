"""What seems to stand before blue is told in comments, whatever its tenants write."""

from __future__ import annotations

from migrator.migration.propose_traffic import seen_before_blue
from migrator.model.manifest import Manifest


def service(name: str, **more: object) -> Manifest:
    """Return a Service."""
    return {"metadata": {"name": name, "namespace": "edge"}, **more}


def test_addresses_ports_and_names_are_told() -> None:
    """Each once, in their order."""
    balanced = service(
        "nginx",
        spec={"type": "LoadBalancer"},
        status={"loadBalancer": {"ingress": [{"ip": "192.0.2.1"}, {"hostname": "lb.example"}]}},
    )
    on_nodes = service("web", spec={"type": "NodePort", "ports": [{"nodePort": 30080}, {"port": 1}]})
    on_nodes["metadata"]["annotations"] = {"external-dns.alpha.kubernetes.io/hostname": "b.example, a.example"}
    ingress = service("shop", spec={"rules": [{"host": "shop.example"}, {"http": {}}]})
    assert list(seen_before_blue([balanced, on_nodes, service("inner")], [ingress])) == [
        "# seen on blue: Services with an address of their own: edge/nginx at 192.0.2.1, edge/nginx at lb.example",
        "# seen on blue: Services on ports of the nodes: edge/web on port 30080",
        "# seen on blue: names: a.example, b.example, shop.example",
        "#   their addresses stay on blue: green gets its own, and a load balancer or a name leads to one or the other",
    ]
    assert list(seen_before_blue([], [])) == []


def test_what_is_no_list_is_nothing_and_many_are_counted() -> None:
    """One strange object ends nothing; a line break does not end a comment."""
    strange = service("x", spec={"type": "NodePort", "ports": "many"}, status={"loadBalancer": {"ingress": [3]}})
    ingresses = [service(str(number), spec={"rules": [{"host": f"{number:02}.example\nhooks: {{}}"}]}) for number in range(15)]
    (line,) = seen_before_blue([strange], ingresses)
    assert "\n" not in line
    assert line.endswith(", and 3 more")
