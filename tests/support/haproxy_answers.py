"""Record what a HAProxy answers on its Runtime API: `python -m tests.support.haproxy_answers`, with that HAProxy first on PATH."""

from __future__ import annotations

import re
import socket
import tempfile
from contextlib import ExitStack
from pathlib import Path

import orjson

from migrator.adapters.clock import SystemClock
from migrator.testbed.balancer import Balancer, balancing
from migrator.traffic.runtime_api import RuntimeApi, UnixSocket
from tests.support.edges import get, services

ANSWERS = Path(__file__).parents[1] / "unit/support/answers"
COMMANDS = (
    "show stat",
    "show servers state shop",
    "show peers",
    "set server shop/green weight 25",
    "set server shop/green state ready",
    "show servers state shop ",
    "set server shop/green state maint",
    "show servers state shop  ",
    "show stat ",
    "shutdown sessions server shop/green",
    "set server shop/none weight 1",
    "set server shop/green weight many",
    "set server still/green weight 2",
    "show servers state none",
)
"""What the adapter says and what it may be refused; spaces at the end tell the same command at different times apart."""
_MORE = """
backend still
    balance static-rr
    server blue 127.0.0.1:1 weight 1
    server green 127.0.0.1:1 weight 3
peers others
    peer {host} 127.0.0.1:{port}
    peer lb2 127.0.0.1:1
"""


def main() -> None:
    """Write one file for the version that runs."""
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        blue, green = (f"127.0.0.1:{service.port}" for service in stack.enter_context(services()))
        balancer = stack.enter_context(balancing(Path(folder) / "lb", blue=blue, green=green))
        _more(balancer)
        get(balancer.port)
        version, answers = _ask(balancer)
    ANSWERS.mkdir(exist_ok=True)
    (ANSWERS / f"{version}.json").write_bytes(orjson.dumps(answers, option=orjson.OPT_INDENT_2) + b"\n")


def _more(balancer: Balancer) -> None:
    """Let it have what is asked for besides."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    config = balancer.folder / "haproxy.cfg"
    config.write_text(
        config.read_text().replace("global\n", "global\n    localpeer lb1\n", 1) + _MORE.format(host="lb1", port=port)
    )
    balancer.stop()
    balancer.start()


def _ask(balancer: Balancer) -> tuple[str, dict[str, str]]:
    api = RuntimeApi(UnixSocket(balancer.socket), SystemClock())
    info = api.show("show info", begins="")
    kept = "\n".join(line for line in info.splitlines() if re.match(r"Name|Version|Release_date|Pid|Uptime_sec", line))
    answers = {"show info": f"{kept}\n\n"}
    for command in COMMANDS:
        with UnixSocket(balancer.socket).connect(5) as connection:
            connection.sendall(f"{command.strip()}\n".encode())
            answers[command] = connection.makefile().read()
    version = re.search(r"^Version: ([\d.]+)", info, re.MULTILINE)
    return version[1] if version else "unknown", answers


if __name__ == "__main__":
    main()
