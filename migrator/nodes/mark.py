"""What is under way on a host, written there first.

So a run that broke half way is known from a node that works, and from a node of somebody else's cluster (docs/adr/0004).
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from migrator.errors import BlockedError
from migrator.nodes.paths import ADMIN_CONF, KUBELET_CONF, STATE
from migrator.ports import Host

MARK_FILE = f"{STATE}/node.json"


@dataclass(slots=True, frozen=True)
class Mark:
    """What a host was told to be."""

    cluster: str
    state: str
    """`started` or `complete`."""


def read_mark(host: Host) -> Mark | None:
    """Return a host's mark, None where kubeadm was never run by us."""
    text = host.run(f"cat {MARK_FILE} 2>/dev/null || true").strip()
    return Mark(**json.loads(text)) if text else None


def write_mark(host: Host, mark: Mark) -> None:
    """Write down what is under way, before it is."""
    host.write(MARK_FILE, json.dumps({"cluster": mark.cluster, "state": mark.state}).encode(), mode=0o600)


def refuse_foreign(host: Host, cluster: str) -> None:
    """Raise BlockedError when a host belongs to a cluster that is not this one."""
    mark = read_mark(host)
    if mark and mark.cluster != cluster:
        raise BlockedError(
            f"{host.name} is part of cluster {mark.cluster}", hint=f"take it out of that stack first; wanted for {cluster}"
        )
    if not mark and host.ok(f"test -e {KUBELET_CONF} -o -e {ADMIN_CONF}"):
        raise BlockedError(
            f"{host.name} is part of a cluster that was not made here ({KUBELET_CONF} exists)",
            hint="if it is not needed any more, on the host: kubeadm reset",
        )
