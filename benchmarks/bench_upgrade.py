"""A hop of two nodes by this tool and by kubeadm alone, in turn, on real nodes of the same kind; the result is a ratio."""

from __future__ import annotations

import argparse
import functools
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from migrator.errors import CommandFailedError
from migrator.testbed.binaries import Store
from migrator.testbed.machines.supplies import packages
from migrator.testbed.planes.deploy import deploy
from migrator.testbed.planes.pair import default_cache
from migrator.testbed.versions import BLUE, GREEN
from tests.support.journey import Journey, cluster, configure_upgrade, ready_pods, shop
from tests.support.project import Project, say
from tests.support.results import add_figures
from tests.support.sandbox import until

FIRST, SECOND = "blue-1", "blue-2"
FILE = f"kubernetes-{GREEN}-1-x86_64.pkg.tar.zst"
CACHE = f"/var/cache/{FILE}"
KUBECTL = "kubectl --kubeconfig=/etc/kubernetes/admin.conf"
DRAIN = "drain"
ERRORS = "--ignore-preflight-errors=SystemVerification,FileContent--proc-sys-net-bridge-bridge-nf-call-iptables,CreateJob"
"""What the stack's settings say of these nodes, too."""


def main() -> None:
    """Measure, print, and write the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--no-write", action="store_true")
    options = parser.parse_args()
    rounds = [one_round(last_first=bool(number % 2)) for number in range(options.rounds)]
    result = judged(rounds)
    print(json.dumps(result, indent=2))
    if not options.no_write:
        add_figures("upgrade.json", result)


def one_round(*, last_first: bool) -> dict[str, Journey]:
    """Return what each way took on nodes of its own, one way after the other."""
    ways: dict[str, Callable[[Journey], None]] = {"migrator": by_this_tool, "kubeadm": by_kubeadm}
    measured = {}
    for name in sorted(ways, reverse=last_first):
        measured[name] = on_nodes(ways[name])
    return measured


def on_nodes(way: Callable[[Journey], None]) -> Journey:
    """Raise a cluster of two nodes with a shop on it, go a way, and end the nodes."""
    store = Store(default_cache(), say)
    with tempfile.TemporaryDirectory(prefix="migrator-bench-", dir="/var/tmp") as folder:
        project = Project(Path(folder) / "project", store, packages(store, (BLUE, GREEN)))
        try:
            project.lab("blue", 2, BLUE)
            project.labs["blue"].up(2, (BLUE, GREEN))
            configure_upgrade(project, BLUE)
            project.up("blue")
            deploy(cluster(project, "blue"), shop())
            until(lambda: ready_pods(project, "blue") == 2)
            journey = Journey(project)
            way(journey)
            until(lambda: ready_pods(project, "blue") == 2)
            return journey
        finally:
            project.close()


def by_this_tool(journey: Journey) -> None:
    """Upgrade as a person does: checks, snapshot, both steps and drains included; each step's seconds come from its journal."""
    begun = time.monotonic()
    journey.migrator("upgrade", "run", "--stack", "blue", "--to", GREEN, "--yes")
    seconds = time.monotonic() - begun
    lines = (journey.project.folder / ".migrator/upgrade-blue/journal.jsonl").read_text().splitlines()
    ended = [line for line in map(json.loads, lines) if line["event"] == "step-done"]
    journey.steps += [{"name": f"{line['node']}: {line['action']}", "seconds": round(line["seconds"], 1)} for line in ended]
    between = seconds - sum(line["seconds"] for line in ended)
    journey.steps.append({"name": "checks, and waits between steps", "seconds": round(between, 1)})


def by_kubeadm(journey: Journey) -> None:
    """Do what kubeadm's documentation says, by commands alone: no snapshot, no check of anything; drains are told apart."""
    project = journey.project
    for node, words in ((FIRST, f"apply v{GREEN} --yes"), (SECOND, "node")):
        with journey.step(f"{node}: package"):
            send(project, node)
            project.root(node, f"pacman -U --noconfirm {CACHE} && systemctl daemon-reload")
        with journey.step(f"{node}: kubeadm upgrade {words}"):
            until(functools.partial(succeeds, project, node, f"kubeadm upgrade {words} {ERRORS}"))
        with journey.step(f"{node}: {DRAIN}"):
            until(functools.partial(succeeds, project, FIRST, f"{KUBECTL} drain {node} --ignore-daemonsets"))
        with journey.step(f"{node}: kubelet"):
            project.root(node, "systemctl restart kubelet")
            until(functools.partial(is_ready, project, node))
        with journey.step(f"{node}: back after its {DRAIN}"):
            until(functools.partial(succeeds, project, FIRST, f"{KUBECTL} uncordon {node}"))


def send(project: Project, node: str) -> None:
    """Bring the package to a node."""
    with (project.supplies / FILE).open("rb") as content:
        subprocess.run(project.labs["blue"].command(node, f"sudo sh -c 'cat > {CACHE}'"), stdin=content, check=True)


def succeeds(project: Project, node: str, command: str) -> bool:
    """Run a command that a person would run again: the new kubelet restarts the API server some seconds after it is Ready."""
    try:
        project.root(node, command)
    except CommandFailedError as error:
        say(error.output[-300:])
        return False
    return True


def is_ready(project: Project, node: str) -> bool:
    """Return whether a node has the new kubelet and is Ready; an API server that is away says neither."""
    line = '{.status.nodeInfo.kubeletVersion} {.status.conditions[?(@.type=="Ready")].status}'
    try:
        return project.kubectl("blue", f"get node {node} -o jsonpath='{line}'") == f"v{GREEN} True"
    except CommandFailedError:
        return False


def judged(rounds: list[dict[str, Journey]]) -> dict[str, object]:
    """Return the ratio of all rounds, kubeadm without its drains and with them, and the steps of the last round."""
    steps = {name: [step for one in rounds for step in one[name].steps] for name in ("migrator", "kubeadm")}
    ours, theirs = (sum(step["seconds"] for step in steps[name]) for name in ("migrator", "kubeadm"))
    drains = sum(step["seconds"] for step in steps["kubeadm"] if step["name"].endswith(DRAIN))
    return {
        "times_bare_kubeadm": round(ours / (theirs - drains), 2),
        "times_kubeadm_with_drains": round(ours / theirs, 2),
        "bare_kubeadm": {
            "rounds": len(rounds),
            "load": round(os.getloadavg()[0], 1),
            "migrator_seconds": round(ours / len(rounds), 1),
            "kubeadm_seconds": round(theirs / len(rounds), 1),
            "migrator_steps": rounds[-1]["migrator"].steps,
            "kubeadm_steps": rounds[-1]["kubeadm"].steps,
        },
    }


if __name__ == "__main__":
    main()
