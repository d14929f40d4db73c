"""An upgrade in place that is broken on purpose; each time it says what is wrong, and goes on once that is mended.

Every test asks for the stage that it begins at. The order of the stages only saves time: the cluster is brought forward, or
made anew where a failed test has left it broken, so that no test depends on another one.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest

from migrator.model.upgrade import StepId
from migrator.testbed.versions import BLUE, GREEN
from tests.support.journey import ready_pods
from tests.support.project import Project
from tests.support.sandbox import until
from tests.support.upgrades import FIRST, RUN_SECONDS, SECOND, WRITTEN_BEFORE, Stage, Upgrade

SECONDS = 600

CUT_SECONDS = 20
"""How long a cable is out; longer than a beat of SSH, shorter than the wait for a host."""
APPLY = (FIRST, StepId.EMULATING_FIRST)
SCHEDULER = "/etc/kubernetes/manifests/kube-scheduler.yaml"
MACHINE_ID = "/etc/machine-id"
KUBELET_FLAGS = "/etc/kubernetes/kubelet.env"


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that is wrong with the cluster or a host at one stage of an upgrade."""

    name: str
    stages: tuple[Stage, Stage]
    """The first and the last stage at which it may be tried."""
    inject: Callable[[Upgrade], object]
    heal: Callable[[Upgrade], object]
    words: tuple[str, ...]
    """What the tool must say of it."""
    options: tuple[str, ...] = ()
    under_work: tuple[str, ...] = ()
    """Nodes that the run was working on; the others are as before."""

    @contextmanager
    def injected(self, upgrade: Upgrade) -> Iterator[None]:
        """Have the fault for a while."""
        try:
            self.inject(upgrade)
            yield
        finally:
            self.heal(upgrade)


def lose_registry(upgrade: Upgrade) -> None:
    """Let no image be pulled; drains are allowed, so that nothing else is wrong."""
    upgrade.lab.stop_registry()
    upgrade.allow_disruptions(1)


def reach_packages(upgrade: Upgrade) -> None:
    """Have a lock of another pacman when the packages of the first node are due."""
    upgrade.kill_at_each(but=(FIRST, StepId.PACKAGES))
    upgrade.on(FIRST, "touch /var/lib/pacman/db.lck")


def forbid_disruption(upgrade: Upgrade) -> None:
    """Keep every pod of the shop, one of them on the second node."""
    pods = "-n shop get pods -o wide"
    if SECOND not in upgrade.kubectl(pods):
        upgrade.kubectl("-n shop scale deployment web --replicas=3")
        until(lambda: SECOND in upgrade.kubectl(pods) and ready_pods(upgrade.project, "blue") == 3)
        upgrade.allow_disruptions(3)
    else:
        upgrade.allow_disruptions(2)


FAULTS = (
    Fault(
        "registry is away",
        (Stage.FRESH, Stage.STARTED),
        lose_registry,
        Upgrade.power_on,
        (f"v{GREEN} cannot be pulled", "nothing was drained"),
    ),
    Fault(
        "another pacman has the lock",
        (Stage.CONTROL_PLANE, Stage.CONTROL_PLANE),
        reach_packages,
        lambda upgrade: upgrade.on(FIRST, "rm -f /var/lib/pacman/db.lck"),
        ("unable to lock database", "another pacman runs on the host"),
        under_work=(FIRST,),
    ),
    Fault(
        "a flag that the new kubelet does not know",
        (Stage.CONTROL_PLANE, Stage.FIRST_PACKAGES),
        lambda upgrade: upgrade.on(FIRST, f"cp {KUBELET_FLAGS} /root/; echo KUBELET_ARGS=--of-old >> {KUBELET_FLAGS}"),
        lambda upgrade: upgrade.on(FIRST, f"cp /root/kubelet.env {KUBELET_FLAGS}"),
        ("the kubelet of", "unknown flag: --of-old"),
        under_work=(FIRST,),
    ),
    Fault(
        "a budget that never allows",
        (Stage.FIRST_NODE, Stage.FIRST_NODE),
        forbid_disruption,
        lambda upgrade: upgrade.allow_disruptions(1),
        ("The disruption budget web needs", f"{SECOND} is uncordoned"),
        ("--drain-timeout", "5s"),
    ),
)


@pytest.fixture(scope="module")
def raised(project: Project) -> Upgrade:
    """Raise a cluster with a shop on it, and objects to be counted."""
    return Upgrade(project)


@pytest.fixture
def upgrade(raised: Upgrade, request: pytest.FixtureRequest) -> Upgrade:
    """Bring the cluster to the stage that the test asks for."""
    marker = request.node.get_closest_marker("stage")
    raised.at(*marker.args)
    return raised


def staged(fault: Fault) -> object:
    """Return a fault as a parameter that begins at its stage."""
    return pytest.param(fault, id=fault.name, marks=pytest.mark.stage(*fault.stages))


def scheduler_is_ready(upgrade: Upgrade) -> bool:
    """Return whether the scheduler of the manifest as it was is Ready."""
    pod = json.loads(upgrade.kubectl(f"-n kube-system get pod kube-scheduler-{FIRST} -o json"))
    conditions = {item["type"]: item["status"] for item in pod["status"].get("conditions") or []}
    return "--v=1" not in pod["spec"]["containers"][0]["command"] and conditions.get("Ready") == "True"


@pytest.mark.stage(Stage.FRESH)
def test_what_is_wrong_beforehand_is_said_all_at_once_and_nothing_changes(upgrade: Upgrade) -> None:
    """A budget that never allows, a pod of nobody, an edited manifest, another machine, a version without packages: one line each."""
    try:
        upgrade.on(SECOND, f"cp {MACHINE_ID} /root/; echo 0123456789abcdef0123456789abcdef > {MACHINE_ID}")
        upgrade.kubectl("-n shop run lonely --image=shop.example/web:1 --overrides", f'\'{{"spec":{{"nodeName":"{SECOND}"}}}}\'')
        upgrade.on(FIRST, f'cp {SCHEDULER} /root/scheduler.yaml; sed -i "s/- kube-scheduler$/&\\n    - --v=1/" {SCHEDULER}')
        upgrade.allow_disruptions(2)
        said = upgrade.refuses("run", "--to", GREEN)
    finally:
        upgrade.on(SECOND, f"cp /root/machine-id {MACHINE_ID}")
        upgrade.on(FIRST, f"cp /root/scheduler.yaml {SCHEDULER}")
        upgrade.kubectl("-n shop delete pod lonely --grace-period=0 --force --ignore-not-found")
        upgrade.allow_disruptions(1)
        # Its kubelet starts it again with each manifest, and a run begins with no control plane that is not well.
        until(lambda: scheduler_is_ready(upgrade))
    for words in (
        "allows no disruption",
        "no controller makes it again",
        "kube-scheduler has `- --v=1`",
        "is another machine",
        "nothing was changed",
    ):
        assert words in said
    assert not upgrade.under_way()
    assert "has no such kubernetes" in upgrade.refuses("run", "--to", "1.39.0")
    assert "cannot be downgraded" in upgrade.refuses("run", "--to", "1.35.0")
    assert set(upgrade.nodes().values()) == {(f"v{BLUE}", False)}


@pytest.mark.parametrize("fault", [staged(fault) for fault in FAULTS])
def test_a_fault_is_said_in_clear_words_and_other_nodes_stay_as_they_were(upgrade: Upgrade, fault: Fault) -> None:
    """The run ends with what is wrong and what to do; nodes that it was not working on have their version and take pods."""
    before = upgrade.nodes()
    with fault.injected(upgrade):
        said = upgrade.refuses(*upgrade.go_on(), *fault.options)
        after = upgrade.nodes()
    for words in fault.words:
        assert words in said
    assert {name: after[name] for name in after if name not in fault.under_work} == {
        name: before[name] for name in before if name not in fault.under_work
    }


@pytest.mark.stage(Stage.FRESH, Stage.STARTED)
def test_a_killed_upgrade_of_the_control_plane_goes_on_and_a_cut_cable_is_waited_for(upgrade: Upgrade) -> None:
    """SIGKILL as soon as a step begins; `kubeadm upgrade apply` goes on without us, and is joined, not begun twice."""
    pause = ("--pause", "after-control-plane")
    upgrade.kill_at_each(*pause, but=APPLY)
    assert upgrade.killed >= {(FIRST, StepId.IMAGES), (FIRST, StepId.SNAPSHOT), (SECOND, StepId.SETTINGS_SAVED)}
    child = upgrade.reach(APPLY, "resume", *pause)
    unit = f"migrator-emulating-{GREEN}"
    until(lambda: upgrade.on(FIRST, f"systemctl is-active {unit}; true").strip() == "active")
    upgrade.kill(child, APPLY)
    begun = upgrade.on(FIRST, f"systemctl show -p ExecMainPID --value {unit}")
    child = upgrade.reach(APPLY, "resume", *pause)
    # Past its preflight, which asks the other node: from here on kubeadm needs nothing but its own host.
    until(lambda: "staticpods" in upgrade.on(FIRST, f"cat /var/log/migrator/{unit}.log"))
    assert child.stdout is not None
    # What it shows of kubeadm, it shows once it has joined it.
    assert any(f"{FIRST}: [" in line for line in child.stdout)
    upgrade.lab.cut(FIRST)
    try:
        with pytest.raises(subprocess.TimeoutExpired):
            child.wait(CUT_SECONDS)
    finally:
        upgrade.lab.mend(FIRST)
    until(lambda: upgrade.on(FIRST, f"systemctl show -p ExecMainPID --value {unit}") == begun)
    said, _ = child.communicate(timeout=RUN_SECONDS)
    assert child.returncode == 0, said
    assert "the control plane is at" in said
    assert f"v{GREEN}" in upgrade.kubectl("get --raw /version")


@pytest.mark.stage(Stage.CONTROL_PLANE, Stage.FIRST_PACKAGES)
def test_the_first_node_is_killed_at_each_step_and_goes_on(upgrade: Upgrade) -> None:
    """Each run does the next step; in the end the kubelet of the control plane is new and the node takes pods."""
    upgrade.kill_at_each("--pause", "each-node")
    assert {step for node, step in upgrade.killed if node == FIRST} >= {StepId.KUBELET_RESTARTED}
    assert upgrade.nodes()[FIRST] == (f"v{GREEN}", False)


@pytest.mark.stage(Stage.FIRST_NODE)
def test_a_worker_that_loses_power_is_one_line_and_goes_on_once_it_is_back(upgrade: Upgrade) -> None:
    """Power is gone while packages are installed; pacman's lock of before the boot is nobody's."""
    cut = (SECOND, StepId.PACKAGES)
    upgrade.kill_at_each(but=cut)
    child = upgrade.reach(cut, "resume")
    upgrade.lab.power_off(SECOND)
    said, _ = child.communicate(timeout=RUN_SECONDS)
    assert child.returncode == 1, said
    assert SECOND in said
    assert "Traceback" not in said
    upgrade.power_on()
    begun = time.monotonic()
    child, step = upgrade.run_until(lambda step: step[0] == SECOND, "resume")
    assert step[0] == SECOND
    print(f"\nthe first thing not done was found after {time.monotonic() - begun:.1f} s", file=sys.__stderr__)
    upgrade.kill(child, step)
    upgrade.kill_at_each()
    assert set(upgrade.nodes().values()) == {(f"v{GREEN}", False)}
    assert upgrade.killed >= {(SECOND, StepId.DRAIN), (SECOND, StepId.NODE_SETTINGS)}


@pytest.mark.stage(Stage.CONTROL_PLANE, Stage.DONE)
def test_nothing_of_a_secret_stands_in_the_journal(upgrade: Upgrade) -> None:
    """Keys, tokens and the kubeconfig stay on the hosts."""
    text = upgrade.journal.read_text()
    assert not [word for word in ("PRIVATE KEY", "client-key-data", "not-shown") if word in text]
    assert upgrade.journal.stat().st_mode & 0o777 == 0o600


@pytest.mark.stage(Stage.CONTROL_PLANE, Stage.DONE)
def test_etcd_that_does_not_come_up_is_put_back_with_all_that_was_written_before_the_hop(upgrade: Upgrade) -> None:
    """Etcd's data is lost, on a disk of its own; a rollback, killed in the middle and begun again, brings back every object."""
    upgrade.kubectl("-n shop create configmap after --from-literal=a=b")
    upgrade.on(FIRST, "cp -a /var/lib/etcd /var/lib/disk; mount --bind /var/lib/disk /var/lib/etcd")
    upgrade.on(FIRST, "rm -rf /var/lib/etcd/member/wal; pkill -9 -x etcd; true")
    child = upgrade.reach((FIRST, StepId.ETCD_RESTORED), "rollback")
    os.kill(child.pid, signal.SIGKILL)
    child.communicate()
    upgrade.assert_runs("rollback")
    until(lambda: set(upgrade.nodes().values()) == {(f"v{BLUE}", False)})
    names = upgrade.kubectl("-n shop get configmaps -o name")
    assert names.count("configmap/before-") == WRITTEN_BEFORE
    assert "configmap/after" not in names.split()
    until(lambda: ready_pods(upgrade.project, "blue") == 2)
    kept = upgrade.on(
        FIRST, "ls /var/lib/disk; ls /var/lib/disk/migrator-before-*; ls -d /var/lib/migrator/kubernetes-* 2>/dev/null; true"
    )
    assert kept.split()[0] == "member", kept
    assert "snap" in kept.split(), "what was there before the rollback is kept"
    assert "/var/lib/migrator/kubernetes-" not in kept
    assert "nothing to take back" in upgrade.refuses("rollback")
