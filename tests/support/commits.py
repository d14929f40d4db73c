"""A Git repository as Flux's source-controller hands it on: an archive for each commit, and who has fetched which."""

from __future__ import annotations

import hashlib
import io
import tarfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple

import orjson

from migrator.kube.cluster import KubeCluster
from migrator.model.manifest import Manifest
from migrator.model.ref import ResourceType
from tests.support.threads import in_thread

REPOSITORIES = ResourceType("source.toolkit.fluxcd.io", "v1", "gitrepositories", "GitRepository", True, frozenset())
_SHA1_DIGITS = 40


class Fetch(NamedTuple):
    """One download, in seconds since the epoch."""

    moment: float
    side: str
    revision: int


@dataclass(slots=True)
class Commits:
    """The archives, each under an address of its own for each side, so that a download tells the side."""

    port: int = 0
    archives: dict[str, bytes] = field(default_factory=dict)
    """By path."""
    fetched: list[Fetch] = field(default_factory=list)

    def publish(self, cluster: KubeCluster, namespace: str, revision: int, manifests: Sequence[Manifest]) -> None:
        """Write a commit into the source's status on a side, as its source-controller does."""
        path, archive = f"/{cluster.name}/{revision}.tar.gz", _packed(manifests)
        self.archives[path] = archive
        artifact = {
            "url": f"http://127.0.0.1:{self.port}{path}",
            "path": path,
            "revision": f"main@sha1:{revision:0{_SHA1_DIGITS}}",
            "digest": f"sha256:{hashlib.sha256(archive).hexdigest()}",
            "lastUpdateTime": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "size": len(archive),
        }
        patch = {"status": {"artifact": artifact}}
        cluster.patch(REPOSITORIES, namespace, "shop", patch, manager="source-controller", subresource="status")


@contextmanager
def commits() -> Iterator[Commits]:
    """Serve archives on loopback while the context is open."""
    found = Commits()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            side, _, file = self.path.removeprefix("/").partition("/")
            found.fetched.append(Fetch(time.time(), side, int(file.partition(".")[0])))
            self.send_response(200)
            self.send_header("Content-Length", str(len(found.archives[self.path])))
            self.end_headers()
            self.wfile.write(found.archives[self.path])

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running, in_thread(running):
        running.daemon_threads = True
        found.port = running.server_address[1]
        yield found


def _packed(manifests: Sequence[Manifest]) -> bytes:
    """Return manifests as a compressed archive; JSON is YAML."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for manifest in manifests:
            body = orjson.dumps(manifest)
            entry = tarfile.TarInfo(f"{manifest['kind'].lower()}-{manifest['metadata']['name']}.yaml")
            entry.size = len(body)
            archive.addfile(entry, io.BytesIO(body))
    return packed.getvalue()
