"""An admission webhook on loopback, which says yes to all and can change what it is asked about."""

from __future__ import annotations

import base64
import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from migrator.testbed.planes.certs import make_authority


@dataclass(slots=True)
class Webhook:
    """A webhook that runs."""

    client: dict[str, Any]
    """The clientConfig that leads to it."""
    distrusting: dict[str, Any]
    """One that leads to it with the certificate of somebody else."""
    asked: list[str] = field(default_factory=list)
    """Kind and operation of each request."""


@contextmanager
def admitting(folder: Path, patch: list[dict[str, Any]] | None = None) -> Iterator[Webhook]:
    """Serve until the context ends; `patch` is a JSON patch of all that is asked about."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True  # else a body waits 40 ms for the acknowledgement of its head

        def do_POST(self) -> None:
            """Answer a review (admission.k8s.io/v1)."""
            review = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            request = review["request"]
            webhook.asked.append(f"{request['operation']} {request['kind']['kind']}")
            answer: dict[str, Any] = {"uid": request["uid"], "allowed": True}
            if patch:
                answer |= {"patchType": "JSONPatch", "patch": base64.b64encode(json.dumps(patch).encode()).decode()}
            body = json.dumps({"apiVersion": review["apiVersion"], "kind": review["kind"], "response": answer}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
            """Say nothing."""

    for name in ("ca", "other"):
        (folder / name).mkdir()
    authorities = [make_authority(folder / name) for name in ("ca", "other")]
    bundles = [base64.b64encode(authority.path.read_bytes()).decode() for authority in authorities]
    certificate, key = authorities[0].issue("webhook", "webhook", server=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        url = f"https://127.0.0.1:{server.server_address[1]}/"
        webhook = Webhook({"url": url, "caBundle": bundles[0]}, {"url": url, "caBundle": bundles[1]})
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        yield webhook
        server.shutdown()
