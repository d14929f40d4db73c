"""A throwaway certificate authority for one cluster, and kubeconfigs for its components and people."""

from __future__ import annotations

import base64
import datetime
import ipaddress
import os
from dataclasses import dataclass
from pathlib import Path

import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

# A testbed that runs longer is made anew.
_LIFETIME = datetime.timedelta(days=30)


@dataclass(slots=True, frozen=True)
class Authority:
    """A certificate authority in a folder."""

    folder: Path
    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    @property
    def path(self) -> Path:
        """The certificate's file."""
        return self.folder / "ca.crt"

    def issue(self, file: str, name: str, *, organization: str = "", server: bool = False) -> tuple[Path, Path]:
        """Write a certificate and its key; return their paths."""
        key = ec.generate_private_key(ec.SECP256R1())
        names = [x509.NameAttribute(NameOID.COMMON_NAME, name)]
        if organization:
            names.append(x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization))
        usage = ExtendedKeyUsageOID.SERVER_AUTH if server else ExtendedKeyUsageOID.CLIENT_AUTH
        builder = _builder(x509.Name(names), self.certificate.subject, key.public_key())
        builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
        if server:
            hosts = [
                "localhost",
                "kubernetes",
                "kubernetes.default",
                "kubernetes.default.svc",
                "kubernetes.default.svc.cluster.local",
            ]
            addresses = [ipaddress.ip_address("127.0.0.1"), ipaddress.ip_address("10.96.0.1")]
            alternatives: list[x509.GeneralName] = [*map(x509.DNSName, hosts), *map(x509.IPAddress, addresses)]
            builder = builder.add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
        certificate = builder.sign(self.key, hashes.SHA256())
        paths = self.folder / f"{file}.crt", self.folder / f"{file}.key"
        write_private(paths[0], certificate.public_bytes(serialization.Encoding.PEM))
        write_private(paths[1], _pem(key))
        return paths

    def kubeconfig(self, file: Path, name: str, *, server: str, context: str, organization: str = "") -> Path:
        """Write a kubeconfig for a new identity; return its path."""
        certificate, key = self.issue(f"client-{file.stem}", name, organization=organization)
        content = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": context, "cluster": {"server": server, "certificate-authority-data": _inline(self.path)}}],
            "users": [
                {
                    "name": name,
                    "user": {"client-certificate-data": _inline(certificate), "client-key-data": _inline(key)},
                }
            ],
            "contexts": [{"name": context, "context": {"cluster": context, "user": name}}],
            "current-context": context,
        }
        write_private(file, yaml.safe_dump(content).encode())
        return file


def make_authority(folder: Path) -> Authority:
    """Make a certificate authority, and a key to sign ServiceAccount tokens with, in a folder."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "migrator testbed")])
    builder = _builder(name, name, key.public_key()).add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    certificate = builder.sign(key, hashes.SHA256())
    write_private(folder / "ca.crt", certificate.public_bytes(serialization.Encoding.PEM))
    write_private(folder / "ca.key", _pem(key))
    write_private(folder / "sa.key", _pem(rsa.generate_private_key(public_exponent=65537, key_size=2048)))
    return Authority(folder, key, certificate)


def write_private(path: Path, data: bytes) -> None:
    """Write a file that only its owner can read."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)


def _builder(subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(minutes=5))
        .not_valid_after(now + _LIFETIME)
    )


def _pem(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )


def _inline(path: Path) -> str:
    return base64.b64encode(path.read_bytes()).decode()
