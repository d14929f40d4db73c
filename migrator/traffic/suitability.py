"""What keeps a backend from taking shares, found before anything is changed, with the cure. Reads values only."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from migrator.traffic.backend import Backend, Server

_TAKES_WEIGHTS = frozenset({"roundrobin", "leastconn", "random"})
# The others divide by a hash, whose type HAProxy does not tell: see `depends_on_hash_type`.
_NO_WEIGHTS = frozenset({"static-rr", "first"})


@dataclass(slots=True, frozen=True)
class Obstacle:
    """One thing that keeps shares from being set, or from holding."""

    reason: str
    cure: str


def obstacles(backend: Backend, ours: Collection[str]) -> Iterator[Obstacle]:
    """Yield what keeps this backend's traffic from being divided among `ours`."""
    if backend.algorithm in _NO_WEIGHTS:
        yield Obstacle(f"`balance {backend.algorithm}` takes no weights while HAProxy runs", "`balance roundrobin` or `leastconn`")
    for name, server in backend.servers.items():
        if name in ours:
            yield from _of_ours(server)
        elif server.share and not server.backup:
            yield Obstacle(
                f"server {name} gets a share, too, and is neither blue nor green",
                f"name it in traffic.haproxy, or `set server {backend.name}/{name} state maint`",
            )


def depends_on_hash_type(backend: Backend) -> bool:
    """Return whether only a trial tells if weights are taken: `hash-type map-based` refuses them, `consistent` takes them."""
    return backend.algorithm not in _TAKES_WEIGHTS | _NO_WEIGHTS


def _of_ours(server: Server) -> Iterator[Obstacle]:
    if server.backup:
        yield Obstacle(f"server {server.name} is `backup`: it gets nothing while others are up", "take `backup` out of its line")
    if server.unresolved:
        yield Obstacle(
            f"HAProxy finds no address for the name of server {server.name}", "see `resolvers` and the name in haproxy.cfg"
        )
    if server.has_agent:
        yield Obstacle(
            f"server {server.name} has an agent check, which sets weight and state by itself",
            f"`disable agent {server.state[1]}/{server.name}`, or take `agent-check` out of its line",
        )
