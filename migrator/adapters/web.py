"""One GET to an address that others have named: only where the caller allows, within one limit of time and one of size."""

from __future__ import annotations

import http.client
import io
import ipaddress
import socket
import ssl
import urllib.parse
from collections.abc import Callable
from dataclasses import dataclass

from migrator import __version__
from migrator.adapters.proxies import ask_socks, proxy_of_environment
from migrator.ports import Clock

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
# IPv6 addresses that a gateway turns into the IPv4 address in their last 32 bits (RFC 6052).
_TRANSLATED = ipaddress.ip_network("64:ff9b::/96")


@dataclass(slots=True, frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes


@dataclass(slots=True, frozen=True)
class Deadline:
    """The end of a time that several operations share."""

    clock: Clock
    at: float

    def left(self) -> float:
        """Return the seconds until then; raises TimeoutError when there are none."""
        seconds = self.at - self.clock.monotonic()
        if seconds <= 0:
            raise TimeoutError("not done in time")
        return seconds


def get(
    url: str, headers: dict[str, str], *, deadline: Deadline, most: int, require: Callable[[Address], None], cut: bool = False
) -> Answer:
    """Return the answer to a GET; redirects are not followed.

    `require` is asked about the address before a connection is made to it, and raises what it refuses with. Raises OSError,
    ValueError or HTTPException for everything that goes wrong, and ValueError for more than `most` bytes unless they may be `cut`.
    """
    parts = urllib.parse.urlsplit(url)
    # A user in the address (`http://trusted@other/`) makes a person misread where the request goes.
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username is not None:
        raise ValueError(f"{url!r} is not an http:// or https:// address")
    connection = _Limited(parts.scheme, parts.hostname, parts.port, deadline=deadline, require=require)
    try:
        # Without the fragment, which is never sent (RFC 9110, 7.1).
        target = urllib.parse.urlunsplit(("", "", parts.path or "/", parts.query, ""))
        connection.request("GET", target, headers={"Connection": "close", "User-Agent": f"migrator/{__version__}", **headers})
        response = connection.getresponse()
        # One byte more than allowed, to tell an answer that ends there from one that goes on.
        body = response.read(most + 1)
        if len(body) > most and not cut:
            raise ValueError(f"the answer is longer than {most} bytes")
        return Answer(response.status, response.headers, body[:most])
    finally:
        connection.end()


class _Limited(http.client.HTTPConnection):
    """A connection each of whose operations gets what is left of the deadline, so that an answer cannot drip in for ever."""

    def __init__(self, scheme: str, host: str, port: int | None, *, deadline: Deadline, require: Callable[[Address], None]) -> None:
        super().__init__(host, port or (443 if scheme == "https" else 80))
        self._secure, self._deadline, self._require = scheme == "https", deadline, require
        self._raw: socket.socket | None = None
        # Plain HTTP is asked directly.
        self._proxy = proxy_of_environment(scheme, host, self.port) if self._secure else None
        if self._proxy and not self._proxy.socks:
            self.set_tunnel(self.host, self.port, self._proxy.headers)
        self._name = host

    def connect(self) -> None:
        if self._proxy:
            # The proxy resolves the name; only an address that is written out can be judged here.
            for address in _written_out(self._name):
                self._require(address)
            # Not judged: the person has named the proxy.
            self._raw = socket.create_connection((self._proxy.host, self._proxy.port), timeout=self._deadline.left())
            if self._proxy.socks:
                ask_socks(self._raw, self._proxy, self.host, self.port)
        else:
            self._raw = _connected(self.host, self.port, self._deadline, self._require)
        self.sock = _Timed(self._raw, self._deadline)
        if self._proxy and not self._proxy.socks:
            self._tunnel()  # type: ignore[attr-defined]
        if self._secure:
            self._raw.settimeout(self._deadline.left())
            self._raw = ssl.create_default_context().wrap_socket(self._raw, server_hostname=self._name)
            self.sock = _Timed(self._raw, self._deadline)

    def end(self) -> None:
        """Close what is open."""
        if self._raw is not None:
            self._raw.close()


class _Timed:
    """The part of a socket that `http.client` uses."""

    def __init__(self, raw: socket.socket, deadline: Deadline) -> None:
        self._raw, self._deadline = raw, deadline

    def sendall(self, data: bytes) -> None:
        self._raw.settimeout(self._deadline.left())
        self._raw.sendall(data)

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(_Reading(self._raw, self._deadline))

    def close(self) -> None:
        """Leave it open: the answer is still to be read. Its owner closes it."""


class _Reading(io.RawIOBase):
    def __init__(self, raw: socket.socket, deadline: Deadline) -> None:
        self._raw, self._deadline = raw, deadline

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        self._raw.settimeout(self._deadline.left())
        return self._raw.recv_into(buffer)


def _connected(host: str, port: int, deadline: Deadline, require: Callable[[Address], None]) -> socket.socket:
    """Return a connection to the first address of a host that takes one; the address that was judged is the one used."""
    failure: OSError | None = None
    for family, kind, protocol, _, where in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
        # Judged after it was resolved, and connected by number: a name that answers differently the second time gains nothing.
        require(plain(ipaddress.ip_address(str(where[0]).partition("%")[0])))
        raw = socket.socket(family, kind, protocol)
        try:
            raw.settimeout(deadline.left())
            raw.connect(where)
        except OSError as error:
            raw.close()
            failure = error
        else:
            return raw
    raise failure or OSError(f"{host} has no address")


def plain(address: Address) -> Address:
    """Return the IPv4 address that an IPv6 address stands for, or the address itself."""
    if isinstance(address, ipaddress.IPv6Address):
        if address in _TRANSLATED:
            return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        # Both reach the IPv4 address in them: a refusal of 127.0.0.1 would be passed by.
        return address.ipv4_mapped or address.sixtofour or address
    return address


def _written_out(host: str) -> list[Address]:
    try:
        return [plain(ipaddress.ip_address(host))]
    except ValueError:
        return []
