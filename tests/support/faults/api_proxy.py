"""A proxy before an API server, which can be a black hole, slow, overloaded or broken, and lose answers after the write.

It ends TLS with a certificate of the testbed's own authority, and forwards with the rights of cluster-admin.
"""

from __future__ import annotations

import base64
import contextlib
import http.client
import json
import ssl
import threading
import time
import urllib.parse
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import yaml
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from migrator.testbed.planes.certs import Authority, write_private
from migrator.testbed.waiting import PATIENCE_SECONDS

_DRIP_SECONDS = 0.2
_CHANGING = frozenset({"POST", "PUT", "PATCH", "DELETE"})


@dataclass(slots=True)
class Illness:
    """How a proxy treats requests; as made, it only forwards."""

    black_hole: bool = False
    drips: bool = False
    """Whether answers come byte by byte, until it is well again."""
    delay_seconds: float = 0.0
    status: int = 0
    """The status that it answers by itself to the next `times` requests."""
    lost: bool = False
    """Whether it forwards the next `times` changes first, and the server's answer is lost; without a status there is none."""
    times: int = 0


@dataclass(slots=True, frozen=True)
class Change:
    """A request that changes something, and the server's answer."""

    at: float
    side: str
    method: str
    path: str
    status: int
    name: str
    """Of the object in the answer."""
    suspends: bool | None = None
    """Whether it suspends a CronJob or resumes it; None: it does neither."""


class ApiProxy:
    """Stands before the API server of one side."""

    def __init__(self, side: str, folder: Path, counted: Callable[[], None]) -> None:
        self.side = side
        self.changes: list[Change] = []
        """All that came since the list was emptied."""
        self._counted = counted
        self._illness = Illness()
        self._choosing = threading.Lock()
        self._healed = threading.Event()
        self._kept = threading.local()
        content = yaml.safe_load((folder / "kubeconfig").read_text())
        self._server = urllib.parse.urlsplit(content["clusters"][0]["cluster"]["server"]).netloc
        self._tls = _client_context(folder, content["users"][0]["user"])
        self._front = _Front(_server_context(folder), _handler(self))
        self.port: int = self._front.server_address[1]
        threading.Thread(target=self._front.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True).start()

    def close(self) -> None:
        """Stop answering."""
        self.heal()
        self._front.shutdown()
        self._front.server_close()

    def fall_ill(self, illness: Illness) -> None:
        """Treat requests like this from now on."""
        with self._choosing:
            self._healed.clear()
            self._illness = illness

    def heal(self) -> None:
        """Only forward from now on; requests that a black hole holds are dropped."""
        with self._choosing:
            self._illness = Illness()
            self._healed.set()

    def in_black_hole(self) -> bool:
        """Wait while this is a black hole; return whether it was."""
        if not self._illness.black_hole:
            return False
        self._healed.wait(PATIENCE_SECONDS)
        return True

    def dripped(self, data: bytes, write: Callable[[bytes], object]) -> bytes:
        """Write single bytes while this drips; return what is left to be written at once."""
        while data and self._illness.drips:
            write(data[:1])
            data = data[1:]
            self._healed.wait(_DRIP_SECONDS)
        return data

    def treat(self, method: str, path: str, body: bytes | None, headers: dict[str, str]) -> http.client.HTTPResponse | int | None:
        """Return the server's answer, or a status to answer by ourselves, or None to drop the connection."""
        self._counted()
        if self.in_black_hole():
            return None
        hit, ill = self._drawn(method)
        if hit and not ill.lost:
            return ill.status
        if ill.delay_seconds:
            time.sleep(ill.delay_seconds)
        answer = self._forward(method, path, body, headers)
        return (ill.status or None) if hit else answer

    def _drawn(self, method: str) -> tuple[bool, Illness]:
        """Return whether this request is one of those that an illness counts, and the illness."""
        with self._choosing:
            ill = self._illness
            hit = ill.times > 0 and (method in _CHANGING if ill.lost else bool(ill.status))
            ill.times -= hit
            return hit, ill

    def _forward(self, method: str, path: str, body: bytes | None, headers: dict[str, str]) -> http.client.HTTPResponse | None:
        connection = self._connection()
        try:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            content = answer.read()
        except (OSError, http.client.HTTPException):
            connection.close()
            return None
        answer.content = content  # type: ignore[attr-defined]
        if method in _CHANGING:
            self.changes.append(
                Change(time.time(), self.side, method, path, answer.status, _name_in(content), _suspends(method, body))
            )
        return answer

    def leave(self) -> None:
        """Close the connection of this thread, whose client has gone."""
        if hasattr(self._kept, "connection"):
            self._kept.connection.close()

    def _connection(self) -> http.client.HTTPSConnection:
        """Return the connection of this thread, which serves one connection of the client."""
        if not hasattr(self._kept, "connection"):
            self._kept.connection = http.client.HTTPSConnection(self._server, timeout=PATIENCE_SECONDS, context=self._tls)
        connection: http.client.HTTPSConnection = self._kept.connection
        return connection


class _Front(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, context: ssl.SSLContext, handler: type[BaseHTTPRequestHandler]) -> None:
        super().__init__(("127.0.0.1", 0), handler)
        self.context = context

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing when a client hangs up."""


def _handler(proxy: ApiProxy) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        server: _Front

        def setup(self) -> None:
            # In this connection's own thread: a client that does not go on keeps no other one waiting.
            proxy.in_black_hole()
            self.request = self.server.context.wrap_socket(self.request, server_side=True)
            super().setup()

        def finish(self) -> None:
            proxy.leave()
            super().finish()

        def _any(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = self.rfile.read(length) if length else None
            kept = ("accept", "content-type", "user-agent")
            headers = {name: value for name, value in self.headers.items() if name.lower() in kept}
            answer = proxy.treat(self.command, self.path, body, headers)
            if answer is None:
                self.close_connection = True
                with contextlib.suppress(OSError):
                    self.connection.close()
                return
            if isinstance(answer, int):
                self._reply(
                    answer, _status(answer), {"Content-Type": "application/json", "Retry-After": "1"} if answer == 429 else {}
                )
            else:
                told = {name: value for name, value in answer.getheaders() if name.lower() in ("content-type", "retry-after")}
                self._reply(answer.status, answer.content, told)  # type: ignore[attr-defined]

        def _reply(self, status: int, body: bytes, headers: dict[str, str]) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(proxy.dripped(body, self.wfile.write))

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _any  # noqa: N815 - the base class's names

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
            """Say nothing."""

    return Handler


def _status(code: int) -> bytes:
    reason = {429: "TooManyRequests", 500: "InternalError"}[code]
    body = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": reason, "message": "a fault", "code": code}
    return json.dumps(body).encode()


def _name_in(content: bytes) -> str:
    try:
        return str((json.loads(content).get("metadata") or {}).get("name") or "")
    except (ValueError, AttributeError):
        return ""


def _suspends(method: str, body: bytes | None) -> bool | None:
    if method != "PATCH" or not body or b'"suspend"' not in body:
        return None
    found = (json.loads(body).get("spec") or {}).get("suspend")
    return found if isinstance(found, bool) else None


def _server_context(folder: Path) -> ssl.SSLContext:
    key = load_pem_private_key((folder / "ca.key").read_bytes(), None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    authority = Authority(folder, key, x509.load_pem_x509_certificate((folder / "ca.crt").read_bytes()))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*authority.issue("proxy", "kube-apiserver", server=True))
    return context


def _client_context(folder: Path, user: dict[str, Any]) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=folder / "ca.crt")
    certificate, key = (folder / f"proxy-admin.{ending}" for ending in ("crt", "key"))
    write_private(certificate, base64.b64decode(user["client-certificate-data"]))
    write_private(key, base64.b64decode(user["client-key-data"]))
    context.load_cert_chain(certificate, key)
    return context
