"""The proxy on the way to a server, by the rules that kubectl has, so that what it reaches is reached here, too.

Source: golang.org/x/net/http/httpproxy (HTTPS_PROXY, NO_PROXY), RFC 1928 and 1929 (SOCKS5), RFC 9110, 11.7 (credentials).
"""

from __future__ import annotations

import base64
import contextlib
import ipaddress
import socket
import urllib.parse
import urllib.request
from dataclasses import dataclass, field

from migrator.config.host_name import require_host
from migrator.model.address import is_loopback
from migrator.untrusted import printable

_PORTS = {"http": 80, "socks5": 1080, "socks5h": 1080}
# RFC 1928, section 6.
_REFUSALS = {
    1: "general failure",
    2: "it does not allow it",
    3: "network unreachable",
    4: "host unreachable",
    5: "connection refused",
    6: "TTL expired",
    7: "it knows no CONNECT",
    8: "it knows no such address",
}
_VERSION, _CONNECT = 5, 1
_NO_LOGIN, _PASSWORD = 0, 2
_IPV4, _NAME, _IPV6 = 1, 3, 4


class ProxyError(OSError):
    """A proxy that cannot be used, or refuses; the message never holds its credentials."""


@dataclass(slots=True, frozen=True)
class Proxy:
    """Where a proxy listens."""

    host: str
    port: int
    login: str = field(default="", repr=False)
    """`user:password`."""
    socks: bool = False
    """SOCKS5, such as that of `ssh -D`; else HTTP's CONNECT."""

    @property
    def headers(self) -> dict[str, str]:
        """What is sent with CONNECT."""
        return {"Proxy-Authorization": f"Basic {base64.b64encode(self.login.encode()).decode()}"} if self.login else {}


def read_proxy(url: str) -> Proxy:
    """Return the proxy of an address as HTTPS_PROXY and a kubeconfig's `proxy-url` have it; raises ProxyError."""
    # What has no scheme is an HTTP proxy.
    try:
        parts = urllib.parse.urlsplit(url if "://" in url else f"http://{url}")
        require_host(parts.hostname or "")
    except ValueError:  # a bracket without its other one; nothing of it is told, since it may hold a password
        raise ProxyError("the proxy cannot be used: it must be http://host:port or socks5://host:port") from None
    try:
        port = parts.port or _PORTS.get(parts.scheme, 0)
    except ValueError:
        port = 0
    if parts.scheme not in _PORTS or not parts.hostname or not port:
        what = f"{printable(parts.scheme)}://{printable(parts.hostname or '')}"
        raise ProxyError(f"the proxy {what} cannot be used: it must be http://host:port or socks5://host:port")
    user, password = (urllib.parse.unquote(text or "") for text in (parts.username, parts.password))
    return Proxy(parts.hostname, port, f"{user}:{password}" if user else "", socks=parts.scheme != "http")


def proxy_of_environment(scheme: str, host: str, port: int) -> Proxy | None:
    """Return the proxy for a server; None where it is asked directly. Raises ProxyError."""
    told = urllib.request.getproxies()
    url = told.get(scheme)
    return read_proxy(url) if url and not _is_direct(host, port, told.get("no", "")) else None


def _is_direct(host: str, port: int, exceptions: str) -> bool:
    # Nobody's proxy reaches this machine itself, such as a tunnel that ends here.
    if is_loopback(host) or urllib.request.proxy_bypass(host) or urllib.request.proxy_bypass(f"{host}:{port}"):
        return True
    return any(_covers(entry.strip(), host) for entry in exceptions.split(","))


def _covers(entry: str, host: str) -> bool:
    """Return whether one exception means a host: what Python's own rules do not know, which are ranges and `*.domain`."""
    with contextlib.suppress(ValueError):
        return ipaddress.ip_address(host) in ipaddress.ip_network(entry, strict=False)
    return entry.startswith("*.") and host.lower().endswith(entry[1:].lower())


def ask_socks(connection: socket.socket, proxy: Proxy, host: str, port: int) -> None:
    """Have a SOCKS5 proxy connect to a server, whose name the proxy resolves; raises ProxyError, and OSError for silence."""
    methods = bytes((_NO_LOGIN, _PASSWORD) if proxy.login else (_NO_LOGIN,))
    connection.sendall(bytes((_VERSION, len(methods))) + methods)
    version, method = _read(connection, 2)
    if version != _VERSION:
        raise ProxyError(f"{proxy.host} port {proxy.port} is not a SOCKS5 proxy")
    if method == _PASSWORD and proxy.login:
        connection.sendall(b"\x01" + b"".join(_counted(part) for part in proxy.login.split(":", 1)))
        if _read(connection, 2)[1]:
            raise ProxyError(f"the proxy {proxy.host} refuses the user or the password")
    elif method != _NO_LOGIN:
        raise ProxyError(f"the proxy {proxy.host} wants credentials")
    connection.sendall(bytes((_VERSION, _CONNECT, 0)) + _address(host) + port.to_bytes(2, "big"))
    _, refusal, _, kind = _read(connection, 4)
    if refusal:
        raise ProxyError(f"the proxy {proxy.host} does not connect: {_REFUSALS.get(refusal, 'it does not say why')}")
    # The address and port that it connects from, which say nothing to us.
    _read(connection, {_IPV4: 4, _IPV6: 16}.get(kind) or _read(connection, 1)[0])
    _read(connection, 2)


def _address(host: str) -> bytes:
    with contextlib.suppress(ValueError):
        packed = ipaddress.ip_address(host).packed
        return bytes((_IPV4 if len(packed) == 4 else _IPV6,)) + packed
    return bytes((_NAME,)) + _counted(host)


def _counted(text: str) -> bytes:
    """Return a text as SOCKS5 has it, with its length in one byte."""
    content = text.encode()
    if len(content) > 255:
        raise ProxyError("a name, a user or a password is too long for a SOCKS5 proxy")
    return bytes((len(content),)) + content


def _read(connection: socket.socket, count: int) -> bytes:
    found = bytearray()
    while len(found) < count:
        piece = bytearray(count - len(found))
        read = connection.recv_into(piece)
        if not read:
            raise ProxyError("the proxy has ended the connection")
        found += piece[:read]
    return bytes(found)
