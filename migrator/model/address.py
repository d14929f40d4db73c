"""What an address or a name of a host means."""

from __future__ import annotations

import ipaddress


def is_loopback(host: str) -> bool:
    """Return whether nobody else reaches it; of version 6 it may be in brackets and have a zone (RFC 4007)."""
    name = host.removeprefix("[").removesuffix("]").partition("%")[0]
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        # Resolvers answer it and names below it with loopback addresses (RFC 6761, 6.3).
        return name == "localhost" or name.endswith(".localhost")


def is_link_local(host: str) -> bool:
    """Return whether only hosts of the same link reach it; of version 6 it has a zone (RFC 4007)."""
    name = host.partition("%")[0]
    return is_address(name) and ipaddress.ip_address(name).is_link_local


def is_address(text: str) -> bool:
    """Return whether it is an address of IPv4 or IPv6, and no name."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def one_form(address: str) -> str:
    """Return an address as programs print it; people write those of version 6 in many ways (RFC 5952)."""
    return str(ipaddress.ip_address(address)) if is_address(address) else address
