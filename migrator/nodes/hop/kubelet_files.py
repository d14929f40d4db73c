"""Read what lies beside a kubelet's settings: providers of passwords, sockets of runtimes, profiles for pods, whom it trusts."""

from __future__ import annotations

import base64
import binascii
import contextlib
from collections.abc import Iterable, Mapping
from typing import Any

from migrator.model.kubelet_files import SOCKETS, CredentialProviders, KubeletFiles
from migrator.model.manifest import get
from migrator.model.strange import StrangeError
from migrator.model.yaml_text import load_all
from migrator.nodes.hop.certificates import load_certificates

# `$flags` are those of the running kubelet, from the script before this one. Of providers' files names alone are kept.
SCRIPT = rf"""
option() {{ echo "$flags" | tr '\n' ' ' | sed -n "s/.*--$1[= ]\([^ \"]*\).*/\1/p"; }}
providers=$(option image-credential-provider-config); programs=$(option image-credential-provider-bin-dir)
if test -n "$providers"; then
  echo; echo "@@ providers $providers"
  if test -d "$providers"; then find "$providers" -maxdepth 1 '(' -name '*.json' -o -name '*.yaml' -o -name '*.yml' ')' | sort
  else echo "$providers"; fi | while read -r file; do test ! -f "$file" || {{ echo '---'; cat "$file"; echo; }}; done
  echo; echo "@@ programs $programs"; find "$programs/" -maxdepth 1 '(' -type f -o -type l ')' -perm /111 -printf '%f\n' 2>/dev/null
fi
test -e /var/lib/kubelet/instance-config.yaml || {{ echo; echo '@@ sockets'
  for socket in {" ".join(SOCKETS)}; do test ! -S $socket || echo $socket; done; }}
echo; echo '@@ profiles'
find /var/lib/kubelet/seccomp/ -type f -printf 'seccomp/%P\n' 2>/dev/null
sed -n 's|^\(.*\) (.*|apparmor/\1|p' /sys/kernel/security/apparmor/profiles 2>/dev/null
echo; echo '@@ trusts'; sed -n 's/^ *certificate-authority-data: *//p' /etc/kubernetes/kubelet.conf 2>/dev/null || true
echo; echo '@@ logs in'
sed -n 's/^ *client-certificate\(\|-data\): *//p' /etc/kubernetes/kubelet.conf 2>/dev/null | tr -d '"' | while read -r text; do
  if test -f "$text"; then cat "$text"; else echo "$text" | base64 -d 2>/dev/null; fi |
    sed -n '/BEGIN CERTIFICATE/,/END CERTIFICATE/p' | sed '/END CERTIFICATE/q'
done
"""


def kubelet_files(parts: Mapping[str, str]) -> KubeletFiles:
    """Return what the script has printed; with the certificates of the host, which another one prints."""
    trusts = [identity for line in parts.get("trusts", "").split() for identity in _authorities(_decoded(line))]
    authority = next((text for name, text in parts.items() if name.startswith("certificate ") and name.endswith("/ca.crt")), "")
    serves = any(name == "manifest kube-apiserver.yaml" for name in parts)
    return KubeletFiles(
        providers=_providers(parts),
        sockets=tuple(parts["sockets"].split()) if "sockets" in parts else None,
        profiles=frozenset(filter(None, parts["profiles"].splitlines())) if "profiles" in parts else None,
        trusts=frozenset(trusts),
        authority=next(iter(_authorities(authority.encode())), "") if serves else "",
        user=_user(parts.get("logs in", "")),
    )


def _user(pem: str) -> str:
    """Return whom the certificate of a kubelet.conf names; of several in the file it is not known which one is used."""
    from cryptography.x509.oid import NameOID

    with contextlib.suppress(ValueError):
        named = [item.subject.get_attributes_for_oid(NameOID.COMMON_NAME) for item in load_certificates(pem.encode())]
        return str(named[0][-1].value) if len(named) == 1 and named[0] else ""
    return ""


def _providers(parts: Mapping[str, str]) -> CredentialProviders:
    found = {name.partition(" ")[0]: name.partition(" ")[2] for name in parts if name.startswith(("providers ", "programs "))}
    if "providers" not in found:
        return CredentialProviders()
    documents = _documents(parts[f"providers {found['providers']}"])
    there = set(parts.get(f"programs {found.get('programs', '')}", "").split())
    listed = [document.get("providers") for document in documents]
    named = [str(get(item, "name")) for items in listed if isinstance(items, list) for item in items]
    readable = bool(documents) and all(item.get("kind") == "CredentialProviderConfig" for item in documents)
    missing = tuple(name for name in dict.fromkeys(named) if name not in there)
    return CredentialProviders(found["providers"], found.get("programs", ""), readable, missing)


def _documents(text: str) -> list[dict[str, Any]]:
    try:
        found = [item for item in load_all(text) if item is not None]
    except StrangeError:
        return []
    return found if all(isinstance(item, dict) for item in found) else []


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text.strip('"'), validate=True)
    except (binascii.Error, ValueError):
        return b""


def _authorities(pem: bytes) -> Iterable[str]:
    """Yield subject and key of each certificate: one that was made anew for the same key is trusted as well."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives import serialization

    form, kind = serialization.PublicFormat.SubjectPublicKeyInfo, serialization.Encoding.DER
    with contextlib.suppress(ValueError, UnsupportedAlgorithm):
        for item in load_certificates(pem):
            yield f"{item.subject.rfc4514_string()} {item.public_key().public_bytes(kind, form).hex()}"
