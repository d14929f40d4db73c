"""Which add-ons of a cluster are kubeadm's, and what its API servers are given."""

from __future__ import annotations

from typing import Any

import pytest

from migrator.model.kubeadm import files_of_static_pods, missing_addons, sharing_port
from tests.support.facts import kubeadms_addons

COREDNS, PROXY = kubeadms_addons()
PROXY_SETTINGS = {"kind": "ConfigMap", "metadata": {"name": "kube-proxy"}}


def proxy(selector: dict[str, str], **status: int) -> dict[str, Any]:
    """Return a kube-proxy for some nodes."""
    return PROXY | {"spec": {"template": {"spec": {"nodeSelector": selector}}}, "status": status}


SWITCHED_OFF = proxy({"kubernetes.io/os": "linux", "non-calico": "true"}, desiredNumberScheduled=0, observedGeneration=2)
USUAL = proxy({"kubernetes.io/os": "linux"}, desiredNumberScheduled=3, observedGeneration=1)
UNSEEN = proxy({"kubernetes.io/os": "linux"}, desiredNumberScheduled=0)


def coredns(image: str) -> dict[str, Any]:
    """Return CoreDNS with another image."""
    return COREDNS | {"spec": {"template": {"spec": {"containers": [{"image": image}]}}}}


@pytest.mark.parametrize(
    ("config", "items", "missing"),
    [
        ({}, (COREDNS, PROXY), set()),
        ({}, (COREDNS,), {"kube-proxy"}),
        ({}, (COREDNS, PROXY_SETTINGS), {"kube-proxy"}),
        ({}, (COREDNS, SWITCHED_OFF, PROXY_SETTINGS), {"kube-proxy"}),
        ({}, (COREDNS, USUAL), set()),
        ({}, (COREDNS, UNSEEN), set()),
        ({"proxy": {"disabled": True}}, (COREDNS, PROXY), {"kube-proxy"}),
        ({"dns": {"disabled": True}}, (PROXY,), {"coredns"}),
        ({}, (PROXY,), {"coredns"}),
        ({}, (coredns("docker.io/coredns/coredns:1.12.0"), PROXY), {"coredns"}),
        ({}, (coredns("10.0.0.9:5000/coredns:v1.14.1"), PROXY), {"coredns"}),
        ({"imageRepository": "10.0.0.9:5000"}, (coredns("10.0.0.9:5000/coredns:v1.14.1"), PROXY), set()),
        ({"dns": {"imageRepository": "own/dns"}}, (coredns("own/dns/coredns:v1@sha256:00"), PROXY), set()),
    ],
)
def test_what_is_not_kubeadm_s_is_left(config: dict[str, Any], items: tuple[dict[str, Any], ...], missing: set[str]) -> None:
    """Turned off, not there, or from another registry than kubeadm's."""
    assert missing_addons(config, items) == missing


GIVEN = [{"name": "v", "value": "2"}]
SHARING = {"name": "permit-port-sharing", "value": "true"}


@pytest.mark.parametrize(
    ("server", "arguments"),
    [
        (None, [SHARING]),
        ({"extraArgs": GIVEN}, [*GIVEN, SHARING]),
        ({"extraArgs": [{"name": "permit-port-sharing", "value": "false"}]}, [{"name": "permit-port-sharing", "value": "false"}]),
        ({"extraArgs": {"v": "2"}}, {"v": "2", "permit-port-sharing": "true"}),
        ({"extraArgs": "v"}, "v"),
    ],
    ids=["nothing", "others", "a person's own", "v1beta3", "of another form"],
)
def test_api_servers_share_their_port_unless_a_person_says_otherwise(server: Any, arguments: Any) -> None:
    """A person's arguments stay."""
    config = {"networking": {}} | ({"apiServer": server} if server else {})
    made = sharing_port(config)
    assert made["apiServer"]["extraArgs"] == arguments
    assert made["networking"] == {}


@pytest.mark.parametrize(
    ("volumes", "found"),
    [
        ([{"name": "audit", "hostPath": "/etc/k/audit.yaml", "mountPath": "/a", "pathType": "File"}], ("/etc/k/audit.yaml",)),
        ([{"name": "log", "hostPath": "/var/log/k", "mountPath": "/l", "pathType": "DirectoryOrCreate"}], ()),
        ([{"name": "keys", "hostPath": "/etc/k/enc", "mountPath": "/e"}] * 2, ("/etc/k/enc",)),
        ([7, {"hostPath": None}], ()),
        (7, ()),
    ],
    ids=["a file", "made where it is not", "twice", "strange", "no list"],
)
def test_files_that_static_pods_are_given_are_read_of_the_settings(volumes: Any, found: tuple[str, ...]) -> None:
    """Those that must be there before; kubeadm writes them into the manifests of every control plane."""
    assert files_of_static_pods({"apiServer": {"extraVolumes": volumes}}) == found
