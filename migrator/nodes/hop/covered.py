"""Do what restarts static pods of a control plane while second servers answer in their place."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from migrator.errors import BlockedError, CommandFailedError
from migrator.model.kubeadm import PORT_SHARING
from migrator.nodes.action import Action
from migrator.nodes.hop.local_api import MANIFEST
from migrator.nodes.hop.port_sharing import share_port, shares_port
from migrator.nodes.hop.second_etcd import start_etcd
from migrator.nodes.hop.second_server import (
    CLUSTER_CONFIGURATION,
    SHARED,
    present,
    remove,
    remove_left,
    require_possible,
    start_api,
)
from migrator.nodes.hop.static_pod import running_container
from migrator.nodes.paths import MANIFESTS
from migrator.ports import Host


@dataclass(slots=True, frozen=True)
class Covered:
    """Do something that restarts static pods of a control plane while a second API server answers; without one, say why."""

    inner: Action
    say: Callable[[str], None]
    alone: bool = False
    """Whether the only etcd is restarted, too: no other control plane answers meanwhile, and a second etcd is needed."""
    manifest: str = f"cat {MANIFEST}"
    """A command that prints what the next manifest is made of: it must let the port be shared, too."""
    restarts_nothing: Callable[[Host], bool] = lambda _: False
    """Whether it is known to leave the static pods as they are, so that nobody has to answer in their place."""

    @property
    def name(self) -> str:
        """What a person reads."""
        return self.inner.name

    def done(self, host: Host) -> bool:
        """Return whether it is done, and no second server is left."""
        return self.inner.done(host) and not present(host)

    def run(self, host: Host) -> None:
        """Do it; a second server that an interrupted run has left goes on with it, and is removed in the end.

        Raises MigratorError, with the second one still there, when the regular API server is not ready in time.
        """
        if not self.inner.done(host):
            self._begin(host)
            self.inner.run(host)
        if present(host):
            remove_left(host)
            self.say(f"{host.name}: the second API server is gone")

    def _begin(self, host: Host) -> None:
        """Start what answers meanwhile."""
        if present(host):
            # Of an interrupted run: what it answered for may be under way, with no regular one there at all.
            return
        if self.restarts_nothing(host):
            return
        try:
            if self.alone and self.manifest == CLUSTER_CONFIGURATION and not shares_port(host):
                self.say(f"{host.name}: the API server restarts once, and shares its port from then on ({SHARED})")
                share_port(host)
            # Both must share the port: the one that runs, which is copied, and the next one, which would find its port taken.
            if not host.ok(f"grep -q -e ' {SHARED}$' {MANIFEST} && {{ {self.manifest}; }} | grep -q {PORT_SHARING}"):
                self.say(f"{host.name}: the API server is away for some seconds: it has no {SHARED} (docs/upgrade.md)")
                return
            api = running_container(host, "kube-apiserver").pid
            require_possible(host, api)
            self.say(f"{host.name}: a second API server answers on the same port meanwhile")
            start_api(host, api)
        except (BlockedError, CommandFailedError) as error:
            self.say(f"{host.name}: no second API server, so it is away for some seconds: {_short(error)}")
            remove(host)
            return
        # With several members the others serve meanwhile.
        if self.alone and host.ok(f"test -s {MANIFESTS}/etcd.yaml"):
            try:
                start_etcd(host, running_container(host, "etcd").pid)
            except (BlockedError, CommandFailedError) as error:
                self.say(f"{host.name}: no second etcd, so the API server is away for some seconds: {_short(error)}")


def _short(error: Exception) -> str:
    return str(error).strip()[-300:]
