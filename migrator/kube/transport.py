"""Bytes to an API server and back, over as many kept-alive connections as there are requests at once.

The one that was used last is used next, whichever thread asks: over a long way a new connection costs three round trips.
`http.client` instead of urllib3's pool: 2,300 against 1,350 requests per second from one process, which leaves the
machine's second core to an API server that shares it.
"""

from __future__ import annotations

import http.client
import select
import socket
import ssl
import threading
from collections.abc import Mapping
from functools import partial
from typing import Any, NamedTuple

from migrator.adapters.proxies import Proxy, ask_socks
from migrator.errors import UnavailableError
from migrator.kube.access import Access
from migrator.kube.errors import error_from
from migrator.kube.slow import LimitedSocket, LimitedTls
from migrator.ports import Clock

UNSENT_MILLISECONDS = 10_000
"""How long a server may leave what was sent without acknowledgement (tcp(7): TCP_USER_TIMEOUT)."""


class Answer(NamedTuple):
    """What came back, with a status below 400."""

    status: int
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes


class _NamedServer(http.client.HTTPSConnection):
    """HTTPS to a server whose certificate may have another name than the address (`tls-server-name`)."""

    server_name = ""

    def connect(self) -> None:
        http.client.HTTPConnection.connect(self)
        # The base class would take the address as the name, both for SNI and for the check of the certificate.
        context: ssl.SSLContext = self._context  # type: ignore[attr-defined]
        # http.client has no hook for the socket's class; ssl documents this one (SSLContext.sslsocket_class).
        context.sslsocket_class = LimitedTls
        self.sock = context.wrap_socket(self.sock, server_hostname=self.server_name)


class Transport:
    """Sends requests to one API server; safe to use from many threads."""

    def __init__(self, access: Access, cluster: str, *, clock: Clock, timeout: float = 60.0) -> None:
        self._access = access
        self._cluster = cluster
        self._clock = clock
        self._timeout = timeout
        self._idle: list[http.client.HTTPConnection] = []
        self._changing = threading.Lock()
        self._headers: dict[str, str] | None = None
        self._refreshing = threading.Lock()

    def send(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        *,
        content: str = "application/json",
        accept: str = "application/json",
        most: int | None = None,
    ) -> Answer:
        """Send one request, and read `most` bytes of its answer; raises ApiError for a status of 400 and above and for silence.

        A 401 is answered once with fresh credentials: tokens of exec plugins expire.
        """
        answer = self._attempt(self._connection(), method, path, body, content, accept, most)
        if answer.status == 401:
            self._forget_credentials()
            # A client certificate that has expired belongs to the connection: a fresh one is shown on a new one.
            self._close_idle()
            # Once only: a second 401 is an answer. A write is safe to repeat, since a 401 comes before the request is processed.
            answer = self._attempt(self._opened(), method, path, body, content, accept, most)
        if answer.status >= 400:
            raise error_from(self._cluster, method, path, answer.status, answer.headers, answer.body)
        return answer

    def _attempt(
        self,
        connection: http.client.HTTPConnection,
        method: str,
        path: str,
        body: bytes | None,
        content: str,
        accept: str,
        most: int | None = None,
    ) -> Answer:
        answer = None
        try:
            headers = {"Accept": accept, "User-Agent": "migrator", **self._credentials()}
            if body is not None:
                headers["Content-Type"] = content
            _limit(connection, self._timeout, self._clock)
            connection.request(method, self._access.prefix + path, body, headers)
            response = connection.getresponse()
            headers = {name.lower(): value for name, value in response.headers.items()}
            answer = Answer(response.status, headers, response.read(most))
        except (OSError, http.client.HTTPException) as error:
            # What ended this connection has mostly ended all: each would cost a request that fails.
            self._close_idle()
            raise self._unavailable(error, "did not answer") from error
        finally:
            if answer is None or most is not None:  # what was not read would stand before the next answer
                connection.close()
        if connection.sock is not None:
            with self._changing:
                self._idle.append(connection)
        return answer

    def _connection(self) -> http.client.HTTPConnection:
        """Return the connection that was used last and is not in use, or a new one."""
        while True:
            with self._changing:
                if not self._idle:
                    break
                # The last one: those that are not needed stay idle, and end.
                connection = self._idle.pop()
            # A server ends idle connections; a write on one would fail, and nobody would know whether it was received.
            if not _was_ended(connection):
                return connection
            connection.close()
        return self._opened()

    def _opened(self) -> http.client.HTTPConnection:
        access = self._access
        tunnel = access.proxy if access.proxy and not access.proxy.socks else None
        host, port = (tunnel.host, tunnel.port) if tunnel else (access.host, access.port)
        connection: http.client.HTTPConnection
        if access.tls:
            connection = named = _NamedServer(host, port, timeout=self._timeout, context=access.tls)
            named.server_name = access.server_name
        else:
            connection = http.client.HTTPConnection(host, port, timeout=self._timeout)
        connection._create_connection = partial(_connected, self._clock, access.proxy)  # type: ignore[attr-defined] # noqa: SLF001 - how http.client makes its socket
        if tunnel:
            connection.set_tunnel(access.host, access.port, tunnel.headers)
        try:
            connection.connect()
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            self._close_idle()
            raise self._unavailable(error, "cannot be reached") from error
        _send_at_once_or_not(connection)
        return connection

    def _close_idle(self) -> None:
        with self._changing:
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def _unavailable(self, error: Exception, what: str) -> UnavailableError:
        where = f"{self._access.host}:{self._access.port}"
        return UnavailableError(
            f"{self._cluster} at {where} {what}: {_plain(error)}", reason=type(error).__name__, hint=_hint(error)
        )

    def _credentials(self) -> dict[str, str]:
        with self._refreshing:
            if self._headers is None:
                self._headers = self._access.credentials()
            return self._headers

    def _forget_credentials(self) -> None:
        with self._refreshing:
            self._headers = None


def _connected(clock: Clock, proxy: Proxy | None, address: tuple[str, int], timeout: float, source: Any = None) -> LimitedSocket:
    """Return a connection to an address, through a proxy where it is one of SOCKS."""
    if proxy is None or not proxy.socks:
        return LimitedSocket.connected(clock, address, timeout, source)
    made = LimitedSocket.connected(clock, (proxy.host, proxy.port), timeout, source)
    try:
        ask_socks(made, proxy, *address)
    except OSError:
        made.close()
        raise
    return made


def _limit(connection: http.client.HTTPConnection, seconds: float, clock: Clock) -> None:
    """Give the next request so long, however often a byte of its answer comes."""
    if isinstance(connection.sock, LimitedSocket | LimitedTls):
        connection.sock.begin(seconds, clock)


def _send_at_once_or_not(connection: http.client.HTTPConnection) -> None:
    """Let no write wait for others, and none wait in the kernel until a lost network is back: the lock may be lost by then."""
    if connection.sock is not None:
        # Headers and body are two writes: Nagle's algorithm with delayed acknowledgement would add up to 40 ms to each request.
        connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if hasattr(socket, "TCP_USER_TIMEOUT"):
            connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, UNSENT_MILLISECONDS)


def _was_ended(connection: http.client.HTTPConnection) -> bool:
    """Return whether the server has closed an idle connection: it is readable although nothing was asked."""
    try:
        # Not select(): it refuses descriptors from 1,024 on (select(2)).
        poll = select.poll()
        poll.register(connection.sock, select.POLLIN)
        return bool(poll.poll(0))
    except (OSError, ValueError):
        return True


def _plain(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not signed by the authority in the kubeconfig ({error.verify_message})"
    if isinstance(error, TimeoutError):
        return "timed out"
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


def _hint(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return "the kubeconfig may belong to another cluster, or the clock may be wrong"
    return "check the address in the kubeconfig, and whether the API server runs"
