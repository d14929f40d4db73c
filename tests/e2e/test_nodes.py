"""Test nodes: up, again up, after a crash, and nothing left."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import orjson

from migrator.adapters.commands import run
from migrator.testbed.binaries import Store
from migrator.testbed.machines.lab import Lab
from tests.support.project import say
from tests.support.sandbox import until

SECONDS = 60


def nodes(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run `migrator testbed nodes`."""
    command = [sys.executable, "-m", "migrator", "testbed", "nodes", *words]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def traces(lab: Lab) -> dict[str, list[str]]:
    """Return what of a set of nodes this machine has; others make nodes at the same time, so nothing else counts."""
    mounts = (line.split()[1] for line in Path("/proc/self/mounts").read_text().splitlines())
    return {
        "links": [link.name for link in Path("/sys/class/net").iterdir() if lab.mark in link.name],
        "cgroups": [str(folder) for folder in Path("/sys/fs/cgroup").glob(f"**/node-{lab.mark}-*")],
        "mounts": [target for target in mounts if target.startswith(f"{lab.folder}/")],
        "processes": processes(lab.folder),
    }


def processes(folder: Path) -> list[str]:
    """Return processes whose root or command names a folder."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
                root = str((entry / "root").readlink())
            except OSError:
                continue
            if str(folder) in command or str(folder) in root:
                found.append(command)
    return found


def test_nodes_come_up_answer_ssh_survive_a_crash_and_leave_nothing(tmp_path: Path, store: Store) -> None:
    """Up is repeatable, a killed node comes back with its disk, `down` after a crash leaves no process, mount, link or cgroup."""
    done = nodes(tmp_path, "up", "--name", "t", "--count", "2", "--kubernetes", "1.37.2", "-o", "json")
    assert done.returncode == 0, done.stderr
    first: dict[str, Any] = orjson.loads(done.stdout)
    assert (first["running"], set(first["nodes"])) == (True, {"t-1", "t-2"})
    lab = Lab(tmp_path / ".migrator/nodes/t", "t", store, say)
    seen = traces(lab)
    assert (len(seen["links"]), len(seen["processes"]) >= 2) == (3, True), "what is looked for is seen while the nodes run"
    assert nodes(tmp_path, "ssh", "--name", "t", "t-2", "hostname").stdout.strip() == "t-2"
    run(lab.command("t-2", "sudo touch /var/lib/was-here"))
    again = orjson.loads(nodes(tmp_path, "up", "--name", "t", "--count", "2", "-o", "json").stdout)
    assert again["nodes"] == first["nodes"]
    machine = next(item for item in lab.status().machines if item.name == "t-2")
    os.kill(machine.process.pid, signal.SIGKILL)
    until(lambda: not machine.alive)
    assert nodes(tmp_path, "status", "--name", "t").returncode == 1
    assert nodes(tmp_path, "up", "--name", "t", "--count", "2").returncode == 0
    assert "was-here" in run(lab.command("t-2", "ls /var/lib"))
    for item in lab.status().machines:
        os.kill(item.process.pid, signal.SIGKILL)
    assert nodes(tmp_path, "down", "--name", "t").returncode == 0
    assert traces(lab) == {"links": [], "cgroups": [], "mounts": [], "processes": []}
    assert not lab.folder.exists()


def test_a_node_reboots_as_a_host_does(tmp_path: Path, store: Store) -> None:
    """`reboot` inside brings it back under its address."""
    lab = Lab(tmp_path / "lab", "r", store, say)
    lab.up(1, ())
    try:
        boot = run(lab.command("r-1", "systemctl show --value -p UserspaceTimestampMonotonic; cat /proc/1/stat | cut -d' ' -f22"))
        subprocess.run(lab.command("r-1", "sudo systemctl reboot"), capture_output=True, check=False)

        def rebooted() -> bool:
            done = subprocess.run(
                lab.command("r-1", "systemctl show --value -p UserspaceTimestampMonotonic; cat /proc/1/stat | cut -d' ' -f22"),
                capture_output=True,
                text=True,
                check=False,
            )
            return done.returncode == 0 and done.stdout != boot

        until(rebooted)
    finally:
        lab.down()
