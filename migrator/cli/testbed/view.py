"""How the state of the testbed is shown."""

from __future__ import annotations

from migrator.cli import render
from migrator.testbed.machines.lab import Lab, LabStatus
from migrator.testbed.planes.pair import Status


def show_status(status: Status, output: str) -> None:
    """Print what runs of two control planes."""
    if output == "json":
        processes = {item.name: {"pid": item.pid, "alive": item.alive} for item in status.processes}
        render.result_json(
            {
                "running": status.running,
                "versions": status.versions,
                "kubeconfig": str(status.kubeconfig),
                "processes": processes,
            }
        )
        return
    for item in status.processes:
        render.line(f"{item.name:32} {'running' if item.alive else 'gone'}  pid {item.pid}")
    if status.running:
        render.line(f"export KUBECONFIG={status.kubeconfig}   # contexts blue and green")
    else:
        render.line("the testbed does not run")


def show_nodes(lab: Lab, found: LabStatus, output: str) -> None:
    """Print what runs of a set of nodes, what is faked, and how to log in."""
    if output == "json":
        nodes = {item.name: {"address": item.address, "alive": item.alive, "pid": item.process.pid} for item in found.machines}
        paths = {"sshConfig": str(lab.ssh_config), "key": str(lab.key), "knownHosts": str(lab.known_hosts), "user": lab.user}
        render.result_json(
            {"running": found.running, "nodes": nodes, "registry": found.registry, "faked": list(found.faked), **paths}
        )
        return
    for item in found.machines:
        render.line(f"{item.name:20} {item.address:15} {'running' if item.alive else 'off'}")
    if not found.machines:
        render.line(f"there are no nodes of {lab.name}")
        return
    render.line(f"registry             {found.registry}")
    for text in found.faked:
        render.line(f"faked                {text}")
    render.line(f"ssh -F {lab.ssh_config} {found.machines[0].name}")
