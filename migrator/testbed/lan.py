"""A small network of hosts in network namespaces on one bridge, with a client that sees every announcement."""

from __future__ import annotations

import contextlib
import ctypes
import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TypeVar

from migrator.adapters.commands import run
from migrator.errors import CommandFailedError, MigratorError
from migrator.testbed.balancer import Service

NETWORK = "10.99"
"""Of 16 bits: a client may ask with many addresses of its own."""
ADDRESS = f"{NETWORK}.0.9"
PORT = 8000
# setns(2): linux/sched.h, which Python 3.11 has no name for.
_CLONE_NEWNET = 0x40000000
_NAMES = Path("/run/netns")
_PREFIX = "migrator-"
T = TypeVar("T")


class Lan:
    """A bridge, the hosts on it, and a client."""

    def __init__(self, stack: ExitStack) -> None:
        _remove_left()
        self._stack = stack
        self._hosts: dict[str, str] = {}
        self._bridge = self._namespace("bridge")
        _ip(self._bridge, "link", "add", "bridge", "type", "bridge")
        _ip(self._bridge, "link", "set", "bridge", "up")
        self.add("client")

    def add(self, name: str) -> str:
        """Add a host; return its network namespace."""
        namespace = self._namespace(name)
        number = len(self._hosts) + 11
        _ip(namespace, "link", "add", "eth0", "type", "veth", "peer", "name", f"p{number}", "netns", self._bridge)
        _ip(self._bridge, "link", "set", f"p{number}", "master", "bridge", "up")
        for words in (("address", "add", f"{NETWORK}.0.{number}/16", "dev", "eth0"), ("link", "set", "lo", "up")):
            _ip(namespace, *words)
        _ip(namespace, "link", "set", "eth0", "up")
        self._hosts[name] = namespace
        return namespace

    def namespace(self, name: str) -> str:
        """Return a host's network namespace."""
        return self._hosts[name]

    def addresses(self, name: str) -> list[str]:
        """Return the addresses that a host has, by its kernel."""
        lines = _ip(self._hosts[name], "-o", "-4", "address", "show", "dev", "eth0").splitlines()
        return [line.split()[3].partition("/")[0] for line in lines]

    def mac(self, name: str) -> str:
        """Return the hardware address of a host."""
        words = _ip(self._hosts[name], "-o", "link", "show", "eth0").split()
        return words[words.index("link/ether") + 1]

    def serve(self, name: str, answer: str) -> Service:
        """Run a web service on a host, at every address that it has."""
        service = within(self._hosts[name], lambda: Service(answer, address="0.0.0.0", port=PORT))  # noqa: S104 - in the namespace
        self._stack.callback(service.close)
        return service

    def ask(self, *, seconds: float = 2.0) -> str:
        """Return what a new connection of the client gets at the address; raises OSError."""

        def get() -> str:
            with socket.create_connection((ADDRESS, PORT), timeout=seconds) as connection:
                connection.sendall(b"GET / HTTP/1.1\r\nHost: shop\r\nConnection: close\r\n\r\n")
                parts = []
                while part := connection.recv(4096):
                    parts.append(part)
            return b"".join(parts).partition(b"\r\n\r\n")[2].decode().strip()

        return within(self._hosts["client"], get)

    def _namespace(self, name: str) -> str:
        namespace = f"{_PREFIX}{os.getpid()}-{id(self) % 1_000_000}-{name}"
        run(["ip", "netns", "add", namespace])
        self._stack.callback(run, ["ip", "netns", "delete", namespace])
        return namespace


def within(namespace: str, act: Callable[[], T]) -> T:
    """Return what a function returns in a network namespace; sockets and threads that it makes belong to that."""
    results: list[T] = []
    errors: list[BaseException] = []

    def enter() -> None:
        try:
            with (_NAMES / namespace).open() as file:
                if ctypes.CDLL(None, use_errno=True).setns(file.fileno(), _CLONE_NEWNET):
                    raise OSError(ctypes.get_errno(), f"cannot enter {namespace}")
            results.append(act())
        except BaseException as error:  # noqa: BLE001 - raised again below
            errors.append(error)

    thread = threading.Thread(target=enter)
    thread.start()
    thread.join()
    if errors:
        raise errors[0]
    return results[0]


@contextmanager
def lan() -> Iterator[Lan]:
    """Make one; it is gone at the end."""
    with ExitStack() as stack:
        yield Lan(stack)


def _ip(namespace: str, *words: str) -> str:
    return run(["ip", "-n", namespace, *words])


def _remove_left() -> None:
    """Remove what runs that were killed have left; raises MigratorError where namespaces cannot be made."""
    if os.geteuid():
        raise MigratorError("network namespaces need root", hint="run it as root")
    for path in _NAMES.glob(f"{_PREFIX}*") if _NAMES.exists() else ():
        owner = path.name.removeprefix(_PREFIX).partition("-")[0]
        if not (owner.isdecimal() and Path(f"/proc/{owner}").exists()):
            with contextlib.suppress(CommandFailedError):
                run(["ip", "netns", "delete", path.name])
