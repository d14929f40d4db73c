"""Remove from hosts what a hop has left there and no later one needs."""

from __future__ import annotations

from migrator.errors import MigratorError
from migrator.model.events import Note
from migrator.nodes.hop.second_server import remove_left
from migrator.nodes.hop.staged import forget_copies, forget_staged
from migrator.upgrade.session import UpgradeSession


def clean_hosts(session: UpgradeSession) -> None:
    """Remove staged programs, but those of hops that are left, kubeadm's copies but the newest, and second API servers.

    A host that cannot be asked is named and does not matter: the next hop cleans it.
    """
    keep = [str(hop.target) for hop in session.state.hops if session.state.open and hop.key not in session.state.ended]
    for node in session.nodes:
        host = session.hosts[node.name]
        try:
            session.require_machine(node)
            forget_staged(host, keep)
            forget_copies(host)
            if node.role == "control-plane":
                remove_left(host)
        except MigratorError as error:
            session.reporter.emit(Note(f"{error.message}: programs of old versions stay there", warning=True))
