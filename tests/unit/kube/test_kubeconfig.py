"""A kubeconfig that another machine has written is data, or it is refused with one line."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from migrator.errors import ConfigError
from migrator.kube.kubeconfig import data_only, data_only_text, parse, select
from tests.support.kubeconfigs import ENDPOINT, admin_conf

PLUGIN = {"apiVersion": "client.authentication.k8s.io/v1", "command": "sh", "args": ["-c", "id"]}


def received(content: dict[str, Any], endpoint: str = ENDPOINT) -> dict[str, Any]:
    """Return what is taken of the content of a host's kubeconfig."""
    return data_only(yaml.safe_dump(content), endpoint=endpoint, cluster="green", where="admin.conf on green-1")


def test_what_kubeadm_writes_is_taken_with_its_certificates() -> None:
    """The context, the certificates and the key stay as they are."""
    content = admin_conf()
    taken = received(content)
    assert select(taken, None).user == content["users"][0]["user"]
    assert select(taken, None).cluster == content["clusters"][0]["cluster"]
    assert yaml.safe_load(data_only_text(yaml.safe_dump(content), endpoint=ENDPOINT, cluster="green", where="x")) == taken


@pytest.mark.parametrize(
    ("cluster", "user", "named"),
    [
        ({}, {"exec": PLUGIN}, "exec"),
        ({}, {"auth-provider": {"name": "gcp", "config": {"cmd-path": "/bin/sh"}}}, "auth-provider"),
        ({}, {"tokenFile": "/etc/shadow"}, "tokenFile"),
        ({}, {"client-key": "/root/.ssh/id_ed25519"}, "client-key"),
        ({}, {"client-certificate": "/etc/passwd"}, "client-certificate"),
        ({}, {"username": "admin"}, "username"),
        ({}, {"as": "system:admin"}, "as"),
        ({"certificate-authority": "/etc/passwd"}, {}, "certificate-authority"),
        ({"proxy-url": "http://evil.example:3128"}, {}, "proxy-url"),
        ({"insecure-skip-tls-verify": True}, {}, "insecure-skip-tls-verify"),
        ({"tls-server-name": "evil.example"}, {}, "tls-server-name"),
        ({"server": "https://evil.example:6443"}, {}, "evil.example"),
        ({"server": f"http://{ENDPOINT}"}, {}, "not the stack's endpoint"),
        ({"server": f"https://{ENDPOINT}/proxied"}, {}, "not the stack's endpoint"),
        ({"server": f"https://{ENDPOINT}@evil.example"}, {}, "not the stack's endpoint"),
        ({"server": 7}, {}, "no server"),
        ({"certificate-authority-data": ""}, {}, "certificate-authority-data"),
        ({}, {"token": ["x"]}, "token"),
    ],
)
def test_anything_but_data_for_the_stack_s_endpoint_is_refused(cluster: dict[str, Any], user: dict[str, Any], named: str) -> None:
    """Programs, paths, proxies, other servers: each would have this machine work for the host (kubernetes-client/python#1284)."""
    with pytest.raises(ConfigError) as caught:
        received(admin_conf(cluster=cluster, user=user))
    assert len(caught.value.issues) == 1
    assert named in caught.value.message
    assert "admin.conf on green-1" in caught.value.message
    assert "\n" not in caught.value.message


@pytest.mark.parametrize(
    ("endpoint", "server"), [("api.example.com", "https://API.example.com:6443/"), ("[fd00::1]", "https://[fd00::1]:6443")]
)
def test_an_endpoint_without_a_port_has_kubeadm_s(endpoint: str, server: str) -> None:
    """As kubeadm writes it into admin.conf; the case of a name and a last slash do not count."""
    assert received(admin_conf(cluster={"server": server}), endpoint)["clusters"][0]["cluster"]["server"] == server


def test_a_second_user_that_no_context_names_is_refused_too() -> None:
    """Whoever merges the file later would use it."""
    content = admin_conf()
    content["users"].append({"name": "other", "user": {"exec": PLUGIN}})
    with pytest.raises(ConfigError, match="'exec'"):
        received(content)


@pytest.mark.parametrize(
    "text",
    ["{", "[]", "", "a: &a [*a]\nb", "\t", "current-context: [x]", "clusters: 7\ncontexts: {}\ncurrent-context: x", "[" * 1000],
)
def test_what_is_no_kubeconfig_is_a_mistake_in_a_file(text: str) -> None:
    """Not a bug of ours: it ends with exit code 2 and one line."""
    with pytest.raises(ConfigError) as caught:
        data_only(text, endpoint=ENDPOINT, cluster="green", where="stack green")
    assert (caught.value.exit_code, len(caught.value.issues)) == (2, 1)


def test_a_context_must_lead_to_a_server() -> None:
    """What is missing is named."""
    content = parse("contexts: [{name: a, context: {cluster: c, user: u}}]\ncurrent-context: a", cluster="blue", where="x")
    with pytest.raises(ValueError, match="clusters have no 'c'"):
        select(content, None)
    with pytest.raises(ValueError, match="contexts have no 'b'"):
        select(content, "b")
