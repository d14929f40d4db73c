"""Certificates of a host, and who renews each."""

from __future__ import annotations

import datetime

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from migrator.model.facts import Certificate
from migrator.nodes.hop.certificates import SCRIPT
from migrator.nodes.hop.read_host import read_host
from tests.support.hosts import FakeHost
from tests.support.nodes import FIRST


def certificate(until: datetime.datetime, *, authority: bool = False) -> str:
    """Return a certificate that is valid until then, with the key it must not be read with."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "t")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(until - datetime.timedelta(days=365))
        .not_valid_after(until)
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    return made.public_bytes(serialization.Encoding.PEM).decode()


PKI = "/etc/kubernetes/pki"


def with_certificates(*paths: str, keys: tuple[str, ...] = (f"{PKI}/ca.key",)) -> tuple[Certificate, ...]:
    """Return what is read of certificates at these paths; those called ca.crt are authorities."""
    until = datetime.datetime(2027, 1, 2, tzinfo=datetime.UTC)
    printed = "".join(f"@@ certificate {path}\n{certificate(until, authority=path.endswith('ca.crt'))}" for path in paths)
    host = FakeHost("green-1")
    host.answers = {
        "echo architecture=": "architecture=aarch64\nclock=1\n",
        "@@ installed": f"@@ pki\n{PKI}\n" + "\n".join(keys) + f"\n{printed}@@ certificate {PKI}/empty.crt\n",
        "upgrade diff": "",
    }
    found = read_host(host, FIRST, "1.36.3").certificates
    assert [item.path for item in found] == list(paths)
    assert {item.not_after for item in found} == {until.timestamp()}
    return found


def test_authorities_are_told_by_what_they_are() -> None:
    """Not by their name: a person's own may be called as they like."""
    found = with_certificates(f"{PKI}/ca.crt", f"{PKI}/front-proxy-ca.crt", f"{PKI}/etcd/ca.crt", f"{PKI}/apiserver.crt")
    assert [item.authority for item in found] == [True, True, True, False]


@pytest.mark.parametrize(
    ("path", "cure"),
    [
        (f"{PKI}/apiserver.crt", ""),
        ("/etc/kubernetes/admin.conf", ""),
        (f"{PKI}/etcd/server.crt", f"{PKI}/etcd/ca.key is not here"),
        (f"{PKI}/apiserver-etcd-client.crt", f"{PKI}/etcd/ca.key is not here"),
        (f"{PKI}/front-proxy-client.crt", f"{PKI}/front-proxy-ca.key is not here"),
        ("/var/lib/kubelet/pki/kubelet.crt", "restart the kubelet"),
        ("/var/lib/kubelet/pki/kubelet-server-current.pem", "kubectl certificate approve"),
        ("/etc/kubernetes/kubelet.conf", "kubelet-client-current.pem"),
    ],
)
def test_what_an_upgrade_does_not_renew_has_its_own_cure(path: str, cure: str) -> None:
    """The key of its authority is elsewhere, or it is the kubelet's."""
    (found,) = with_certificates(path)
    assert (cure in found.cure, found.renewed) == (True, not cure)


def test_no_key_is_read() -> None:
    """Of kubeconfigs the certificate alone, of keys their names."""
    assert "client-key-data" not in SCRIPT
    assert [line for line in SCRIPT.splitlines() if ".key" in line] == [
        """echo; echo '@@ pki'; echo "$pki"; ls "$pki"/*.key "$pki"/etcd/*.key 2>/dev/null"""
    ]
