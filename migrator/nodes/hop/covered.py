"""Do what restarts static pods of a control plane while second servers answer in their place."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from migrator.errors import BlockedError, CommandFailedError
from migrator.model.kubeadm import PORT_SHARING
from migrator.nodes.action import Action
from migrator.nodes.hop.port_sharing import share_port, shares_port
from migrator.nodes.hop.second_server import (
    CLUSTER_CONFIGURATION,
    SHARED,
    present,
    remove,
    remove_left,
    require_possible,
    start_api,
    start_etcd,
)
from migrator.nodes.hop.static_pod import running_container
from migrator.nodes.paths import MANIFESTS
from migrator.ports import Host

_MANIFEST = f"{MANIFESTS}/kube-apiserver.yaml"
# How long a new kubelet may take until it restarts static pods.
_QUIET_SECONDS, _POLL = 30.0, 0.2


@dataclass(slots=True, frozen=True)
class Covered:
    """Do something that restarts static pods of a control plane while a second API server answers; without one, say why."""

    inner: Action
    say: Callable[[str], None]
    alone: bool = False
    """Whether no other control plane answers meanwhile: etcd then has one member, and its second one is needed, too."""
    manifest: str = f"cat {_MANIFEST}"
    """A command that prints what the next manifest is made of: it must let the port be shared, too."""
    restarts: bool = False
    """Whether static pods are restarted some time after it is done: by a new kubelet."""

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
            before = self._begin(host)
            self.inner.run(host)
            if self.restarts and before:
                _await_restart(host, before)
        if present(host):
            remove_left(host)
            self.say(f"{host.name}: the second API server is gone")

    def _begin(self, host: Host) -> int:
        """Start what answers meanwhile; return the process id of the regular API server, 0 where nothing was started."""
        if present(host):
            # Of an interrupted run: what it answered for may be under way, with no regular one there at all.
            return 0
        try:
            if self.alone and self.manifest == CLUSTER_CONFIGURATION and not shares_port(host):
                self.say(f"{host.name}: the API server restarts once, and shares its port from then on ({SHARED})")
                share_port(host)
            if not host.ok(f"grep -q -e ' {SHARED}$' {_MANIFEST} && {{ {self.manifest}; }} | grep -q {PORT_SHARING}"):
                self.say(f"{host.name}: the API server is away for some seconds: it has no {SHARED} (docs/upgrade.md)")
                return 0
            api = running_container(host, "kube-apiserver").pid
            require_possible(host, api)
            self.say(f"{host.name}: a second API server answers on the same port meanwhile")
            start_api(host, api)
            if self.alone and host.ok(f"test -s {MANIFESTS}/etcd.yaml"):
                start_etcd(host, running_container(host, "etcd").pid)
        except (BlockedError, CommandFailedError) as error:
            self.say(f"{host.name}: no second API server, so it is away for some seconds: {str(error).strip()[-300:]}")
            remove(host)
            return 0
        return api


def _await_restart(host: Host, before: int) -> None:
    """Wait until a new kubelet has restarted the regular API server, or long enough for it to have done so."""
    deadline = host.clock.monotonic() + _QUIET_SECONDS
    while host.clock.monotonic() < deadline and host.ok(f"test -d /proc/{before}"):
        host.clock.sleep(_POLL)
