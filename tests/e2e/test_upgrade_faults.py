"""An upgrade in place that is broken on purpose, at every step; each time it says what is wrong, and goes on.

One story on one cluster, in the order of an upgrade: the tests stand in that order and depend on each other.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from migrator.adapters.commands import run
from migrator.testbed.planes.deploy import deploy
from migrator.testbed.versions import BLUE, GREEN
from tests.e2e.conftest import Project
from tests.e2e.test_journey import READY_SECONDS, cluster, ready_pods, shop
from tests.e2e.test_upgrade import configure
from tests.support.sandbox import until

SECONDS = 600

WRITTEN_BEFORE = 50
CUT_SECONDS = 20
APPLY = ("blue-1", "kubeadm upgrade apply")
KILLED_AT = {
    ("blue-1", "images"),
    ("blue-1", "etcd snapshot"),
    ("blue-2", "settings saved"),
    APPLY,
    ("blue-1", "drain"),
    ("blue-2", "drain"),
    ("blue-2", "kubeadm upgrade node"),
}
"""Where the tool was certainly killed; beside these wherever it began something."""
IN_ORDER = True


class Story:
    """A cluster, and the tool as a person runs it."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self.lab = project.labs["blue"]
        self.killed: set[tuple[str, str]] = set()

    def start(self, *words: str) -> subprocess.Popen[str]:
        """Start `migrator upgrade ...`."""
        return subprocess.Popen(
            [sys.executable, "-m", "migrator", "upgrade", *words, "--stack", "blue", "--yes"],
            cwd=self.project.folder,
            env=dict(self.project.engine.environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, *words: str) -> tuple[int, str]:
        """Run it to its end; returns exit code and what it said."""
        child = self.start(*words)
        said, _ = child.communicate(timeout=900)
        return child.returncode, said

    def fails(self, *words: str) -> str:
        """Run it; it must fail, in clear words."""
        code, said = self.run(*words)
        assert code in (1, 3), said
        assert "Traceback" not in said
        assert "→" in said.splitlines()[-1], said
        return said

    def lines(self) -> list[dict[str, Any]]:
        """Return the journal."""
        path = self.project.folder / ".migrator/upgrade-blue/journal.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def steps(self, since: int = 0) -> list[tuple[str, str]]:
        """Return the steps that were begun, from a line of the journal on."""
        return [(line["node"], line["action"]) for line in self.lines()[since:] if line["event"] == "step"]

    def run_until(self, stop: Callable[[tuple[str, str]], bool], *words: str) -> tuple[subprocess.Popen[str], tuple[str, str]]:
        """Start it, and return once it has begun a step that `stop` says yes to; the process still runs, or has ended."""
        since = len(self.lines())
        child = self.start(*words)
        while child.poll() is None:
            found = next((step for step in self.steps(since) if stop(step)), None)
            if found:
                return child, found
            time.sleep(0.02)
        return child, ("", "")

    def reach(self, wanted: tuple[str, str], *words: str) -> subprocess.Popen[str]:
        """Start it, and return once it has begun this step."""
        child, step = self.run_until(lambda step: step == wanted, *words)
        assert step == wanted, child.communicate()[0]
        return child

    def kill(self, child: subprocess.Popen[str], step: tuple[str, str]) -> None:
        """End a run as a power cut of its machine does."""
        os.kill(child.pid, signal.SIGKILL)
        child.communicate()
        self.killed.add(step)

    def kill_at_each(self, *words: str, but: tuple[str, str]) -> None:
        """Run it again and again, killed at the first step that it was not killed at before; ends with the step `but`, or itself."""
        while True:
            child, step = self.run_until(lambda step: step not in self.killed, *words)
            if step[0] and step != but:
                self.kill(child, step)
                continue
            if step == but:
                os.kill(child.pid, signal.SIGKILL)
            said, _ = child.communicate()
            assert step == but or child.returncode == 0, said
            return

    def on(self, name: str, command: str) -> str:
        """Run a command on a host as root."""
        return run(self.lab.command(name, f"sudo sh -c '{command}'"))

    def nodes(self) -> dict[str, tuple[str, bool]]:
        """Return each node's version, and whether it is cordoned."""
        items = json.loads(self.project.kubectl("blue", "get nodes -o json"))["items"]
        return {
            item["metadata"]["name"]: (item["status"]["nodeInfo"]["kubeletVersion"], bool(item["spec"].get("unschedulable")))
            for item in items
        }


@pytest.fixture(scope="module")
def story(project: Project) -> Story:
    """Raise a cluster with a shop on it, and objects to be counted."""
    project.lab("blue", 2, BLUE)
    project.labs["blue"].up(2, (BLUE, GREEN))
    configure(project, BLUE)
    project.up("blue")
    made = [
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": f"before-{n}", "namespace": "shop"}, "data": {"n": str(n)}}
        for n in range(WRITTEN_BEFORE)
    ]
    deploy(cluster(project, "blue"), [*shop(), *made])
    until(lambda: ready_pods(project, "blue") == 2, seconds=READY_SECONDS)
    return Story(project)


def test_1_what_is_wrong_beforehand_is_said_all_at_once_and_nothing_changes(story: Story) -> None:
    """A budget that never allows, a pod of nobody, an edited manifest, a version without packages: one line each."""
    kubectl = story.project.kubectl
    kubectl("blue", "-n shop patch pdb web --type=merge -p", '\'{"spec":{"minAvailable":2}}\'')
    kubectl("blue", "-n shop run lonely --image=shop.example/web:1 --overrides", '\'{"spec":{"nodeName":"blue-2"}}\'')
    manifest = "/etc/kubernetes/manifests/kube-scheduler.yaml"
    story.on("blue-1", f'cp {manifest} /root/scheduler.yaml; sed -i "s/- kube-scheduler$/&\\n    - --v=1/" {manifest}')
    until(lambda: "disruptionsAllowed: 0" in kubectl("blue", "-n shop get pdb web -o yaml"))
    said = story.fails("run", "--to", GREEN)
    for words in ("allows no disruption", "no controller makes it again", "kube-scheduler has `- --v=1`", "nothing was changed"):
        assert words in said
    assert story.lines()[-1]["event"] in ("journal", "bound")
    kubectl("blue", "-n shop patch pdb web --type=merge -p", '\'{"spec":{"minAvailable":1}}\'')
    kubectl("blue", "-n shop delete pod lonely --grace-period=0 --force")
    story.on("blue-1", f"cp /root/scheduler.yaml {manifest}")
    assert "has no kubernetes of it" in story.fails("run", "--to", "1.39.0")
    assert "cannot be downgraded" in story.fails("run", "--to", "1.35.0")


def test_2_an_image_that_cannot_be_pulled_stops_it_before_anything_is_drained(story: Story) -> None:
    """The registry is away."""
    story.lab.stop_registry()
    until(lambda: "disruptionsAllowed: 1" in story.project.kubectl("blue", "-n shop get pdb web -o yaml"))
    said = story.fails("run", "--to", GREEN)
    assert f"v{GREEN} cannot be pulled" in said
    assert "nothing was drained" in said
    assert set(story.nodes().values()) == {(f"v{BLUE}", False)}
    story.lab.up(2, (BLUE, GREEN))


def test_3_killed_at_each_step_of_the_control_plane_it_goes_on_and_a_cable_that_is_pulled_is_waited_for(story: Story) -> None:
    """SIGKILL as soon as a step begins; `kubeadm upgrade apply` goes on without us, and is joined, not begun twice."""
    story.kill_at_each("resume", "--pause", "after-control-plane", but=APPLY)
    child = story.reach(APPLY, "resume", "--pause", "after-control-plane")
    unit = f"migrator-control-plane-{GREEN}"
    until(lambda: story.on("blue-1", f"systemctl is-active {unit}; true").strip() == "active", seconds=60)
    story.kill(child, APPLY)
    begun = story.on("blue-1", f"systemctl show -p ExecMainPID --value {unit}")
    child = story.reach(APPLY, "resume", "--pause", "after-control-plane")
    # Past its preflight, which asks the other node: from here on kubeadm needs nothing but its own host.
    until(lambda: "staticpods" in story.on("blue-1", f"cat /var/log/migrator/{unit}.log"), seconds=240)
    story.lab.cut("blue-1")
    time.sleep(CUT_SECONDS)
    assert child.poll() is None
    story.lab.mend("blue-1")
    until(lambda: story.on("blue-1", f"systemctl show -p ExecMainPID --value {unit}") == begun, seconds=30)
    said, _ = child.communicate(timeout=900)
    assert child.returncode == 0, said
    assert "the control plane is at" in said
    assert f"v{GREEN}" in story.project.kubectl("blue", "get --raw /version")


def test_4_a_package_that_does_not_install_names_its_cure(story: Story) -> None:
    """Another pacman has the lock."""
    story.kill_at_each("resume", but=("blue-1", "packages"))
    story.on("blue-1", "touch /var/lib/pacman/db.lck")
    said = story.fails("resume")
    assert "unable to lock database" in said
    assert "another pacman runs on the host" in said
    story.on("blue-1", "rm /var/lib/pacman/db.lck")


def test_5_a_kubelet_that_does_not_come_back_is_told_with_its_last_words(story: Story) -> None:
    """Somebody's flag that the new kubelet does not know: it is named, and once it is gone the run goes on."""
    story.on("blue-1", "cp /etc/kubernetes/kubelet.env /root/; echo KUBELET_ARGS=--of-old >> /etc/kubernetes/kubelet.env")
    said = story.fails("resume")
    assert "the kubelet of" in said
    assert "unknown flag: --of-old" in said
    story.on("blue-1", "cp /root/kubelet.env /etc/kubernetes/kubelet.env")
    code, said = story.run("resume", "--pause", "each-node")
    assert code == 0, said
    assert story.nodes()["blue-1"] == (f"v{GREEN}", False)


def test_6_a_budget_that_never_allows_leaves_the_node_as_it_was(story: Story) -> None:
    """The deadline ends the wait; the node takes pods again, and the run says what held it."""
    kubectl = story.project.kubectl
    kubectl("blue", "-n shop patch pdb web --type=merge -p", '\'{"spec":{"minAvailable":2}}\'')
    if "blue-2" not in kubectl("blue", "-n shop get pods -o wide"):
        kubectl("blue", "-n shop scale deployment web --replicas=3")
        until(lambda: "blue-2" in kubectl("blue", "-n shop get pods -o wide"))
        kubectl("blue", "-n shop patch pdb web --type=merge -p", '\'{"spec":{"minAvailable":3}}\'')
    until(lambda: "disruptionsAllowed: 0" in kubectl("blue", "-n shop get pdb web -o yaml"))
    said = story.fails("resume", "--drain-timeout", "5s")
    assert "The disruption budget web needs" in said
    assert "blue-2 takes pods again" in said
    assert story.nodes()["blue-2"] == (f"v{BLUE}", False)
    kubectl("blue", "-n shop patch pdb web --type=merge -p", '\'{"spec":{"minAvailable":1}}\'')


def test_7_a_worker_that_loses_power_is_one_line_and_goes_on_once_it_is_back(story: Story) -> None:
    """Power is gone while packages are installed; pacman's lock of before the boot is nobody's."""
    cut = ("blue-2", "packages")
    story.kill_at_each("resume", but=cut)
    child = story.reach(cut, "resume")
    story.lab.power_off("blue-2")
    said, _ = child.communicate(timeout=300)
    assert child.returncode == 1, said
    assert "blue-2" in said
    assert "Traceback" not in said
    story.lab.up(2, (BLUE, GREEN))
    begun = time.monotonic()
    child, step = story.run_until(lambda step: step[0] == "blue-2", "resume")
    assert step[0] == "blue-2"
    print(f"\nthe first thing not done was found after {time.monotonic() - begun:.1f} s", file=sys.__stderr__)
    story.kill(child, step)
    story.kill_at_each("resume", but=("", "none"))
    assert set(story.nodes().values()) == {(f"v{GREEN}", False)}
    assert story.killed >= KILLED_AT


def test_8_etcd_that_does_not_come_up_is_put_back_with_all_that_was_written_before_the_hop(story: Story) -> None:
    """Etcd's data is lost; a rollback, killed in the middle and begun again, brings back every object of before."""
    story.project.kubectl("blue", "-n shop create configmap after --from-literal=a=b")
    story.on("blue-1", "rm -rf /var/lib/etcd/member/wal; pkill -9 -x etcd; true")
    child = story.reach(("blue-1", "etcd restored"), "rollback")
    os.kill(child.pid, signal.SIGKILL)
    child.communicate()
    code, said = story.run("rollback")
    assert code == 0, said
    until(lambda: set(story.nodes().values()) == {(f"v{BLUE}", False)}, seconds=60)
    names = story.project.kubectl("blue", "-n shop get configmaps -o name")
    assert names.count("configmap/before-") == WRITTEN_BEFORE
    assert "configmap/after" not in names.split()
    until(lambda: ready_pods(story.project, "blue") == 2, seconds=READY_SECONDS)
    assert "nothing to take back" in story.fails("rollback")


def test_9_nothing_of_a_secret_stands_in_the_journal(story: Story) -> None:
    """Keys, tokens and the kubeconfig stay on the hosts."""
    text = (story.project.folder / ".migrator/upgrade-blue/journal.jsonl").read_text()
    assert not [word for word in ("PRIVATE KEY", "client-key-data", "not-shown") if word in text]
    assert Path(story.project.folder / ".migrator/upgrade-blue/journal.jsonl").stat().st_mode & 0o777 == 0o600
