"""What earlier runs have started on hosts and what still runs there: it is waited for, or ended where a person says so."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import ExitStack, contextmanager

from migrator.errors import ApiError, HostError
from migrator.model.events import Note
from migrator.nodes.detached import end_units, running_units
from migrator.nodes.spec import NodeSpec
from migrator.ports import HeldLock
from migrator.upgrade.session import UpgradeSession

# Longer than kubeadm, pacman and etcdutl are given.
_SECONDS = 2400.0
# Each look is a command over SSH on each host.
_POLL = 1.0


@contextmanager
def alone(session: UpgradeSession) -> Iterator[HeldLock | None]:
    """Hold the cluster's lock until its API servers are stopped: what holds it lies in the etcd that is about to be replaced.

    A cluster that does not answer, or gives no lock, keeps nobody from going back: then only the journal's own lock and
    the units on the hosts tell of other runs.
    """
    with ExitStack() as stack:
        lock = None
        try:
            lock = stack.enter_context(session.cluster.lock(session.holder, session.reporter))
        except ApiError as error:
            text = f"{error.message}: whether another run of migrator is under way elsewhere is not known"
            session.reporter.emit(Note(text, warning=True))
        yield lock


def await_running(session: UpgradeSession, *, end: bool = False, required: Collection[NodeSpec] = ()) -> None:
    """Return once nothing that this tool has started runs on a node any more; with `end` it is ended.

    A node that cannot be asked is named, unless it is `required`: then HostError is raised, as it is when time is over.
    """
    deadline = session.clock.monotonic() + _SECONDS
    for node in session.nodes:
        try:
            _await_node(session, node, deadline, end=end)
        except HostError as error:
            if node in required or session.clock.monotonic() > deadline:
                raise
            session.reporter.emit(Note(f"{error.message}: what still runs there is not known", warning=True))


def _await_node(session: UpgradeSession, node: NodeSpec, deadline: float, *, end: bool) -> None:
    host = session.hosts[node.name]
    units = running_units(host)
    if units and end:
        session.say(f"{node.name}: ending {', '.join(units)}")
        end_units(host, units)
        units = running_units(host)
    elif units:
        session.say(f"{node.name}: {', '.join(units)} still runs and is waited for (--end-running ends it)")
    while units:
        if session.clock.monotonic() > deadline:
            raise HostError(
                f"{node.name}: {', '.join(units)} still runs", hint=f"`journalctl -u {units[0]}` there; --end-running ends it"
            )
        session.clock.sleep(_POLL)
        units = running_units(host)
