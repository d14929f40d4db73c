"""What a host tells the checks of an upgrade."""

from __future__ import annotations

import datetime

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from migrator.errors import HostError
from migrator.model.facts import Certificate
from migrator.nodes.hop.read_host import read_host, with_target
from tests.support.crictl import etcd_manifest
from tests.support.hosts import FakeHost
from tests.support.nodes import FIRST, STAGED, WORKER


def test_a_host_tells_what_the_checks_need() -> None:
    """Packages, kubelet, edited lines, gates and flags that the target's kubelet does not know."""
    host = FakeHost("green-1")
    host.answers = {
        "echo architecture=": "architecture=aarch64\ncgroup=2\ndisk=9000\nclock=1\n",
        "@@ installed": "@@ installed\nkubernetes 1.36.3-1\n@@ kubelet\nmaxPods: 40\n@@ flags\nKUBELET_ARGS=--gone --v=2\n# --not-read\n"
        f"@@ manifest etcd.yaml\n{etcd_manifest(data='/data/etcd')}\n@@ manifest other.yaml\nspec: {{}}\n",
        "du -sm /data/etcd ": "42\n",
        "upgrade diff": "--- /etc/kubernetes/manifests/kube-apiserver.yaml\n+++ new manifest\n-    - --v=4\n-      value: hunter2\n",
        "kubelet --help": "  --v number\n  --feature-gates  KnownGate=true|false (BETA - default=true)\n",
        "version -o short": "v1.37.2",
    }
    seen = with_target(host, read_host(host, FIRST, "1.36.3"), STAGED)
    assert (seen.installed, seen.facts.etcd, seen.kubelet) == ({"kubernetes": "1.36.3-1"}, 42, {"maxPods": 40})
    assert seen.edited == ("kube-apiserver has `- --v=4`", "kube-apiserver has `value: (hidden)`")
    assert (seen.gates, seen.unknown_flags) == (frozenset({"KnownGate"}), ("--gone",))


def test_the_size_of_an_etcd_whose_folder_is_not_known_is_none() -> None:
    """That it is not known is said by the check of etcd."""
    host = FakeHost("green-1")
    host.answers = {
        "echo architecture=": "architecture=aarch64\nclock=1\n",
        "@@ installed": "@@ manifest etcd.yaml\nspec: {}\n",
        "upgrade diff": "",
    }
    assert read_host(host, FIRST, "1.36.3").facts.etcd == 0


def test_a_host_that_cannot_be_asked_is_a_reading_with_the_reason() -> None:
    """The plan shows it beside the others."""
    host = FakeHost("green-1")
    host.answers["echo architecture="] = HostError("green-1: refused", hint="is it on?")
    seen = read_host(host, FIRST, "1.36.3")
    assert (seen.name, seen.role, seen.error, seen.hint) == ("green-1", "control-plane", "green-1: refused", "is it on?")


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
    host = FakeHost("green-1")
    host.answers = {"echo architecture=": "architecture=aarch64\nclock=1\n", "@@ installed": "", "upgrade diff": ""}
    read_host(host, FIRST, "1.36.3")
    (script,) = [command for command in host.commands if "@@ installed" in command]
    assert "client-key-data" not in script
    assert not [line for line in script.splitlines() if ".key" in line and not line.lstrip().startswith(("echo '@@ pki'", "/var"))]


def test_what_is_no_yaml_is_left_out_and_a_worker_s_manifests_are_not_compared() -> None:
    """Files of other names are told apart; the policy of a state file is read."""
    host = FakeHost("green-2")
    host.answers = {
        "echo architecture=": "architecture=aarch64\ncgroup=2\ndisk=9000\nclock=1\n",
        "@@ installed": (
            "@@ installed\n@@ kubelet\n]: [\n@@ manifest broken.yaml\n- a list\n@@ manifest etcd.yaml.bak\nkind: Pod\n"
            '@@ state cpu\n{"policyName":"static","checksum":1}\n@@ state memory\n'
        ),
    }
    seen = read_host(host, WORKER, "1.36.3")
    assert (seen.kubelet, seen.manifests, seen.facts.etcd, seen.edited) == ({}, {"broken": {}}, 0, ())
    assert (seen.other_files, seen.state) == ({"etcd.yaml.bak": {"kind": "Pod"}}, {"cpuManagerPolicy": "static"})


@pytest.mark.parametrize("fails", ["upgrade diff", "kubelet --help"])
def test_a_program_that_does_not_answer_leaves_only_its_own_part_out(fails: str) -> None:
    """What is wrong with it is found by another check."""
    host = FakeHost("green-1")
    host.answers = {
        "echo architecture=": "architecture=aarch64\ncgroup=2\ndisk=9000\nclock=1\n",
        "@@ installed": "@@ installed\nkubernetes 1.36.3-1\n@@ flags\nKUBELET_ARGS=--gone\n",
        "du -sm /data/etcd ": "42\n",
        "upgrade diff": "--- /etc/kubernetes/manifests/etcd.yaml\n+    - --quota\n",
        "kubelet --help": "  --v number\n",
        "version -o short": "v1.37.2",
    }
    host.fails(fails)
    seen = with_target(host, read_host(host, FIRST, "1.36.3"), STAGED)
    assert seen.installed == {"kubernetes": "1.36.3-1"}
    assert (seen.edited == ()) is (fails == "upgrade diff")
    assert (seen.unknown_flags == ()) is (fails == "kubelet --help")
