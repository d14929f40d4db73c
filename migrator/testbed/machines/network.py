"""A bridge with a subnet of its own for each set of test nodes."""

from __future__ import annotations

import fcntl
import json
from ipaddress import IPv4Interface, IPv4Network
from pathlib import Path

from migrator.adapters.commands import run
from migrator.errors import MigratorError

_POOL = IPv4Network("10.77.0.0/16")
_LOCK = Path("/run/lock/migrator-testbed-network")


def make_bridge(name: str) -> IPv4Network:
    """Make a bridge on a free subnet and return that; one that is there already is kept."""
    _LOCK.parent.mkdir(parents=True, exist_ok=True)
    with _LOCK.open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        links = json.loads(run(["ip", "-j", "-4", "address"]))
        addresses = {
            link["ifname"]: [IPv4Interface(f"{item['local']}/{item['prefixlen']}") for item in link["addr_info"]] for link in links
        }
        if addresses.get(name):
            return addresses[name][0].network
        taken = [interface.network for items in addresses.values() for interface in items]
        for network in _POOL.subnets(new_prefix=24):
            if not any(network.overlaps(other) for other in taken):
                break
        else:
            raise MigratorError(f"no /24 in {_POOL} is free for test nodes")
        if not Path(f"/sys/class/net/{name}").exists():
            run(["ip", "link", "add", name, "type", "bridge"])
        run(["ip", "address", "add", f"{gateway(network)}/24", "dev", name])
        run(["ip", "link", "set", name, "up"])
        return network


def remove_bridge(name: str) -> None:
    """Remove a bridge; one that is gone already is no error."""
    if Path(f"/sys/class/net/{name}").exists():
        run(["ip", "link", "delete", name])


def gateway(network: IPv4Network) -> str:
    """Return this machine's address on a bridge's network."""
    return str(network[1])
