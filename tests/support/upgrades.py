"""A cluster on real nodes that is upgraded in place, and can be brought to any stage of the upgrade."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from enum import IntEnum
from pathlib import Path
from typing import Any

from migrator.errors import MigratorError
from migrator.testbed.machines.lab import Lab
from migrator.testbed.planes.deploy import deploy
from migrator.testbed.versions import BLUE, GREEN
from tests.support.journey import cluster, configure_upgrade, ready_pods, shop
from tests.support.project import Project, say
from tests.support.sandbox import until

FIRST, SECOND = "blue-1", "blue-2"
WRITTEN_BEFORE = 50
"""ConfigMaps that are on the cluster before an upgrade."""
RUN_SECONDS = 1200.0
"""Limit of one run of the tool, on a machine that is busy."""

Step = tuple[str, str]
"""A node, and the identifier of a step on it."""
NO_STEP: Step = ("", "")


class Stage(IntEnum):
    """How far an upgrade is, as the cluster itself and the journal show it."""

    FRESH = 0
    """No upgrade has begun."""
    STARTED = 1
    """It has begun; no version has changed."""
    CONTROL_PLANE = 2
    """The API server is new, all kubelets are old."""
    FIRST_PACKAGES = 3
    """The programs on the control plane are new; its kubelet has not started as the new one."""
    FIRST_NODE = 4
    """The kubelet of the control plane is new, too."""
    DONE = 5


ENDINGS = frozenset({"upgrade-ended", "upgrade-aborted", "rollback-ended"})
"""Events of the journal after which no upgrade is under way."""
_TOWARDS = {
    Stage.CONTROL_PLANE: ("--pause", "after-control-plane"),
    Stage.FIRST_NODE: ("--pause", "each-node"),
    Stage.DONE: (),
}


class Upgrade:
    """Two nodes with a shop on them, and the tool as a person runs it."""

    def __init__(self, project: Project) -> None:
        self.project = project
        project.lab("blue", 2, BLUE)
        self.killed: set[Step] = set()
        self._last: subprocess.Popen[str] | None = None
        self._raise()

    def at(self, first: Stage, last: Stage | None = None) -> None:
        """Bring the cluster to a stage from `first` to `last`, forward by the tool, or anew where it is beyond or broken."""
        last = last or first
        if self._last and self._last.poll() is None:
            self.kill(self._last, NO_STEP)
        try:
            self._forward(first, last)
        except (AssertionError, MigratorError, subprocess.TimeoutExpired) as error:
            say(f"the cluster is made anew: {error}")
            self.rebuild()
            self._forward(first, last)
        self.killed.clear()

    def rebuild(self) -> None:
        """Make the cluster anew on fresh disks, whatever a fault has left."""
        for name in (FIRST, SECOND):
            self.lab.power_off(name)
            self.lab.reinstall(name)
        self.project.engine.run("stack", "rm", "--yes", "--force", "--stack", "blue")
        (self.project.folder / "stacks/Pulumi.blue.yaml").unlink(missing_ok=True)
        self.journal.unlink(missing_ok=True)
        self._raise()

    @property
    def lab(self) -> Lab:
        """The lab of the two nodes."""
        return self.project.labs["blue"]

    @property
    def journal(self) -> Path:
        """The file of the upgrade's journal."""
        return self.project.folder / ".migrator/upgrade-blue/journal.jsonl"

    def power_on(self) -> None:
        """Start the nodes and the registry that are off."""
        self.lab.up(2, (BLUE, GREEN))

    def stage(self) -> Stage:
        """Return how far the upgrade is."""
        versions = [version for version, _ in self.nodes().values()]
        upgraded = versions.count(f"v{GREEN}")
        if upgraded:
            return Stage.DONE if upgraded == len(versions) else Stage.FIRST_NODE
        if f"v{GREEN}" in self.kubectl("get --raw /version"):
            installed = f"v{GREEN}" in self.on(FIRST, "kubelet --version")
            return Stage.FIRST_PACKAGES if installed else Stage.CONTROL_PLANE
        return Stage.STARTED if self.under_way() else Stage.FRESH

    def under_way(self) -> bool:
        """Return whether the journal has an upgrade that has not ended."""
        words = [line["event"] for line in self.lines()]
        ended = max((number for number, word in enumerate(words) if word in ENDINGS), default=-1)
        return "upgrade-started" in words[ended + 1 :]

    def start(self, *words: str) -> subprocess.Popen[str]:
        """Start `migrator upgrade ...`; `at` ends it if a failed test has left it running."""
        self._last = subprocess.Popen(
            [sys.executable, "-m", "migrator", "upgrade", *words, "--stack", "blue", "--yes"],
            cwd=self.project.folder,
            env=dict(self.project.engine.environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        return self._last

    def run(self, *words: str) -> tuple[int, str]:
        """Run it to its end; returns exit code and what it said."""
        child = self.start(*words)
        said, _ = child.communicate(timeout=RUN_SECONDS)
        return child.returncode, said

    def assert_runs(self, *words: str) -> str:
        """Run it, which must end well, and return what it said."""
        code, said = self.run(*words)
        assert code == 0, said
        return said

    def refuses(self, *words: str) -> str:
        """Run it, which must fail in clear words with a hint at the end, and return them."""
        code, said = self.run(*words)
        assert code in (1, 3), said
        assert "Traceback" not in said
        assert "→" in said.splitlines()[-1], said
        return said

    def go_on(self) -> tuple[str, ...]:
        """Return the words that begin the upgrade, or resume the one that is under way."""
        return ("resume",) if self.under_way() else ("run", "--to", GREEN)

    def lines(self) -> list[dict[str, Any]]:
        """Return the journal."""
        if not self.journal.exists():
            return []
        # A line that is being written has no end yet.
        return [json.loads(line) for line in self.journal.read_text().splitlines(keepends=True) if line.endswith("\n")]

    def run_until(self, stop: Callable[[Step], bool], *words: str) -> tuple[subprocess.Popen[str], Step]:
        """Start it, and return once it has begun a step that `stop` says yes to; the process still runs, or has ended."""
        since = len(self.lines())
        child = self.start(*words)
        while True:
            ended = child.poll() is not None
            found = next((step for step in self._steps(since) if stop(step)), NO_STEP)
            if ended or found != NO_STEP:
                return child, found
            time.sleep(0.02)

    def reach(self, wanted: Step, *words: str) -> subprocess.Popen[str]:
        """Start it, and return once it has begun this step."""
        child, step = self.run_until(lambda step: step == wanted, *words)
        assert step == wanted, child.communicate()[0]
        return child

    def kill(self, child: subprocess.Popen[str], step: Step) -> None:
        """End a run as a power cut of its machine does."""
        os.kill(child.pid, signal.SIGKILL)
        child.communicate()
        self.killed.add(step)

    def kill_at_each(self, *options: str, but: Step = NO_STEP) -> None:
        """Run it again and again, killed at each step that it was not killed at before, until it ends or begins `but`."""
        while True:
            child, step = self.run_until(lambda step: step not in self.killed, *self.go_on(), *options)
            if step in (NO_STEP, but):
                if step != NO_STEP:
                    os.kill(child.pid, signal.SIGKILL)
                said, _ = child.communicate()
                assert step != NO_STEP or child.returncode == 0, said
                return
            self.kill(child, step)

    def on(self, name: str, command: str) -> str:
        """Run a command on a host as root."""
        return self.project.root(name, command)

    def kubectl(self, *words: str) -> str:
        """Run kubectl on the control plane."""
        return self.project.kubectl("blue", *words)

    def nodes(self) -> dict[str, tuple[str, bool]]:
        """Return each node's version, and whether it is cordoned."""
        items = json.loads(self.kubectl("get nodes -o json"))["items"]
        return {
            item["metadata"]["name"]: (item["status"]["nodeInfo"]["kubeletVersion"], bool(item["spec"].get("unschedulable")))
            for item in items
        }

    def allow_disruptions(self, available: int) -> None:
        """Set how many pods the shop's budget keeps, and wait until the budget says what follows from it."""
        self.kubectl("-n shop patch pdb web --type=merge -p", f'\'{{"spec":{{"minAvailable":{available}}}}}\'')
        replicas = int(self.kubectl("-n shop get deployment web -o jsonpath={.spec.replicas}"))
        allowed = f"disruptionsAllowed: {replicas - available}"
        until(lambda: allowed in self.kubectl("-n shop get pdb web -o yaml"))

    def _steps(self, since: int) -> list[Step]:
        return [(line["node"], line["id"]) for line in self.lines()[since:] if line["event"] == "step"]

    def _forward(self, first: Stage, last: Stage) -> None:
        self.power_on()
        if self.stage() > last:
            raise AssertionError(f"the cluster is at {self.stage().name}, wanted is {last.name}")
        for stage in (Stage.CONTROL_PLANE, Stage.FIRST_NODE, Stage.DONE):
            if self.stage() < stage <= first:
                self.assert_runs(*self.go_on(), *_TOWARDS[stage])
        assert first <= self.stage() <= last, f"the cluster is at {self.stage().name}"

    def _raise(self) -> None:
        self.power_on()
        configure_upgrade(self.project, BLUE)
        self.project.up("blue")
        deploy(cluster(self.project, "blue"), [*shop(), *_written_before()])
        until(lambda: ready_pods(self.project, "blue") == 2)


def _written_before() -> list[dict[str, Any]]:
    return [
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": f"before-{n}", "namespace": "shop"}, "data": {"n": str(n)}}
        for n in range(WRITTEN_BEFORE)
    ]
