"""A real etcd that waits for its data elects itself at once when it is asked to; the message is etcd's own, over TLS of members."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from migrator.nodes.hop.etcd_election import ELECTION
from migrator.testbed.binaries import Store
from migrator.testbed.processes import Process, free_ports, start, stop
from tests.support.sandbox import until

SECONDS = 60
NEVER = ("--heartbeat-interval=4900", "--election-timeout=49000")
"""The longest that etcd takes: by itself it would elect itself after 5 to 49 s."""
FILES = {"cert-file": "crt", "key-file": "key", "trusted-ca-file": "crt"}
SOON = ("--heartbeat-interval=10", "--election-timeout=100")


class Etcds:
    """Etcds of one folder of data, one after the other."""

    def __init__(self, root: Path, program: Path) -> None:
        self.root, self._program = root, program
        self.begun: list[Process] = []
        options = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-addext", "subjectAltName=IP:127.0.0.1")
        files = ("-keyout", str(root / "peer.key"), "-out", str(root / "peer.crt"))
        subprocess.run(
            ["openssl", "req", "-x509", "-nodes", "-subj", "/CN=etcd", *options, *files], check=True, capture_output=True
        )
        self._advertised = f"https://127.0.0.1:{free_ports(1)[0]}"

    def begin(self, *flags: str) -> tuple[str, Path]:
        """Start one, which waits for its data where another one has them; return its URL for members, and its log."""
        client, peer = (f"https://127.0.0.1:{port}" for port in free_ports(2))
        client = client.replace("https", "http")
        log = self.root / f"{len(self.begun)}.log"
        words = (
            *(f"--data-dir={self.root}/data", "--name=only", f"--initial-cluster=only={self._advertised}", "--unsafe-no-fsync"),
            *(f"--listen-client-urls={client}", f"--advertise-client-urls={client}", f"--listen-peer-urls={peer}"),
            *(f"--initial-advertise-peer-urls={self._advertised}", "--peer-client-cert-auth", *flags),
            *(f"--peer-{name}={self.root}/peer.{end}" for name, end in FILES.items()),
        )
        self.begun.append(start("etcd", [self._program, *words], log))
        return peer, log


@pytest.fixture
def etcds(tmp_path: Path, store: Store) -> Iterator[Etcds]:
    """Return where etcds are started."""
    made = Etcds(tmp_path, store.etcd())
    yield made
    stop(made.begun)


def test_an_etcd_that_takes_over_elects_itself_at_once(etcds: Etcds) -> None:
    """The one that serves tells who the only member is; the next one gets the message from the queue of its port."""
    second, log = etcds.begin(*SOON)
    until(lambda: "ready to serve client requests" in log.read_text())
    regular, log = etcds.begin(*NEVER)
    until(lambda: "starting an etcd server" in log.read_text())
    serving = etcds.begun[0].pid
    files = f"cert={etcds.root}/peer.crt key={etcds.root}/peer.key ca={etcds.root}/peer.crt"
    words = f"own={serving} folder={etcds.root} second_peer={second} next_peer={regular} {files}"
    script = f"set -u\n{words}\n{ELECTION}\nprepare_election\nkill -9 {serving}\nask_for_election"
    subprocess.run(["sh", "-c", script], check=True)
    told = log.read_text()
    assert "received MsgTimeoutNow" in told
    until(lambda: "became leader" in log.read_text(), seconds=4)
