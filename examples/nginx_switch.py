"""Move traffic with nginx: a program for `traffic.command` of migration.yaml.

    nginx_switch.py set PERCENT CONF PID      green's share, 0 to 100
    nginx_switch.py read CONF PID             prints {"greenPercent": N}

CONF is a file of its own that nginx.conf includes within `http {}`; it holds the upstream `shop` and nothing else:

    upstream shop { server 10.0.0.1:30080 weight=100; server 10.0.1.1:30080 down; }

`set` writes it, asks nginx whether it would start with it (`nginx -t`), and only then lets it reload. `read` tells the share only
when the running workers are those of the reload: nginx gives no other answer about what it has in force.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

SERVER = re.compile(r"server\s+(?P<address>\S+?)\s+(weight=(?P<weight>\d+)|down)\s*;")
SECONDS = 8.0
NGINX = shutil.which("nginx") or "/usr/sbin/nginx"


def servers(conf: Path) -> list[tuple[str, int]]:
    """Return address and weight of blue and of green, in this order."""
    found = [(item["address"], int(item["weight"] or 0)) for item in SERVER.finditer(conf.read_text())]
    if len(found) != 2:
        sys.exit(f"{conf}: holds {len(found)} servers, not one of blue and one of green")
    return found


def workers(pid: int) -> dict[int, bool]:
    """Return the worker processes of nginx, and whether each takes new connections."""
    found = {}
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # it has ended meanwhile
            found[int(child)] = b"shutting down" not in Path(f"/proc/{child}/cmdline").read_bytes()
    return found


def put(conf: Path, percent: int) -> None:
    """Write the shares; `down` is not an share at all, and nginx has no weight of 0."""
    (blue, _), (green, _) = servers(conf)
    lines = [
        f"server {address} {f'weight={share}' if share else 'down'};"
        for address, share in ((blue, 100 - percent), (green, percent))
    ]
    partial = conf.with_name(conf.name + ".new")
    partial.write_text(f"upstream shop {{ {' '.join(lines)} }}\n")
    partial.replace(conf)


def reload(main: Path, pid: int) -> None:
    """Let nginx take the file, and wait until new workers serve, and none of the old ones."""
    before = workers(pid).keys()
    os.kill(pid, signal.SIGHUP)
    ends = time.monotonic() + SECONDS
    while not (serving := {worker for worker, serves in workers(pid).items() if serves}) or serving & before:
        if time.monotonic() > ends:
            sys.exit(f"nginx has not taken {main} within {SECONDS:g} s; see its error log")
        time.sleep(0.02)


def main() -> None:
    """Do what the first argument says."""
    verb, *rest = sys.argv[1:]
    conf, pid_file = map(Path, rest[-2:])
    pid = int(pid_file.read_text())
    if verb == "read":
        workers(pid)  # it runs
        (_, blue), (_, green) = servers(conf)
        print(json.dumps({"greenPercent": round(100 * green / (blue + green))}))
        return
    before = conf.read_text()
    put(conf, round(float(rest[0])))
    main_conf = conf.parent / "nginx.conf"
    tested = subprocess.run([NGINX, "-t", "-q", "-c", main_conf], capture_output=True, text=True, check=False)
    if tested.returncode:
        conf.write_text(before)
        sys.exit(f"nginx would not start with this: {tested.stderr.strip()}")
    reload(conf, pid)


if __name__ == "__main__":
    main()
