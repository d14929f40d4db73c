"""Ask a control plane, through its own kubectl; again while its answer is only late."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from migrator.errors import CommandFailedError, HostError
from migrator.nodes.paths import KUBECTL
from migrator.ports import Host

# A single API server is away for most of a minute when a new kubelet restarts its static pods (docs/upgrade.md).
_SECONDS = 90.0
# Words of an API server that comes back: etcd takes a breath when a member joins or leaves, and one that has just started forbids
# everything to everybody until it has read its RBAC.
_PASSING = (
    *("etcdserver", "connection refused", "was refused", "timed out", "timeout", "TLS handshake", "unexpected EOF"),
    *("leader changed", "unable to handle the request", "ServiceUnavailable", "InternalError", "connection reset"),
    'forbidden: User "kubernetes-admin"',
)


def ask(host: Host, command: str, *, stdin: bytes = b"", timeout: float = 120.0) -> str:
    """Run a command that may be run twice; raises CommandFailedError once it has failed for a minute and a half, or for good."""
    deadline = host.clock.monotonic() + _SECONDS
    while True:
        try:
            return host.run(command, stdin=stdin, timeout=timeout)
        except CommandFailedError as error:
            if host.clock.monotonic() > deadline or not any(word in error.output for word in _PASSING):
                raise
            host.clock.sleep(1)


def kubectl(control_plane_host: Host, words: str, *, stdin: bytes = b"", timeout: float = 120.0) -> str:
    """Run kubectl on a control plane; what `words` ask for must be the same when asked twice. Raises CommandFailedError."""
    return ask(control_plane_host, f"{KUBECTL} {words}", stdin=stdin, timeout=timeout)


def answers(control_plane_host: Host) -> bool:
    """Return whether the API server answers its own administrator at all, now."""
    try:
        return control_plane_host.ok(f"{KUBECTL} get --raw /version --request-timeout=10s >/dev/null")
    except HostError:
        return False


def get_node(control_plane_host: Host, name: str) -> dict[str, Any] | None:
    """Return a node's object, None when the cluster has none of that name; that it does not answer is an error, not a None."""
    answer = kubectl(control_plane_host, f"get node {name} -o json --ignore-not-found")
    return json.loads(answer) if answer.strip() else None


def get_nodes(control_plane_host: Host) -> list[dict[str, Any]]:
    """Return all nodes' objects."""
    return list(json.loads(kubectl(control_plane_host, "get nodes -o json"))["items"])


def internal_address(node: Mapping[str, Any]) -> str:
    """Return the address that other nodes reach a node at, empty before its kubelet has told."""
    addresses = (node.get("status") or {}).get("addresses") or []
    return next((str(item["address"]) for item in addresses if item["type"] == "InternalIP"), "")
