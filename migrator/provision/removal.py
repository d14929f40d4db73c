"""Take a node out of its cluster and off its host; what does not answer any more is said and does not keep the rest."""

from __future__ import annotations

from collections.abc import Callable

from migrator.cluster.drain import drain
from migrator.errors import ApiError, CommandFailedError, GateFailedError, HostError, MigratorError
from migrator.model.events import Event, Progress
from migrator.model.upgrade import DrainRules
from migrator.nodes.action import converge
from migrator.nodes.control_plane import answers
from migrator.nodes.hop.etcd_members import has_local_etcd, remove_member
from migrator.nodes.membership import remove_node
from migrator.nodes.packages import NoPackages
from migrator.nodes.reset import Reset
from migrator.nodes.spec import ClusterSpec, NodeSpec
from migrator.ports import DrainableCluster, Host

# A node that is taken out of a stack is meant to go, with what is on it.
_DRAIN = DrainRules(delete_emptydir_data=True, force=True, timeout=300.0)
_HINT = "take away what holds them; or `kubectl delete node {name}`, and it is taken off its host without a drain"
Say = Callable[[str], None]


def leave(node: NodeSpec, host: Host, control_plane_host: Host, reached: Callable[[], DrainableCluster], say: Say) -> bool:
    """Drain a node and take it out of its cluster; return whether the cluster was there to do so.

    A cluster that answers and refuses is an error; one that does not answer is a line, as there is nothing to take it out of.
    """
    say(f"{node.name}: drained and taken out of the cluster")

    def empty() -> None:
        try:
            drain(reached(), node.name, _DRAIN, clock=host.clock, reporter=_Shown(say))
        except GateFailedError as error:  # its hint is about options that Pulumi does not have
            raise GateFailedError(error.message, hint=_HINT.format(name=node.name)) from error

    try:
        remove_node(control_plane_host, node.name, empty)
    except (HostError, CommandFailedError, ApiError) as error:
        if answers(control_plane_host):
            raise
        say(f"{node.name}: its cluster does not answer and still counts it as a node, should it come back: {error.message}")
        return False
    return True


def reset_host(host: Host, cluster: ClusterSpec, say: Say) -> bool:
    """Take the cluster off a host, and its packages where the stack says so; return whether the host was there."""
    try:
        converge(host, [Reset(cluster)], say)
        if cluster.remove_packages:
            converge(host, [NoPackages(tuple(cluster.packages))], say)
    except HostError as error:
        say(f"{error.message}; its disk still has the cluster's files: kubeadm reset there, should it come back")
        return False
    return True


def forget_member(node: NodeSpec, control_plane_host: Host, say: Say) -> None:
    """Remove what a control plane that is gone has left in etcd: a member that counts for the majority and never answers."""
    try:
        if has_local_etcd(control_plane_host) and remove_member(control_plane_host, node.name):
            say(f"{node.name}: its etcd member is removed")
    except MigratorError as error:
        say(f"{node.name}: its etcd member may still be there: {error.message}; {error.hint}")


class _Shown:
    """Shows a drain's events as Pulumi shows what a provider prints."""

    def __init__(self, say: Say) -> None:
        self._say = say

    def emit(self, event: Event) -> None:
        """Show a step or a note."""
        if not isinstance(event, Progress):
            self._say(event.text)
