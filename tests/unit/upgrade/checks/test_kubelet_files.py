"""Files beside the kubelet's settings: a program of a registry, a profile, an authority, or the runtime's socket is not as it must be."""

from __future__ import annotations

from typing import Any

import pytest

from migrator.model.kubelet_files import CredentialProviders, KubeletFiles
from tests.support.facts import findings, host, pod

CRIO, CONTAINERD = "/var/run/crio/crio.sock", "/var/run/containerd/containerd.sock"
USES_CRIO = {"flags": {"--container-runtime-endpoint": "unix:///run/crio/crio.sock"}}
ECR = CredentialProviders("/etc/kubernetes/ecr.yaml", "/usr/local/bin")


def told(name: str, files: KubeletFiles, **more: Any) -> list[tuple[str, str, str]]:
    """Return what the checks of a name find where a worker tells this of its files."""
    others = (
        host("cp", "control-plane", files=more.pop("control", KubeletFiles())),
        host("w1", files=more.pop("w1", KubeletFiles())),
    )
    reading = host("w2", files=files, **more.pop("of_host", {}))
    return [(str(item.severity), item.subject, item.reason) for item in findings(name, hosts=(*others, reading), **more)]


@pytest.mark.parametrize(
    ("providers", "words"),
    [
        (ECR._replace(missing=("ecr-credential-provider",)), "has no program ecr-credential-provider in /usr/local/bin"),
        (ECR._replace(readable=False), "holds no CredentialProviderConfig"),
        (ECR, ""),
        (CredentialProviders(), ""),
    ],
)
def test_a_kubelet_whose_provider_of_passwords_is_gone_does_not_start_again(providers: CredentialProviders, words: str) -> None:
    """It runs on without it until then."""
    found = told("kubelet", KubeletFiles(providers=providers))
    assert [(severity, subject) for severity, subject, _ in found] == ([("failure", "w2")] if words else [])
    assert all(words in reason for *_, reason in found)


@pytest.mark.parametrize(
    ("sockets", "of_host", "blocked"),
    [
        ((CONTAINERD, CRIO), USES_CRIO, True),
        ((CRIO,), {"kubelet": {"containerRuntimeEndpoint": "unix:///opt/crio.sock"}}, True),
        ((), USES_CRIO, True),
        ((CRIO,), USES_CRIO, False),
        ((CONTAINERD, CRIO), {"kubelet": {"containerRuntimeEndpoint": "unix:///var/run/containerd/containerd.sock"}}, False),
        ((CONTAINERD, CRIO), {}, False),
        (None, USES_CRIO, False),
    ],
)
def test_a_host_for_which_kubeadm_would_choose_another_runtime_is_found(
    sockets: tuple[str, ...] | None, of_host: dict[str, Any], *, blocked: bool
) -> None:
    """From 1.37 on kubeadm takes containerd's socket where it finds two, and writes that for the kubelet."""
    found = [reason for _, name, reason in told("runtime", KubeletFiles(sockets=sockets), of_host=of_host) if name == "w2"]
    assert [f"would give it {CONTAINERD if len(sockets or ()) != 1 else CRIO}" in reason for reason in found] == [True] * blocked


def test_a_kubelet_that_does_not_trust_the_next_certificate_of_the_api_server_is_found() -> None:
    """An authority was replaced, and this kubelet.conf was left out; one that trusts old and new is well."""
    control = KubeletFiles(trusts=frozenset({"new"}), authority="new")
    assert told("certificates", KubeletFiles(trusts=frozenset({"old"})), control=control)[0][:2] == ("failure", "w2")
    assert told("certificates", KubeletFiles(trusts=frozenset({"old", "new"})), control=control) == []
    assert told("certificates", KubeletFiles(), control=control) == [], "kubelet.conf names a file"
    assert told("certificates", KubeletFiles(trusts=frozenset({"old"}))) == [], "no control plane was read"


def test_a_kubelet_conf_of_somebody_else_is_found() -> None:
    """A copied admin.conf: the node is Ready, and kubeadm would stop at it once the node is drained (kubeadm#2970)."""
    ((severity, subject, reason),) = told("nodes", KubeletFiles(user="kubernetes-admin"))
    assert (severity, subject, "logs in as kubernetes-admin" in reason) == ("failure", "w2", True)
    assert told("nodes", KubeletFiles(user="system:node:w1")) != [], "a copied card"
    assert told("nodes", KubeletFiles(user="system:node:w2")) == []


SECCOMP = {"securityContext": {"seccompProfile": {"type": "Localhost", "localhostProfile": "profiles/audit.json"}}}
AUDIT = "seccomp/profiles/audit.json"


@pytest.mark.parametrize(
    ("there", "severity"),
    [
        ((frozenset({AUDIT}), frozenset(), frozenset()), "failure"),
        ((frozenset({AUDIT}), frozenset({AUDIT}), frozenset()), "warning"),
        ((frozenset({AUDIT}), frozenset({AUDIT}), frozenset({AUDIT})), ""),
        ((frozenset({AUDIT}), None, None), ""),
    ],
)
def test_a_pod_whose_profile_other_nodes_lack_is_found(there: tuple[frozenset[str] | None, ...], severity: str) -> None:
    """It comes to one of them by its drain, does not start, and does not come back (kubernetes#124944)."""
    on_w2, on_w1, on_cp = (KubeletFiles(profiles=item) for item in there)
    found = told("scheduling", on_w2, w1=on_w1, control=on_cp, pods=(pod("web", "w2", spec=SECCOMP),))
    assert [(one, name) for one, name, reason in found if AUDIT in reason] == ([(severity, "shop/web")] if severity else [])
