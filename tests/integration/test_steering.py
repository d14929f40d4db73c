"""The kernel gives new connections to one of two listeners of a port: real sockets, in a network namespace."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from migrator.nodes.hop import steering
from migrator.nodes.paths import MANIFESTS
from tests.support.sandbox import until
from tests.support.shell_host import ShellHost

_NEEDED = ("ip", "ss", "perl")
ADDRESS = "192.0.2.1"
LISTEN = """
import pathlib, socket, sys
listener = socket.socket(socket.AF_INET6)
listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
listener.bind(("::", 6443))
listener.listen(64)
pathlib.Path(sys.argv[2]).touch()
while True:
    connection, _ = listener.accept()
    connection.sendall(sys.argv[1].encode())
    connection.close()
"""
ASK = """
import socket, sys
said = ""
for _ in range(16):
    with socket.create_connection((sys.argv[1], 6443), timeout=5) as connection:
        said += connection.recv(1).decode()
print("".join(sorted(set(said))))
"""


class Servers:
    """A host on which servers share the port of the API server."""

    def __init__(self, root: Path, namespace: str) -> None:
        self._inside = (str(shutil.which("ip")), "netns", "exec", namespace)
        self.host = ShellHost(root, inside=self._inside)
        self.host.write(f"{MANIFESTS}/kube-apiserver.yaml", b"    - --secure-port=6443\n")
        self.host.run(f"ip link set lo up && ip address add {ADDRESS}/32 dev lo")
        self._begun: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, name: str) -> None:
        """Start one that says its name to everybody."""
        ready = self.host.root / f"ready-{name}"
        self._begun[name] = subprocess.Popen([*self._inside, sys.executable, "-c", LISTEN, name, str(ready)])
        until(ready.exists)

    def end(self, name: str) -> None:
        """Kill one."""
        self._begun[name].kill()
        self._begun.pop(name).wait()

    def close(self) -> None:
        """Kill all."""
        for name in list(self._begun):
            self.end(name)

    def answering(self, address: str = ADDRESS) -> str:
        """Return the names of all that answer at an address."""
        return (
            subprocess.run([*self._inside, sys.executable, "-c", ASK, address], capture_output=True, check=True)
            .stdout.decode()
            .strip()
        )


@pytest.fixture
def servers(tmp_path: Path) -> Iterator[Servers]:
    """Return a network namespace of its own."""
    lacking = [name for name in _NEEDED if not shutil.which(name)] + ([] if os.geteuid() == 0 else ["root"])
    if lacking:
        assert not os.environ.get("CI"), lacking
        pytest.skip(f"needs {', '.join(lacking)}")
    namespace = f"steering-{os.getpid()}"
    subprocess.run(["ip", "netns", "add", namespace], check=True)
    made = Servers(tmp_path, namespace)
    try:
        yield made
    finally:
        made.close()
        subprocess.run(["ip", "netns", "delete", namespace], check=True)


def test_what_is_new_goes_to_the_server_that_is_ready_and_a_starting_one_can_ask_itself(servers: Servers) -> None:
    """The regular one, the second, and the next regular one, as they come and go."""
    servers.start("a")
    assert steering.begin(servers.host)
    servers.start("b")
    assert (servers.answering(), servers.answering("127.0.0.1"), servers.answering("::1")) == ("a", "b", "b")
    servers.host.run(steering.to_newest())
    assert servers.answering() == "b"
    servers.end("a")
    servers.host.run(steering.to_oldest())
    servers.start("c")
    assert (servers.answering(), servers.answering("127.0.0.1")) == ("b", "c")
    servers.host.run(steering.to_newest())
    assert servers.answering() == "c"
    servers.end("b")
    assert servers.answering() == "c"
    servers.host.run(steering.by_chance())
    servers.start("d")
    assert servers.answering() == "cd"


@pytest.mark.parametrize("lacks", ["perl", "every address"])
def test_a_host_that_cannot_choose_is_left_to_chance(servers: Servers, lacks: str) -> None:
    """The lines do nothing there, and do not fail."""
    if lacks == "perl":
        servers.host.program("perl", "#!/bin/sh\nexit 127\n")
    else:
        servers.host.write(f"{MANIFESTS}/kube-apiserver.yaml", b"    - --bind-address=192.0.2.1\n    - --secure-port=6443\n")
    servers.start("a")
    assert not steering.begin(servers.host)
    servers.start("b")
    servers.host.run(f"{steering.to_newest()} && {steering.to_oldest()}")
    assert servers.answering() == "ab"
