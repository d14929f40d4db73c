"""What names blue's API server is told: from green it would go on to act on blue."""

from __future__ import annotations

import base64

import pytest

from migrator.model.manifest import Manifest, ref_of
from migrator.model.ref import ObjectRef
from migrator.model.strange import to_json
from migrator.rules.context import BlueFacts, RuleContext
from migrator.rules.own_server import addresses, named
from tests.support.contexts import PLAIN
from tests.support.objects import config_map, made
from tests.support.pairs import pair

CONTEXT = RuleContext(PLAIN.config, blue=BlueFacts(api_servers=frozenset({"10.0.0.5", "api.blue.example.com", "fd00::5"})))
INFO = "clusters:\n- cluster:\n    server: https://api.blue.example.com:6443\n"


def secret(**values: str) -> Manifest:
    """Return a Secret."""
    return made("v1", "Secret", "s", data={key: base64.b64encode(value.encode()).decode() for key, value in values.items()})


@pytest.mark.parametrize(
    ("manifest", "found"),
    [
        (made("v1", "Endpoints", "kubernetes", namespace="default", subsets=[{"addresses": [{"ip": "10.0.0.5"}]}]), ["10.0.0.5"]),
        (
            made(
                "discovery.k8s.io/v1", "EndpointSlice", "kubernetes", namespace="default", endpoints=[{"addresses": ["10.0.0.5"]}]
            ),
            ["10.0.0.5"],
        ),
        (config_map("cluster-info", {"kubeconfig": INFO}, namespace="kube-public"), ["api.blue.example.com"]),
        (config_map("cluster-info", {"kubeconfig": "server: https://[fd00::5]:6443"}, namespace="kube-public"), ["fd00::5"]),
        (config_map("cluster-info", {"kubeconfig": "server: https://127.0.0.1:6443"}, namespace="kube-public"), []),
        (config_map("cluster-info", {"kubeconfig": INFO}, namespace="shop"), []),
    ],
)
def test_a_cluster_tells_where_its_api_server_is(manifest: Manifest, found: list[str]) -> None:
    """A loopback address means another server elsewhere."""
    assert list(addresses(manifest, ref_of(manifest))) == found


@pytest.mark.parametrize(
    ("manifest", "address"),
    [
        (config_map("a", {"KUBERNETES_SERVICE_HOST": "10.0.0.5"}), "10.0.0.5"),
        (
            made("networking.k8s.io/v1", "NetworkPolicy", "p", spec={"egress": [{"to": [{"ipBlock": {"cidr": "10.0.0.5/32"}}]}]}),
            "10.0.0.5",
        ),
        (secret(server="https://api.blue.example.com:6443"), "api.blue.example.com"),
        (config_map("a", {"k": "server: https://[fd00::5]:6443"}), "fd00::5"),
        (config_map("a", {"k": "10.0.0.50, 110.0.0.5, 10.0.0.5.6"}), ""),
        (config_map("a", {"k": "https://api.blue.example.com.au/ my-api.blue.example.com"}), ""),
        (secret(server="https://kubernetes.default.svc"), ""),
        (made("v1", "Secret", "s", data={"x": "%%%", "y": None}), ""),
    ],
)
def test_who_names_it_is_told(manifest: Manifest, address: str) -> None:
    """With the address alone: the rest may be a secret."""
    told = named(manifest, to_json(manifest), CONTEXT)
    assert told.startswith(f"names {address}, where blue's API server is") if address else not told
    assert not named(manifest, to_json(manifest), PLAIN)


def test_the_plan_warns_of_it() -> None:
    """By what blue itself tells."""
    slice_ = made(
        "discovery.k8s.io/v1", "EndpointSlice", "kubernetes", namespace="default", endpoints=[{"addresses": ["10.0.0.5"]}]
    )
    both = pair(slice_, config_map("agent", {"host": "10.0.0.5"}, namespace="shop"), config_map("b", namespace="shop"))
    assert next(text for text in both.read()[0].warnings if "API server" in text).startswith(
        str(ObjectRef("", "ConfigMap", "shop", "agent"))
    )
