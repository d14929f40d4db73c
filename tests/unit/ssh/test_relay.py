"""Two sessions of ssh, here a program that says what ssh would; real ones lead real ports in tests/integration/test_relay.py."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from migrator.adapters.clock import SystemClock
from migrator.errors import HostError
from migrator.ports import RelayEnd
from migrator.ssh.relay import SshRelay

SSH = """#!/bin/sh
for word; do
  case $word in
    /*:127.0.0.1:*) ln -s FOLDER/server "${word%%:*}" ;;
    *:127.0.0.1:*|127.0.0.1:*) echo "$word" > FOLDER/forwarded ;;
  esac
done
test ! -e FOLDER/forbidden || { cat FOLDER/forbidden >&2; exit 255; }
echo up
cat > /dev/null
echo over > FOLDER/over
"""


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """Return a folder with a program as ssh, and a server that greets as one of SSH does."""
    (tmp_path / "ssh").write_text(SSH.replace("FOLDER", str(tmp_path)))
    (tmp_path / "ssh").chmod(0o755)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "server"))
        server.listen()

        def greet() -> None:
            # A test that nobody connects in closes the server.
            with suppress(OSError):
                asked, _ = server.accept()
                with asked:
                    asked.sendall((tmp_path / "greeting").read_bytes())

        (tmp_path / "greeting").write_bytes(b"SSH-2.0-test\r\n")
        threading.Thread(target=greet, daemon=True).start()
        yield tmp_path


def ends(folder: Path) -> tuple[RelayEnd, RelayEnd]:
    """Return the ends of a relay."""
    login = (f"{folder}/ssh", "-p", "22", "root@host")
    return RelayEnd("blue-1", login, 40001), RelayEnd("green-1", login, 50001)


def test_a_relay_stands_until_it_is_closed(folder: Path) -> None:
    """The port of the one host leads to this machine's socket, which is gone afterwards."""
    way = SshRelay(folder, SystemClock()).open(*ends(folder))
    (path,) = folder.glob("r-*")
    assert (folder / "forwarded").read_text() == f"127.0.0.1:50001:{path}\n"
    way.close()
    assert list(folder.glob("r-*")) == []


def test_what_ssh_says_is_told_with_what_to_do(folder: Path) -> None:
    """In one line, with the host's name."""
    (folder / "forbidden").write_text("a warning\nremote port forwarding failed for listen port 50001\n")
    with pytest.raises(HostError, match=r"^blue-1: no relay through this machine: remote port forwarding failed") as told:
        SshRelay(folder, SystemClock()).open(*ends(folder))
    assert "AllowTcpForwarding" in told.value.hint
    assert list(folder.glob("r-*")) == []


def test_a_forwarding_that_leads_nowhere_is_seen_before_a_pass_begins(folder: Path) -> None:
    """What the source's own sshd forbids shows only when it is used."""
    (folder / "greeting").write_bytes(b"")
    with pytest.raises(HostError, match=r"^blue-1: no relay through this machine: port 40001 is not forwarded"):
        SshRelay(folder, SystemClock()).open(*ends(folder))
    assert list(folder.glob("r-*")) == []
