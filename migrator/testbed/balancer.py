"""A real HAProxy before two small web services that stand for blue's and green's ingress, and load on it."""

from __future__ import annotations

import http.client
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from migrator.errors import CommandFailedError, MigratorError
from migrator.testbed.processes import free_ports
from migrator.testbed.threads import beside
from migrator.testbed.waiting import PATIENCE_SECONDS, wait

_CONFIG = """\
global
    stats socket {folder}/haproxy.sock mode 600 level admin
    server-state-file {folder}/servers.state
    maxconn 2000
defaults
    mode http
    timeout connect 10s
    timeout check 10s
    timeout client 30s
    timeout server 30s
    option redispatch
    retries 3
    load-server-state-from-file global
frontend clients
    bind 127.0.0.1:{port}
    default_backend shop
backend shop
    balance roundrobin
    option httpchk GET /healthz
    server blue {blue} check inter 500 weight 100
    server green {green} check inter 500 weight 0
"""


class _QuietServer(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing when a health check or a client hangs up: that is theirs to count."""


class Service:
    """A web service that answers with its name; `fail` and `delay` make it ill."""

    def __init__(self, name: str, *, address: str = "127.0.0.1", port: int = 0) -> None:
        self.fail = False
        self.delay = 0.0
        service = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                """Answer with the service's name."""
                healthy = self.path == "/healthz"
                if service.delay and not healthy:
                    time.sleep(service.delay)
                body = f"{name}\n".encode()
                self.send_response(500 if service.fail and not healthy else 200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
                """Say nothing."""

        self._server = _QuietServer((address, port), Handler)
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop answering."""
        self._server.shutdown()
        self._server.server_close()


@dataclass(slots=True)
class Balancer:
    """A running HAProxy."""

    folder: Path
    port: int
    _process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def socket(self) -> Path:
        """Its Runtime API."""
        return self.folder / "haproxy.sock"

    @property
    def state_file(self) -> Path:
        """The file that it reads weights from at its start."""
        return self.folder / "servers.state"

    @property
    def process(self) -> int:
        """Its process."""
        if self._process is None:
            raise self._not_started()
        return self._process.pid

    def start(self) -> None:
        """Start HAProxy and wait until it accepts connections; raises MigratorError when it does not."""
        config = self.folder / "haproxy.cfg"
        checked = subprocess.run([_program(), "-c", "-f", config], capture_output=True, text=True, check=False)
        if checked.returncode:
            raise CommandFailedError(f"haproxy -c -f {config}", checked.returncode, checked.stderr)
        self._process = self._run()
        wait(self._started, self._not_started)

    def reload(self) -> None:
        """Let a new process take over, as `systemctl reload haproxy` does; returns when the old one has ended."""
        old = self._process
        if old is None:
            raise self._not_started()
        self._process = self._run("-sf", str(old.pid))
        old.wait(timeout=PATIENCE_SECONDS)
        wait(self._started, self._not_started)

    def kill(self) -> None:
        """End HAProxy at once, as a crash does."""
        if self._process:
            self._process.kill()
            self._process.wait(timeout=PATIENCE_SECONDS)
            self._process = None

    def stop(self) -> None:
        """End HAProxy."""
        if self._process:
            self._process.terminate()
            self._process.wait(timeout=PATIENCE_SECONDS)
            self._process = None

    def _run(self, *options: str) -> subprocess.Popen[bytes]:
        command = [_program(), "-db", "-f", str(self.folder / "haproxy.cfg"), *options]
        return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def _not_started(self) -> MigratorError:
        return MigratorError("haproxy did not start", hint=f"see `haproxy -db -f {self.folder / 'haproxy.cfg'}`")

    def _started(self) -> bool:
        if self._process is None or self._process.poll() is not None:
            raise self._not_started()
        try:
            socket.create_connection(("127.0.0.1", self.port), timeout=2).close()
            with socket.socket(socket.AF_UNIX) as runtime_api:  # bound later, and its file may be of the process before
                runtime_api.connect(str(self.socket))
        except OSError:
            return False
        return True


def _program() -> str:
    program = shutil.which("haproxy") or shutil.which("haproxy", path="/usr/sbin")
    if not program:
        raise MigratorError("haproxy is not installed", hint="apt-get install haproxy")
    return program


@contextmanager
def balanced(folder: Path) -> Iterator[tuple[Balancer, Service, Service]]:
    """Run HAProxy before services `blue` and `green`; all traffic is on blue."""
    blue, green = Service("blue"), Service("green")
    try:
        with balancing(folder, blue=f"127.0.0.1:{blue.port}", green=f"127.0.0.1:{green.port}") as balancer:
            yield balancer, blue, green
    finally:
        blue.close()
        green.close()


@contextmanager
def balancing(folder: Path, *, blue: str, green: str) -> Iterator[Balancer]:
    """Run HAProxy before what answers at two addresses; all traffic is on blue."""
    folder.mkdir(parents=True, exist_ok=True)
    (port,) = free_ports(1)
    (folder / "haproxy.cfg").write_text(_CONFIG.format(folder=folder, port=port, blue=blue, green=green))
    (folder / "servers.state").write_text("1\n")  # the format's version; HAProxy warns of an empty file
    balancer = Balancer(folder, port)
    try:
        balancer.start()
        yield balancer
    finally:
        balancer.stop()


@dataclass(slots=True, frozen=True)
class Failure:
    """A request without a good answer; times are monotonic."""

    began: float
    ended: float
    why: str

    def __str__(self) -> str:
        return self.why


@dataclass(slots=True)
class Load:
    """What a load generator saw."""

    requests: int = 0
    failures: list[Failure] = field(default_factory=list)
    answers: dict[str, int] = field(default_factory=dict)
    longest_gap_ms: float = 0.0
    """Longest time between two good answers, over all clients together."""
    # When the last good answer came.
    _last: float = field(default_factory=time.monotonic)
    _counting: threading.Lock = field(default_factory=threading.Lock)

    def count(self, began: float, answer: str, failure: str) -> None:
        """Count one request; an empty `failure` tells that `answer` is good. Safe to call from several threads."""
        now = time.monotonic()
        with self._counting:
            self.requests += 1
            if failure:
                self.failures.append(Failure(began, now, failure))
                return
            self.answers[answer] = self.answers.get(answer, 0) + 1
            self.longest_gap_ms = max(self.longest_gap_ms, (now - self._last) * 1000)
            self._last = now


@contextmanager
def load(port: int, *, address: Callable[[], str] = lambda: "127.0.0.1", clients: int = 4, pause: float = 0.005) -> Iterator[Load]:
    """Send requests until the block ends, half of the clients over kept connections, half over new ones.

    Each new connection asks for the address.
    """
    seen = Load()
    done = threading.Event()

    def client(*, keep: bool) -> None:
        connection = http.client.HTTPConnection(address(), port, timeout=30)
        while not done.is_set():
            began = time.monotonic()
            try:
                if connection.sock is None:
                    connection = http.client.HTTPConnection(address(), port, timeout=30)
                connection.request("GET", "/", headers={} if keep else {"Connection": "close"})
                response = connection.getresponse()
                answer = response.read().decode().strip()
                failure = "" if response.status == 200 else f"status {response.status}"
            except (OSError, http.client.HTTPException) as error:
                connection.close()
                answer, failure = "", f"{type(error).__name__}: {error}"
            seen.count(began, answer, failure)
            if not keep:
                connection.close()  # not every server says that it closes, too
            done.wait(pause)
        connection.close()

    with beside(done, *(partial(client, keep=number % 2 == 0) for number in range(clients)), patience=PATIENCE_SECONDS):
        yield seen
