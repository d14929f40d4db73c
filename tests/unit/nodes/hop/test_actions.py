"""Which actions a node goes through in a hop."""

from __future__ import annotations

from dataclasses import replace

import pytest

from migrator.model.upgrade import StepId
from migrator.nodes.hop import actions
from migrator.nodes.hop.actions import HopAction, HopSpec
from migrator.nodes.hop.covered import Covered
from migrator.nodes.hop.etcd import Snapshot
from migrator.nodes.hop.kubeadm import ControlPlaneUpgraded
from migrator.nodes.membership import Ready
from migrator.nodes.spec import NodeSpec
from tests.support.hosts import FakeHost
from tests.support.nodes import FIRST, WORKER, spec

OTHER = replace(FIRST, name="green-3", first=False)


def hop(*, local_etcd: bool = True, applied: bool = False, patches: tuple[tuple[str, bytes], ...] = ()) -> HopSpec:
    """Return a hop to 1.37.2."""
    packages = {"kubernetes": "1.37.2", "cri-o": "1.37.0", "crictl": "1.37.1", "other": "1"}
    return HopSpec(
        spec(packages=packages),
        "20260101-hop",
        applied=applied,
        patches=patches,
        local_etcd=local_etcd,
        control_plane_host=FakeHost("green-1"),
        say=lambda _: None,
    )


def ids(made: list[HopAction]) -> list[StepId]:
    """Return the identifiers of actions."""
    return [action.id for action in made]


def test_only_the_runtime_and_its_kin_are_upgraded_first() -> None:
    """Kubernetes stays at its version until the control plane is there."""
    made = actions.runtime(hop(), WORKER)
    assert ids(made) == [StepId.RUNTIME_PACKAGES, StepId.RUNTIME_SERVICE, StepId.NODE_READY]
    assert hop().runtime_packages.versions == {"cri-o": "1.37.0", "crictl": "1.37.1"}


@pytest.mark.parametrize(("word", "seconds"), [("", 300.0), ("1h", 3600.0)])
def test_a_node_gets_the_time_that_its_stack_gives(word: str, seconds: float) -> None:
    """Some boards are slow."""
    slow = replace(hop(), cluster=replace(hop().cluster, ready_timeout=word))
    waits = [
        item.action for made in (actions.runtime, actions.kubelet) for item in made(slow, WORKER) if item.id is StepId.NODE_READY
    ]
    assert [wait.seconds for wait in waits if isinstance(wait, Ready)] == [seconds, seconds]


def test_patches_are_brought_where_a_person_has_some() -> None:
    """Before kubeadm is run, with its images."""
    assert ids(actions.prepared(hop(), WORKER)) == [StepId.KUBEADM_STAGED, StepId.IMAGES]
    with_patches = actions.prepared(hop(patches=(("etcd0+merge.yaml", b""),)), WORKER)
    assert ids(with_patches) == [StepId.KUBEADM_STAGED, StepId.IMAGES, StepId.PATCHES]


@pytest.mark.parametrize(
    ("node", "local_etcd", "step"),
    [
        (FIRST, True, StepId.SNAPSHOT),
        (FIRST, False, StepId.SETTINGS_SAVED),
        (OTHER, True, StepId.SETTINGS_SAVED),
        (WORKER, True, StepId.SETTINGS_SAVED),
    ],
)
def test_one_snapshot_is_taken_where_etcd_is(node: NodeSpec, local_etcd: bool, step: StepId) -> None:  # noqa: FBT001
    """On the first control plane; of every other node the settings are saved."""
    assert ids(actions.saved(hop(local_etcd=local_etcd), node)) == [step]


@pytest.mark.parametrize("applied", [True, False])
def test_a_snapshot_knows_whether_the_hop_has_begun(*, applied: bool) -> None:
    """Once it has, the snapshot is not taken anew."""
    assert actions.saved(hop(applied=applied), FIRST)[0].action == Snapshot("20260101-hop", begun=applied)


@pytest.mark.parametrize(
    ("node", "step", "label"),
    [
        (FIRST, StepId.CONTROL_PLANE_FIRST, "kubeadm upgrade apply"),
        (OTHER, StepId.CONTROL_PLANE_OTHER, "kubeadm upgrade node"),
    ],
)
def test_the_first_control_plane_has_a_step_of_its_own(node: NodeSpec, step: StepId, label: str) -> None:
    """From that step on a rollback has something to reverse."""
    made = actions.control_plane(hop(), node)
    assert [(item.id, item.name) for item in made] == [(step, label)]


def test_a_worker_s_settings_are_upgraded_between_its_package_and_its_kubelet() -> None:
    """A control plane has got them with its static pods; equal labels have different identifiers."""
    last = [StepId.KUBELET_RESTARTED, StepId.NODE_READY]
    assert ids(actions.kubelet(hop(), FIRST)) == [StepId.PACKAGES, StepId.SANDBOX_IMAGE, *last]
    worker = actions.kubelet(hop(), WORKER)
    assert ids(worker) == [StepId.PACKAGES, StepId.SANDBOX_IMAGE, StepId.NODE_SETTINGS, *last]
    assert worker[2].name == actions.control_plane(hop(), OTHER)[0].name


@pytest.mark.parametrize("node", [FIRST, OTHER])
@pytest.mark.parametrize("unchanged", [True, False])
def test_after_a_raise_kubeadm_does_nothing_again_while_nothing_was_changed(node: NodeSpec, *, unchanged: bool) -> None:
    """Its checks and the static pods were done before the version was emulated; no second API server is needed then."""
    (made,) = actions.control_plane(replace(hop(), emulated="1.36"), node)
    host = FakeHost("cp", accepts=[""])
    host.answers = {"sha256sum": "abc", "upgraded-made-of": "1.37.2 abc" if unchanged else "1.37.2 abd"}
    assert isinstance(made.action, Covered)
    made.action.run(host)
    (started,) = [command for command in host.commands if "systemd-run" in command and "kubeadm upgrade" in command]
    assert ("--skip-phases=preflight,control-plane" in started) is unchanged
    assert any("permit-port-sharing" in command for command in host.commands) is not unchanged


def test_without_an_emulated_version_kubeadm_does_all_of_it() -> None:
    """A mark of an earlier hop does not count."""
    (made,) = actions.control_plane(hop(), FIRST)
    assert isinstance(made.action, Covered)
    assert isinstance(made.action.inner, ControlPlaneUpgraded)
    assert not made.action.restarts_nothing(FakeHost())
    assert not made.action.inner.unchanged(FakeHost())
