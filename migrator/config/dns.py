"""A name in DNS that leads to blue or to green."""

from __future__ import annotations

import contextlib
import ipaddress
import re
from collections.abc import Callable
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from migrator.config.fields import Duration, Frozen, lasting, repeated
from migrator.config.host_name import require_host

_LABEL = r"[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_NAME = re.compile(rf"(\*\.)?{_LABEL}(\.{_LABEL})*\.?")
_SERVER = re.compile(r"([\w.-]+|\[[0-9A-Fa-f:.]+\])(:\d{1,5})?|[0-9A-Fa-f:]+")
_DNS_PORT = 53
_AFFIX = r"^([A-Za-z0-9_.-]|%\{record_type\})*$"


def _name(text: str) -> str:
    if not text.isascii():
        with contextlib.suppress(UnicodeError):
            raise ValueError(f"{text!r} is not a name as DNS has it; write {text.encode('idna').decode()}")
    if len(text) > 253 or not _NAME.fullmatch(text):
        raise ValueError(f"{text!r} is not a name in DNS")
    return text.rstrip(".").lower()


def _server(text: str) -> str:
    if not _SERVER.fullmatch(text):
        raise ValueError(f"{text!r} is not a server; write an address, or address:port")
    require_host(host_and_port(text)[0])
    return text


DnsName = Annotated[str, AfterValidator(_name)]
DnsServer = Annotated[str, AfterValidator(_server)]


class DnsConfig(Frozen):
    """One name, changed by dynamic updates (RFC 2136)."""

    name: DnsName = Field(description="The name that clients ask for.")
    zone: DnsName = Field(description="The zone that it is in.")
    type: Literal["A", "AAAA", "CNAME"] = Field("A", description="Type of the record.")
    blue: tuple[str, ...] = Field(description="Addresses that lead to blue; of a CNAME the one target.", min_length=1)
    green: tuple[str, ...] = Field(description="Addresses that lead to green; of a CNAME the one target.", min_length=1)
    server: DnsServer = Field(description="The server that takes updates: address, or address:port.")
    servers: tuple[DnsServer, ...] = Field(
        (), description="Further servers of the zone, each asked until it answers the new value; left out: those of its NS records."
    )
    key_file: str = Field(description="The TSIG key as BIND writes it (`tsig-keygen`); only you may read the file.")
    ttl: Duration = lasting("30s", description="The TTL that `migrator prepare` sets.")
    propagation: Duration = lasting("30s", description="How long a cutover waits until every server answers the new value.")
    external_dns_owner: str = Field("", description="The owner in external-dns' TXT record, once it leaves the name alone.")

    txt_prefix: str = Field("", description="external-dns' --txt-prefix, where it has one.", pattern=_AFFIX)
    txt_suffix: str = Field("", description="external-dns' --txt-suffix, where it has one.", pattern=_AFFIX)
    txt_wildcard_replacement: str = Field("", description="external-dns' --txt-wildcard-replacement.", pattern=_AFFIX)

    @model_validator(mode="after")
    def _fits(self) -> DnsConfig:
        if self.name != self.zone and not self.name.endswith(f".{self.zone}"):
            raise ValueError(f"{self.name} is not in zone {self.zone}")
        if self.name == self.zone and self.type == "CNAME":
            raise ValueError("the name of the zone itself cannot be a CNAME (RFC 1034, 3.6.2): name a type A or AAAA")
        read = _READ[self.type]
        for side in (self.blue, self.green):
            for value in side:
                read(value)
            if self.type == "CNAME" and len(side) > 1:
                raise ValueError("a CNAME has one target: name one for blue and one for green")
        twice = repeated(read(value) for value in (*self.blue, *self.green))
        if twice:
            raise ValueError(f"{twice[0]} is named twice: it leads to blue or to green")
        return self

    @property
    def places(self) -> tuple[str, ...]:
        """What it changes."""
        return (f"{self.type} {self.name}",)

    @property
    def levels(self) -> tuple[float, ...]:
        """The shares of green that it can set, in percent."""
        return tuple(sorted(self.mixtures))

    @property
    def mixtures(self) -> dict[float, tuple[str, ...]]:
        """The values that give each share: clients take them in turn, so a share is a count of addresses."""
        if self.type == "CNAME":
            return {0.0: self.blue, 100.0: self.green}
        counts = [(blue, green) for blue in range(len(self.blue) + 1) for green in range(len(self.green) + 1) if blue + green]
        return {
            round(100 * green / (blue + green), 1): (*self.blue[:blue], *self.green[:green])
            for blue, green in sorted(counts, key=sum)  # of the same share, the one with the most addresses
        }

    def plain(self, value: str) -> str:
        """Return a value as a server writes it, without the last dot."""
        return _READ[self.type](value)

    @property
    def host_and_port(self) -> tuple[str, int]:
        """Where updates go."""
        return host_and_port(self.server)


def host_and_port(server: str) -> tuple[str, int]:
    """Return the two parts of a server's text."""
    if server.count(":") == 1 or server.startswith("["):
        host, _, port = server.rpartition(":") if not server.endswith("]") else (server, "", "")
        return host.removeprefix("[").removesuffix("]"), int(port or _DNS_PORT)
    return server, _DNS_PORT


def _ipv4(text: str) -> str:
    return str(ipaddress.IPv4Address(text))


def _ipv6(text: str) -> str:
    return str(ipaddress.IPv6Address(text))


_READ: dict[str, Callable[[str], str]] = {"A": _ipv4, "AAAA": _ipv6, "CNAME": _name}
