"""A new CRI-O on real nodes: one that starts no container is found on one worker and goes nowhere else."""

from __future__ import annotations

from pathlib import Path

import pytest

from migrator.model.upgrade import StepId
from migrator.testbed.binaries import Store
from migrator.testbed.machines.supplies import RUNTIME, packages
from migrator.testbed.versions import BLUE, GREEN
from tests.support.journey import ready_pods
from tests.support.project import Project
from tests.support.repackaged import own_folder, repackaged
from tests.support.sandbox import until
from tests.support.upgrades import FIRST, SECOND, Upgrade

OLD, GOOD, BROKEN = RUNTIME["cri-o"], "1.34.1", "1.34.2"
REASON = "runc create failed: this kernel has no such system call"
RUNC = "usr/lib/crio/runc-of-another-kernel"
FAILING = {
    # Active, answers, pulls images, knows the containers that run, and starts none.
    RUNC: f'#!/bin/sh\ncase " $* " in *" create "*) echo "{REASON}" >&2; exit 1 ;; esac\nexec /usr/local/sbin/testbed-runtime "$@"\n',
    "etc/crio/crio.conf.d/99-failing.conf": f"""[crio.runtime.runtimes.testbed]
runtime_path = "/{RUNC}"
runtime_type = "oci"
runtime_root = "/run/runc"
monitor_path = "/usr/bin/conmon"
""",
}


@pytest.fixture(scope="session")
def supplies(store: Store, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of packages that has two more of CRI-O."""
    folder = tmp_path_factory.mktemp("packages") / "packages"
    real = own_folder(packages(store, (BLUE, GREEN)), folder, "cri-o-")
    repackaged(real, GOOD)
    repackaged(real, BROKEN, FAILING)
    return folder


def runtimes(upgrade: Upgrade) -> list[str]:
    """Return the version of CRI-O on both nodes."""
    return [upgrade.on(name, "pacman -Q cri-o").split()[1].partition("-")[0] for name in (FIRST, SECOND)]


def running(upgrade: Upgrade, name: str) -> set[str]:
    """Return the sandboxes of the pods that run on a node."""
    return set(upgrade.on(name, "crictl pods -q --state ready").split())


def containers(upgrade: Upgrade, name: str) -> set[str]:
    """Return the containers that run on a node."""
    return set(upgrade.on(name, "crictl ps -q").split())


def tried_on(upgrade: Upgrade) -> list[str]:
    """Return the nodes to which a new CRI-O went, in order."""
    return [line["node"] for line in upgrade.lines() if line["event"] == "step" and line["id"] == StepId.RUNTIME_PACKAGES]


def test_a_cri_o_that_starts_nothing_stays_on_no_node_and_a_good_one_goes_on(project: Project) -> None:
    """The worker has its package of before again, which starts containers; the control plane was not touched."""
    upgrade = Upgrade(project)
    said = upgrade.refuses("run", "--to", GREEN, "--package", f"cri-o={BROKEN}")
    assert f"{SECOND}: CRI-O {BROKEN} starts no container" in said
    assert REASON in said
    assert f"{OLD} is back there, and starts them" in said
    assert tried_on(upgrade) == [SECOND]
    assert runtimes(upgrade) == [OLD, OLD]
    assert set(upgrade.nodes().values()) == {(f"v{BLUE}", False)}
    until(lambda: ready_pods(project, "blue") == 2)
    upgrade.assert_runs("abort")
    # A kubelet tells of a runtime that was restarted when it reports next.
    until(lambda: "NotReady" not in upgrade.kubectl("get nodes"))

    # As after a minor: a CRI-O that finds this removes all pods of its node, unless it is told otherwise (cri-o#8739).
    before = {name: running(upgrade, name) for name in (FIRST, SECOND)}
    # And systemd ends all containers of cgroups that are not its own, as on these nodes (cri-o#2745).
    containers_before = {name: containers(upgrade, name) for name in (FIRST, SECOND)}
    for name in before:
        upgrade.on(name, "sed -i s/1[.]34/1.33/ /var/run/crio/version")
    reached = (FIRST, StepId.IMAGES)
    child = upgrade.reach(reached, "run", "--to", GREEN, "--package", f"cri-o={GOOD}")
    upgrade.kill(child, reached)
    assert tried_on(upgrade)[1:] == [SECOND, FIRST]
    assert runtimes(upgrade) == [GOOD, GOOD]
    assert {name: sandboxes & running(upgrade, name) for name, sandboxes in before.items()} == before
    assert {name: ids & containers(upgrade, name) for name, ids in containers_before.items()} == containers_before
    until(lambda: ready_pods(project, "blue") == 2)
    for name in (FIRST, SECOND):
        assert not upgrade.on(name, "crictl pods -q --name migrator-trial"), "the trial leaves nothing"
        assert not upgrade.on(name, "ls /run/migrator/trial /var/lib/migrator/runtime-before.json 2>/dev/null; true")
