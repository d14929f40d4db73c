"""What lies beside a kubelet's settings is read; a real shell reads real files."""

from __future__ import annotations

import base64
import datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.x509.oid import NameOID

from migrator.model.kubelet_files import CredentialProviders
from migrator.nodes.hop.kubelet_files import SCRIPT, kubelet_files
from migrator.nodes.hop.read_host import read_host
from tests.support.hosts import FakeHost
from tests.support.nodes import FIRST
from tests.support.shell_host import ShellHost

_NAME = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "kubernetes")])
_BEGUN = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)


def authority(key: ed25519.Ed25519PrivateKey, subject: x509.Name = _NAME) -> str:
    """Return a certificate that an authority named kubernetes has signed: for itself, or for a user."""
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(_NAME).public_key(key.public_key())
    builder = builder.serial_number(x509.random_serial_number()).not_valid_before(_BEGUN)
    made = builder.not_valid_after(_BEGUN + datetime.timedelta(days=3650)).sign(key, None)
    return made.public_bytes(serialization.Encoding.PEM).decode()


PROVIDERS = """apiVersion: kubelet.config.k8s.io/v1
kind: CredentialProviderConfig
providers:
- name: ecr-credential-provider
  matchImages: ["*.dkr.ecr.*.amazonaws.com"]
  apiVersion: credentialprovider.kubelet.k8s.io/v1
  env: [{name: TOKEN, value: secret}]
- name: gone
"""


def printed(host: ShellHost, flags: str = "") -> dict[str, str]:
    """Return the parts that the script prints."""
    parts: dict[str, str] = {}
    for part in f"\n{host.run(f'flags={flags!r}; {SCRIPT}')}".split("\n@@ ")[1:]:
        name, _, text = part.partition("\n")
        parts[name] = text
    return parts


def test_programs_that_its_providers_name_are_looked_for(tmp_path: Path) -> None:
    """In one file, or in a folder of files; one that may not be run is none."""
    host = ShellHost(tmp_path)
    host.write("/etc/kubernetes/providers/a.yaml", PROVIDERS.encode())
    host.write("/opt/bin/ecr-credential-provider", b"", mode=0o755)
    host.write("/opt/bin/gone", b"", mode=0o644)
    flags = "--image-credential-provider-config={} --image-credential-provider-bin-dir=/opt/bin --v=2"
    for path in ("/etc/kubernetes/providers", "/etc/kubernetes/providers/a.yaml"):
        found = kubelet_files(printed(host, flags.format(host.path(path)))).providers
        assert (found.readable, found.missing) == (True, ("gone",))
    empty = kubelet_files(printed(host, flags.format("/etc/kubernetes/none"))).providers
    assert (empty.config, empty.readable) == (str(host.path("/etc/kubernetes/none")), False)
    assert kubelet_files(printed(host)).providers == CredentialProviders()
    for strange in ("kind: CredentialProviderConfig\nproviders: 7\n", "kind: CredentialProviderConfig\nproviders: [7]\n", "- a\n"):
        host.write("/etc/kubernetes/providers/a.yaml", strange.encode())
        assert kubelet_files(printed(host, flags.format(host.path("/etc/kubernetes/providers")))).providers.missing in (
            (),
            ("None",),
        )


def test_profiles_and_sockets_are_listed_and_an_instance_s_own_setting_ends_the_search(tmp_path: Path) -> None:
    """What kubeadm wrote for this node says which runtime it is."""
    host = ShellHost(tmp_path)
    host.write("/var/lib/kubelet/seccomp/profiles/audit.json", b"{}")
    found = kubelet_files(printed(host))
    assert "seccomp/profiles/audit.json" in (found.profiles or ())
    assert found.sockets == ()
    host.write("/var/lib/kubelet/instance-config.yaml", b"kind: KubeletConfiguration\n")
    assert kubelet_files(printed(host)).sockets is None


def test_an_authority_is_known_by_its_name_and_key(tmp_path: Path) -> None:
    """One that was made anew for the same key is trusted as before; another key of the same name is not."""
    key = ed25519.Ed25519PrivateKey.generate()
    old, again, other = authority(key), authority(key), authority(ed25519.Ed25519PrivateKey.generate())
    host = ShellHost(tmp_path)
    host.write("/etc/kubernetes/kubelet.conf", b"    certificate-authority-data: " + base64.b64encode(old.encode()) + b"\n")
    serving = {"manifest kube-apiserver.yaml": "kind: Pod\n"}
    for text, trusted in ((old, True), (again, True), (other, False)):
        found = kubelet_files(printed(host) | serving | {"certificate /etc/kubernetes/pki/ca.crt": text})
        assert ({found.authority} <= found.trusts) is trusted
    assert kubelet_files(printed(host) | {"certificate /etc/kubernetes/pki/ca.crt": old}).authority == "", "a worker signs nothing"


@pytest.mark.parametrize("text", ["certificate-authority-data: ???\n", "certificate-authority-data: aGVsbG8=\n"])
def test_what_is_no_certificate_is_no_authority(tmp_path: Path, text: str) -> None:
    """That a kubeconfig is broken is another finding."""
    host = ShellHost(tmp_path)
    host.write("/etc/kubernetes/kubelet.conf", text.encode())
    assert kubelet_files(printed(host)).trusts == frozenset()


def test_a_reading_of_a_host_holds_them() -> None:
    """They come with the same look at the host."""
    host = FakeHost("green-1")
    host.answers = {
        "echo architecture=": "architecture=aarch64\nclock=1\n",
        "@@ installed": "@@ sockets\n/var/run/crio/crio.sock\n@@ profiles\napparmor/docker-default\n",
        "upgrade diff": "",
    }
    seen = read_host(host, FIRST, "1.36.3").files
    assert (seen.sockets, seen.profiles) == (("/var/run/crio/crio.sock",), frozenset({"apparmor/docker-default"}))


def test_whom_a_kubelet_logs_in_as_is_read_of_its_file_or_of_the_one_that_it_names(tmp_path: Path) -> None:
    """The private key beside it is not printed; of two users it is not known which one is used."""
    host = ShellHost(tmp_path)
    key = ed25519.Ed25519PrivateKey.generate()
    node, admin = (
        authority(key, x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, user)]))
        for user in ("system:node:w2", "kubernetes-admin")
    )
    host.write("/var/lib/kubelet/pki/own.pem", f"{node}{admin}-----BEGIN EC PRIVATE KEY-----\nc2VjcmV0\n".encode())
    named = f"    client-certificate: {host.path('/var/lib/kubelet/pki/own.pem')}\n"
    embedded = f"    client-certificate-data: {base64.b64encode(admin.encode()).decode()}\n"
    for text, user in ((named, "system:node:w2"), (embedded, "kubernetes-admin"), (named + embedded, ""), ("token: t\n", "")):
        host.write("/etc/kubernetes/kubelet.conf", text.encode())
        parts = printed(host)
        assert (kubelet_files(parts).user, "c2VjcmV0" in parts["logs in"]) == (user, False)
    host.write("/etc/kubernetes/kubelet.conf", b"    client-certificate-data: aGVsbG8=\n")
    assert kubelet_files(printed(host)).user == ""
