"""Ask the API server of one host, whatever answers at the cluster's address."""

from __future__ import annotations

from migrator.nodes.paths import KUBECTL, MANIFESTS
from migrator.untrusted import for_shell

MANIFEST = f"{MANIFESTS}/kube-apiserver.yaml"
LOCAL_KUBECTL = (
    f"m={MANIFEST}; a=$(sed -n 's/.*--advertise-address=//p' $m); p=$(sed -n 's/.*--secure-port=//p' $m); "
    'case "$a" in *:*) a="[$a]" ;; esac; '
    f'{KUBECTL} --request-timeout=5s --server="https://$a:${{p:-6443}}" '
)
ANY_ADDRESS = f"! grep -e '--bind-address=' {MANIFEST} | grep -q -v -E '=(0\\.0\\.0\\.0|::)\"?$'"
"""Whether the API server listens on every address of its host, the loopback address among them."""
PORT = f"p=$(sed -n 's/.*--secure-port=//p' {MANIFEST}); p=${{p:-6443}}"


def asked_newest(path: str) -> str:
    """Return a command that asks the newest of two API servers on one port, or any where nobody steers (steering.py)."""
    loopback = '"--server=https://127.0.0.1:$p" --tls-server-name=kubernetes'
    return f'{PORT}; set --; if {ANY_ADDRESS}; then set -- {loopback}; fi; {LOCAL_KUBECTL} "$@" get --raw {for_shell(path)}'
