"""A fake cluster behind a real HTTP server, and a client that speaks to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import orjson

from migrator.errors import ApiError, NotFoundError
from migrator.kube.access import Access
from migrator.kube.cluster import KubeCluster
from migrator.model.manifest import Manifest
from migrator.model.ref import ResourceType
from migrator.ports import Clock
from tests.support.fake_cluster import FakeCluster
from tests.support.threads import in_thread

Query = dict[str, list[str]]
Answers = Callable[[str, str, Query, bytes], Manifest]
"""Method, path, query and body to the answer; raises ApiError for one of 400 and above."""


@contextmanager
def served(answers: Answers, *, clock: Clock, patience: float = 60.0) -> Iterator[KubeCluster]:
    """Serve what a function answers, and yield a client."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True  # else a body waits 40 ms for the acknowledgement of its head

        def _answer(self) -> None:
            parts = urlsplit(self.path)
            sent = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            try:
                status, body = 200, answers(self.command, parts.path, parse_qs(parts.query), sent)
            except ApiError as error:
                status, body = error.status or 500, {"kind": "Status", "reason": error.reason, "message": error.message}
            data = orjson.dumps(body)
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _answer  # noqa: N815 - names of http.server

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running, in_thread(running):
        running.daemon_threads = True
        access = Access("127.0.0.1", running.server_address[1], "", None, dict)
        yield KubeCluster("green", access, clock=clock, patience=patience, first_patience=patience)


def over_http(cluster: FakeCluster) -> Answers:
    """Return what a fake cluster answers to requests for single objects."""

    def answers(method: str, path: str, query: Query, body: bytes) -> Manifest:
        resource, namespace, name = _parsed(cluster, path)
        options: dict[str, Any] = {"manager": query.get("fieldManager", [""])[0]}
        match method:
            case "GET":
                return cluster.get(resource, namespace, name)
            case "POST":
                return cluster.create(resource, namespace, body, dry_run="dryRun" in query, **options)
            case "PUT":
                return cluster.replace(resource, namespace, name, body, dry_run="dryRun" in query, **options)
            case "PATCH":
                return cluster.patch(resource, namespace, name, orjson.loads(body), **options)
        wanted = orjson.loads(body)["preconditions"]
        cluster.delete(resource, namespace, name, uid=wanted["uid"], version=wanted.get("resourceVersion", ""))
        return {"kind": "Status", "status": "Success"}

    return answers


def _parsed(cluster: FakeCluster, path: str) -> tuple[ResourceType, str, str]:
    parts = [unquote(part) for part in path.strip("/").split("/")]
    group, version, rest = ("", parts[1], parts[2:]) if parts[0] == "api" else (parts[1], parts[2], parts[3:])
    namespace = ""
    if rest[0] == "namespaces" and len(rest) > 2:
        namespace, rest = rest[1], rest[2:]
    for resource in cluster.resources():
        if (resource.group, resource.version, resource.plural) == (group, version, rest[0]):
            return resource, namespace, rest[1] if len(rest) > 1 else ""
    raise NotFoundError("no such kind", status=404, reason="NotFound")
