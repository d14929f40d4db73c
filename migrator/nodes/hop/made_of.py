"""What kubeadm makes the manifests of the static pods of, as a digest: while it is the same, kubeadm restarts nothing."""

from __future__ import annotations

from migrator.errors import CommandFailedError
from migrator.model.kubeadm import CONTROL_PLANE
from migrator.nodes.hop.kubeadm import PATCHES, is_marked, mark
from migrator.nodes.hop.second_server import CLUSTER_CONFIGURATION
from migrator.nodes.paths import MANIFESTS
from migrator.ports import Host

_MARK = "made-of"
# kubeadm takes the version from its arguments, and proxies from its environment, which is systemd's.
_DIGEST = f"""
set -e
configuration=$({CLUSTER_CONFIGURATION})
test -n "$configuration"
{{
  echo "$configuration" | grep -v '^kubernetesVersion:'
  systemctl show-environment 2>/dev/null | grep -i _proxy= || true
  for file in {PATCHES}/*; do if test -e "$file"; then echo "$file"; cat "$file"; fi; done
  for name in {" ".join(CONTROL_PLANE)}; do echo "$name"; sed '/{{flag}}=/d' {MANIFESTS}/$name.yaml; done
}} | sha256sum | cut -d ' ' -f 1
"""


def remember(host: Host, version: str, flag: str) -> None:
    """Remember what the manifests of a version are made of, their lines with `flag` left out."""
    mark(host, _MARK, f"{version} {_digest(host, flag)}")


def is_same(host: Host, version: str, flag: str) -> bool:
    """Return whether nothing of it has changed since, and the manifests are those of then."""
    digest = _digest(host, flag)
    return bool(digest) and is_marked(host, _MARK, f"{version} {digest}")


def _digest(host: Host, flag: str) -> str:
    try:
        return host.run(_DIGEST.replace("{flag}", flag)).strip()
    except CommandFailedError:
        return ""
