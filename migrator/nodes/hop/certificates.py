"""Certificates of a host: kubeadm's own, those in kubeconfigs, the kubelet's, and which of them an upgrade renews."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from migrator.model.facts import Certificate

if TYPE_CHECKING:
    from cryptography import x509

SCRIPT = r"""
pki=$(sed -n 's|.*--client-ca-file=\(.*\)/[^/]*$|\1|p' /etc/kubernetes/manifests/kube-apiserver.yaml 2>/dev/null | head -n 1)
pki=${pki:-/etc/kubernetes/pki}
echo; echo '@@ pki'; echo "$pki"; ls "$pki"/*.key "$pki"/etcd/*.key 2>/dev/null
for file in "$pki"/*.crt "$pki"/etcd/*.crt /var/lib/kubelet/pki/kubelet-client-current.pem \
  /var/lib/kubelet/pki/kubelet-server-current.pem /var/lib/kubelet/pki/kubelet.crt; do
  test -e "$file" || continue
  echo; echo "@@ certificate $file"; sed -n '/BEGIN CERTIFICATE/,/END CERTIFICATE/p' "$file"
done
client=$(sed -n 's/^ *client-certificate: *//p' /etc/kubernetes/kubelet.conf 2>/dev/null | tr -d '"' | head -n 1)
case "$client" in /var/lib/kubelet/pki/kubelet-client-current.pem | '') ;; *) echo; echo "@@ certificate $client"
  sed -n '/BEGIN CERTIFICATE/,/END CERTIFICATE/p' "$client" 2>/dev/null ;; esac
test -z "$client" || test -e /var/lib/kubelet/pki/kubelet-client-current.pem || {
  echo; echo '@@ certificate /var/lib/kubelet/pki/kubelet-client-current.pem'; }
for file in kubelet $(test -e /etc/kubernetes/manifests/kube-apiserver.yaml && echo admin controller-manager scheduler); do
  test -s /etc/kubernetes/$file.conf || { echo; echo "@@ no kubeconfig /etc/kubernetes/$file.conf"; }
done
for file in /etc/kubernetes/*.conf; do
  test -e "$file" || continue
  echo; echo "@@ certificate $file"; sed -n 's/^ *client-certificate-data: *//p' "$file" | base64 -d 2>/dev/null
done
"""
"""Prints public parts alone: of keys the names, of kubeconfigs the certificate."""
# Certificates that kubeadm does not renew, and who does.
_OF_KUBELET = {
    "/var/lib/kubelet/pki/kubelet-client-current.pem": "the kubelet renews it by itself; see `journalctl -u kubelet`",
    "/var/lib/kubelet/pki/kubelet-server-current.pem": "approve its request: `kubectl get csr`, `kubectl certificate approve NAME`",
    "/var/lib/kubelet/pki/kubelet.crt": "move kubelet.crt and kubelet.key away and restart the kubelet: it makes new ones",
    "/etc/kubernetes/kubelet.conf": "point it to /var/lib/kubelet/pki/kubelet-client-current.pem",
}


# Files of kubeadm's and the kubelet's own, each of which must hold a certificate; others in their folders may be anything.
_NEEDED = re.compile(
    r"/(?:ca|apiserver[a-z-]*|front-proxy-[a-z]+|etcd/(?:ca|server|peer|healthcheck-client))\.crt$"
    r"|^/var/lib/kubelet/pki/kubelet(?:-client-current\.pem|-server-current\.pem|\.crt)$|/kubelet-client\.crt$"
)


def certificates(parts: Mapping[str, str]) -> Iterator[Certificate]:
    """Yield the certificates of what the script has printed, and the files that should hold one, or a kubeconfig, and do not."""
    pki, *keys = parts.get("pki", "").split() or ["/etc/kubernetes/pki"]
    for name, pem in parts.items():
        if name.startswith("no kubeconfig "):
            path = name.removeprefix("no kubeconfig ")
            phase = path.rpartition("/")[2].removesuffix(".conf")
            hint = f"write it again: `kubeadm init phase kubeconfig {phase}`, with the cluster's endpoint"
            yield Certificate(path, 0.0, authority=False, hint=hint, unreadable=True)
        if not name.startswith("certificate "):
            continue
        path = name.removeprefix("certificate ")
        try:
            # The first one is the own one; what follows are authorities between (RFC 8446, 4.4.2).
            found = load_certificates(pem.encode())[0]
        except ValueError:
            if _NEEDED.search(path):
                yield Certificate(path, 0.0, authority=False, hint=_new_one(path), unreadable=True)
            continue
        hint = _OF_KUBELET.get(path, "") or _without_key(path, pki, keys)
        yield Certificate(
            path,
            found.not_valid_after_utc.timestamp(),
            _is_authority(found),
            found.not_valid_before_utc.timestamp(),
            renewed=not hint,
            hint=hint,
        )


def load_certificates(pem: bytes) -> list[x509.Certificate]:
    """Return the certificates of a text; raises ValueError for what is none, whatever is wrong with it."""
    from cryptography import x509

    try:
        return x509.load_pem_x509_certificates(pem)
    except x509.InvalidVersion as error:
        raise ValueError from error


def _new_one(path: str) -> str:
    """Return what to do about a file that holds no certificate."""
    if "kubelet-client" in path:
        return "point it to the newest of /var/lib/kubelet/pki/kubelet-client-*.pem that is whole; else join the node again"
    return "bring it back from a copy; or move it away and have it made anew (`kubeadm init phase certs --help`)"


def _is_authority(certificate: x509.Certificate) -> bool:
    from cryptography import x509

    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    # Any file may lie there, and extensions of one's own authority may be of any form.
    except (x509.ExtensionNotFound, x509.DuplicateExtension, x509.UnsupportedGeneralNameType, ValueError):
        return False


def _without_key(path: str, pki: str, keys: list[str]) -> str:
    """Return the hint for a certificate whose authority has no key here (kubeadm: external CA mode), else nothing."""
    authority = f"{pki}/ca.key"
    if path.startswith(f"{pki}/etcd/") or re.search(r"/apiserver-etcd-client\.crt$", path):
        authority = f"{pki}/etcd/ca.key"
    elif "/front-proxy-client" in path:
        authority = f"{pki}/front-proxy-ca.key"
    if authority in keys or path.endswith("ca.crt"):
        return ""
    return f"{authority} is not here: have its authority sign it anew (`kubeadm certs generate-csr`)"
