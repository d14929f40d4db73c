"""Certificates of a host, and who renews each."""

from __future__ import annotations

import base64
import datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from migrator.model.facts import Certificate
from migrator.nodes.hop.certificates import SCRIPT, certificates
from migrator.nodes.hop.kubelet_files import kubelet_files
from migrator.nodes.hop.read_host import read_host
from tests.support.hosts import FakeHost
from tests.support.nodes import FIRST, WORKER
from tests.support.shell_host import ShellHost


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
    assert not any(item.unreadable for item in found)
    assert {item.not_after for item in found} == {until.timestamp()}
    return found


def test_authorities_are_told_by_what_they_are() -> None:
    """Not by their name: a person's own may be called as they like."""
    found = with_certificates(f"{PKI}/ca.crt", f"{PKI}/front-proxy-ca.crt", f"{PKI}/etcd/ca.crt", f"{PKI}/apiserver.crt")
    assert [item.authority for item in found] == [True, True, True, False]


@pytest.mark.parametrize(
    ("path", "hint"),
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
def test_what_an_upgrade_does_not_renew_has_its_own_cure(path: str, hint: str) -> None:
    """The key of its authority is elsewhere, or it is the kubelet's."""
    (found,) = with_certificates(path)
    assert (hint in found.hint, found.renewed) == (True, not hint)


@pytest.mark.parametrize(
    ("printed", "broken"),
    [
        (f"@@ certificate {PKI}/apiserver.crt\n", [f"{PKI}/apiserver.crt"]),
        (f"@@ certificate {PKI}/etcd/peer.crt\n-----BEGIN CERTIFICATE-----\nMIIB\n", [f"{PKI}/etcd/peer.crt"]),
        (
            "@@ certificate /var/lib/kubelet/pki/kubelet-client-current.pem\n",
            ["/var/lib/kubelet/pki/kubelet-client-current.pem"],
        ),
        ("@@ certificate /var/run/kubernetes/kubelet-client.crt\n", ["/var/run/kubernetes/kubelet-client.crt"]),
        ("@@ no kubeconfig /etc/kubernetes/admin.conf\n", ["/etc/kubernetes/admin.conf"]),
        ("@@ certificate /etc/kubernetes/kubelet.conf\n", []),
        (f"@@ certificate {PKI}/somebody-s.crt\nDER\n", []),
    ],
    ids=["empty", "cut", "the kubelet's", "where kubelet.conf points to", "kubeconfig", "kubeconfig with paths", "somebody's"],
)
def test_a_file_that_should_hold_a_certificate_and_does_not_is_told(printed: str, broken: list[str]) -> None:
    """After a power cut a card has empty files (kubernetes#34956, #53288); nothing reads them until it starts again."""
    host = FakeHost("green-1")
    host.answers = {
        "echo architecture=": "architecture=aarch64\nclock=1\n",
        "@@ installed": f"@@ pki\n{PKI}\n{PKI}/ca.key\n{printed}",
        "upgrade diff": "",
    }
    found = read_host(host, FIRST, "1.36.3").certificates
    assert [item.path for item in found if item.unreadable] == broken
    assert all(item.hint for item in found if item.unreadable)


def test_a_host_s_own_files_are_looked_for(tmp_path: Path) -> None:
    """By a real shell: the kubelet's certificate by the path in its kubeconfig, and kubeconfigs by the node's role."""
    host = ShellHost(tmp_path)
    files = {
        "etc/kubernetes/kubelet.conf": "    client-certificate: /var/lib/kubelet/pki/kubelet-client-current.pem\n",
        "etc/kubernetes/admin.conf": "",
        "etc/kubernetes/manifests/kube-apiserver.yaml": "kind: Pod\n",
        "etc/kubernetes/scheduler.conf": "kind: Config\n",
    }
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(content)
    found = read_host(host, WORKER, "1.36.3").certificates
    assert {item.path.rpartition("/")[2] for item in found if item.unreadable} == {
        "kubelet-client-current.pem",
        "admin.conf",
        "controller-manager.conf",
    }


def test_no_key_is_read() -> None:
    """Of kubeconfigs the certificate alone, of keys their names."""
    assert "client-key-data" not in SCRIPT
    assert [line for line in SCRIPT.splitlines() if ".key" in line] == [
        """echo; echo '@@ pki'; echo "$pki"; ls "$pki"/*.key "$pki"/etcd/*.key 2>/dev/null"""
    ]


def surgery(old: bytes, new: bytes) -> str:
    """Return a certificate with some of its bytes changed."""
    der = base64.b64decode("".join(certificate(datetime.datetime(2027, 1, 2, tzinfo=datetime.UTC)).splitlines()[1:-1]))
    assert old in der
    return f"-----BEGIN CERTIFICATE-----\n{base64.encodebytes(der.replace(old, new)).decode()}-----END CERTIFICATE-----\n"


def test_no_certificate_ends_a_plan() -> None:
    """Any file may lie beside kubeadm's; one of a version that there is not is none, as for Go."""
    path = f"{PKI}/corporate.crt"
    one, twice = bytes.fromhex("300c 0603551d13 0101ff 04023000"), 2 * bytes.fromhex("3005 06012a 0400")
    (found,) = certificates({f"certificate {path}": surgery(one, twice)})
    assert not found.authority
    fifth = surgery(bytes.fromhex("a003 020102"), bytes.fromhex("a003 020104"))
    (broken,) = certificates({f"certificate {PKI}/ca.crt": fifth})
    assert broken.unreadable
    trusts = {"trusts": base64.b64encode(fifth.encode()).decode()}
    assert kubelet_files(trusts).trusts == frozenset()
