"""What runs is told from what is gone."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from migrator.testbed.processes import Process, is_free, start_time, stop
from tests.support.sandbox import until

LIVES_ON_IN_A_THREAD = """
import ctypes, platform, sys, threading
threading.Thread(target=sys.stdin.read).start()
exit_of_one_thread = {"x86_64": 60, "aarch64": 93}[platform.machine()]
ctypes.CDLL(None).syscall(exit_of_one_thread, 0)
"""


def test_a_process_is_gone_when_its_last_thread_is() -> None:
    """A killed server whose first thread ended before the others still holds its port."""
    child = subprocess.Popen([sys.executable, "-c", LIVES_ON_IN_A_THREAD], stdin=subprocess.PIPE)
    process = Process("server", child.pid, start_time(child.pid))
    until(lambda: _state(child.pid) == "Z")
    assert process.alive
    child.communicate()
    assert not process.alive


def test_a_later_process_with_the_same_id_is_another() -> None:
    """Ids come again after a while; it is not stopped."""
    other = Process("server", os.getpid(), "1")
    assert not other.alive
    stop([other])


@pytest.mark.parametrize("ignored", ["", "trap '' TERM; "], ids=["obeys TERM", "ignores TERM"])
def test_stop_returns_when_all_are_gone(ignored: str) -> None:
    """Who does not end when asked is killed."""
    child = subprocess.Popen(["sh", "-c", f"{ignored}echo; while :; do :; done"], stdout=subprocess.PIPE)
    assert child.stdout
    child.stdout.read(1)
    process = Process("stubborn", child.pid, start_time(child.pid))
    stop([process], patience=0.1)
    assert not process.alive


def test_a_port_that_somebody_listens_on_is_not_free() -> None:
    """Connections that a listener leaves behind when it ends do not count."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        client = socket.create_connection(("127.0.0.1", port))
        accepted, _ = server.accept()
        assert not is_free(port)
    accepted.close()
    client.close()
    assert is_free(port)


def _state(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
