"""What is under way on a host, written there first.

So a run that broke half way is known from a node that works, and from a node of somebody else's cluster (docs/adr/0004).
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from migrator.errors import BlockedError
from migrator.nodes.paths import ADMIN_CONF, KUBELET_CONF, STATE
from migrator.nodes.spec import ClusterSpec
from migrator.ports import Host
from migrator.untrusted import printable

MARK_FILE = f"{STATE}/node.json"
STARTED, COMPLETE = "started", "complete"


@dataclass(slots=True, frozen=True)
class Mark:
    """What a host was told to be."""

    cluster: str
    state: str
    """`started` or `complete`."""
    uid: str = ""
    """Tells two clusters of one name apart; marks of 0.1.0 have none."""

    def of(self, cluster: ClusterSpec) -> bool:
        """Return whether the host is this cluster's; without a UID on both sides the name decides."""
        return self.uid == cluster.uid if self.uid and cluster.uid else self.cluster == cluster.id


def read_mark(host: Host) -> Mark | None:
    """Return a host's mark, None where kubeadm was never run by us; raises BlockedError for a mark that is none."""
    text = host.run(f"cat {MARK_FILE} 2>/dev/null || true").strip()
    if not text:
        return None
    try:
        content = json.loads(text)
        return Mark(str(content["cluster"]), str(content["state"]), str(content.get("uid", "")))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        hint = "nothing was changed; is the host a node? See /etc/kubernetes there, and remove the file if it is none"
        raise BlockedError(f"{host.name}: {MARK_FILE} cannot be read: {printable(str(error))}", hint=hint) from error


def write_mark(host: Host, cluster: ClusterSpec, state: str) -> None:
    """Write down what is under way, before it is."""
    content = {"cluster": cluster.id, "state": state} | ({"uid": cluster.uid} if cluster.uid else {})
    host.write(MARK_FILE, json.dumps(content).encode(), mode=0o600)


def refuse_foreign(host: Host, cluster: ClusterSpec) -> None:
    """Raise BlockedError when a host belongs to a cluster that is not this one."""
    mark = read_mark(host)
    if mark and not mark.of(cluster):
        # A swapped address, for example: a reset would destroy the node of another cluster.
        if mark.cluster != cluster.id:
            raise BlockedError(
                f"{host.name} is part of cluster {printable(mark.cluster)}",
                hint=f"take it out of that stack first; wanted for {cluster.id}",
            )
        raise BlockedError(
            f"{host.name} is part of another cluster that has the name {cluster.id}, too",
            hint="is its address right? If it is this stack's and only Pulumi's state was lost, "
            f'take "uid" out of {MARK_FILE} there, then run this again',
        )
    # Made by hand or by another program: it must never be reset.
    if not mark and host.ok(f"test -e {KUBELET_CONF} -o -e {ADMIN_CONF}"):
        raise BlockedError(
            f"{host.name} is part of a cluster that was not made here ({KUBELET_CONF} exists)",
            hint="if it is not needed any more, on the host: kubeadm reset",
        )


@dataclass(slots=True, frozen=True)
class Marked:
    """Have the cluster's UID and name in the host's mark, which 0.1.0 left without one."""

    cluster: ClusterSpec
    name: str = "mark"

    def done(self, host: Host) -> bool:
        """Return whether the mark names the cluster, or there is nothing to tell it by."""
        mark = read_mark(host)
        return not self.cluster.uid or mark is None or (mark.uid, mark.cluster) == (self.cluster.uid, self.cluster.id)

    def run(self, host: Host) -> None:
        """Write it anew, in the state that it is in."""
        refuse_foreign(host, self.cluster)
        if mark := read_mark(host):
            write_mark(host, self.cluster, mark.state)
