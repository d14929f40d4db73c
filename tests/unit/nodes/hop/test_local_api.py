"""The API server of one host is asked at an address at which nothing else answers."""

from __future__ import annotations

from pathlib import Path

import pytest

from migrator.nodes.hop.local_api import MANIFEST, asked_newest
from tests.support.shell_host import ShellHost


@pytest.mark.parametrize(
    ("flags", "servers"),
    [
        ("", ["--server=https://10.0.0.1:6443", "--server=https://127.0.0.1:6443"]),
        (
            "    - --bind-address=0.0.0.0\n    - --secure-port=7443\n",
            ["--server=https://10.0.0.1:7443", "--server=https://127.0.0.1:7443"],
        ),
        ("    - --bind-address=10.0.0.1\n", ["--server=https://10.0.0.1:6443"]),
    ],
)
def test_the_newest_one_is_asked_at_the_loopback_address_where_it_listens_there(
    tmp_path: Path, flags: str, servers: list[str]
) -> None:
    """The last address that kubectl is given counts; a server that listens on one address is asked there."""
    host = ShellHost(tmp_path)
    host.program("kubectl", '#!/bin/sh\nfor word; do echo "$word"; done\n')
    host.write(MANIFEST, f"    - --advertise-address=10.0.0.1\n{flags}".encode())
    asked = host.run(asked_newest("/readyz?verbose")).splitlines()
    assert [word for word in asked if word.startswith("--server")] == servers
    assert asked[-3:] == ["get", "--raw", "/readyz?verbose"]
