"""What keeps a backend from taking shares, found before anything is changed, with the hint. Reads values only."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from migrator.traffic.backend import Backend, Server
from migrator.traffic.next_start import chosen_by_rules, made_while_running, takes_weights_of_records
from migrator.traffic.start_options import StartOptions, pins_ports
from migrator.untrusted import printable

# Dynamic algorithms: their weights may change while HAProxy runs (configuration manual, `balance`).
_TAKES_WEIGHTS = frozenset({"roundrobin", "leastconn", "random"})
# The others divide by a hash, whose type HAProxy does not tell: see `depends_on_hash_type`.
_NO_WEIGHTS = frozenset({"static-rr", "first"})
_PROCESSES = re.compile(r"^Nbproc: (\d+)$", re.MULTILINE)
PEERS = re.compile(r"id=(\S+?)\(remote")
"""In `show peers`: those that are another HAProxy."""


@dataclass(slots=True, frozen=True)
class Obstacle:
    """One thing that keeps shares from being set, or from holding."""

    reason: str
    hint: str


def obstacles(backend: Backend, ours: Collection[str], config: str = "") -> Iterator[Obstacle]:
    """Yield what keeps this backend's traffic from being divided among `ours`; `config`: haproxy.cfg, empty: not seen."""
    by_record = [name for name in ours if name in backend.servers and backend.servers[name].by_record]
    if by_record and config and takes_weights_of_records(config, backend.name):
        yield Obstacle(
            f"server {by_record[0]} takes its weight from a record of DNS (SRV) again and again, whatever is set here",
            "`resolve-opts ignore-weight` in its line (configuration manual, `resolve-opts`)",
        )
    for name in made_while_running(config, backend.name, ours) if config else ():
        yield Obstacle(
            f"server {name} was added while HAProxy runs and is not in haproxy.cfg: its next start would not have it, and lead "
            "what it gets to nobody",
            "add its line to haproxy.cfg",
        )
    if backend.algorithm in _NO_WEIGHTS:
        yield Obstacle(f"`balance {backend.algorithm}` takes no weights while HAProxy runs", "`balance roundrobin` or `leastconn`")
    for name, server in backend.servers.items():
        if name in ours:
            yield from _of_ours(server)
        # A backup gets nothing while another server is up.
        elif server.share and not server.backup:
            yield Obstacle(
                f"server {name} gets a share, too, and is neither blue nor green",
                f"name it in traffic.haproxy, or `set server {backend.name}/{name} state maint`",
            )


def several_processes(info: str, sockets: int) -> Iterator[Obstacle]:
    """Yield an obstacle for an HAProxy before 2.5 of more processes than there are sockets: each has weights of its own.

    Met by haproxy#125, haproxy#186. `info` is the answer to `show info`.
    """
    found = _PROCESSES.search(info)
    if found and int(found[1]) > sockets:
        yield Obstacle(
            f"HAProxy runs as {found[1]} processes (nbproc), and this socket sets the weights of one",
            "`nbthread` in place of `nbproc`; or one of traffic.haproxy.instances for the `stats socket ... process N` of each",
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


def notices(backend: Backend, shown_peers: str, config: str = "", *, blue: Collection[str] = (), alone: bool) -> Iterator[str]:
    """Yield what a person should know of a backend that can be moved; `alone`: no other instance is told of a cutover."""
    fixed = [name for name in chosen_by_rules(config, backend.name) if name in blue or "%[" in name]
    if fixed:
        yield (
            f"haproxy.cfg has `use-server {printable(fixed[0])}`: clients that it covers are on that server whatever its weight, "
            "and stay on blue after a cutover; take it out"
        )
    peers = ", ".join(PEERS.findall(shown_peers))
    if peers and alone:
        yield (
            f"HAProxy has peers ({printable(peers)}), and a second load balancer is not told of this cutover: set the same "
            "weights there, or traffic goes back to blue when it takes over"
        )
    if config == "" and any(server.by_record for server in backend.servers.values()):
        yield "DNS (SRV) tells of servers: without `resolve-opts ignore-weight` its weights replace those that are set here"
    if backend.mode == "tcp":
        yield f"backend {backend.name} is in TCP mode: errors are of connections, gates.latency judges the time to connect"


def notices_of_start(info: str, options: StartOptions | None, state_file: str) -> Iterator[str]:
    """Yield what a person should know of how HAProxy was started (`show info`, its options, the file that keeps its state)."""
    pinned = pins_ports(info, options)
    if state_file and pinned:
        yield (
            f"HAProxy {pinned}, so {state_file} keeps the servers' ports: "
            "when you change a port in haproxy.cfg, take the server's line out of that file"
        )
    if options and options.persistence:
        yield (
            f"haproxy.cfg has `{options.persistence}`: clients that it covers stay on green after a rollback; "
            "take it out for the time of the migration"
        )
