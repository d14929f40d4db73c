"""A plan is read from the cluster and its hosts, shows every finding at once, and changes nothing."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest

from migrator.errors import BlockedError, CommandFailedError, HostError
from migrator.model.facts import Member
from migrator.model.kinds import CONFIG_MAPS
from migrator.model.upgrade import DrainRules, Soak, StepId, StepTime, UpgradePlan, Workers
from migrator.model.verdict import Finding, Severity
from migrator.model.version import parse_version
from migrator.nodes.hop.actions import HopAction, HopSpec
from migrator.nodes.spec import NodeSpec
from migrator.nodes.system import SwapOff
from migrator.upgrade.plan import (
    PlanOptions,
    gather,
    gather_cluster,
    kubelet_versions,
    plan_upgrade,
    require_plan,
    shown_steps,
)
from migrator.upgrade.session import UpgradeSession
from migrator.upgrade.stage import Stage, Step
from tests.support.clock import FakeClock
from tests.support.facts import facts, kubeadms_addons, node
from tests.support.fake_cluster import FakeCluster
from tests.support.hosts import FakeHost
from tests.support.nodes import FIRST, WORKER, spec
from tests.support.objects import config_map
from tests.support.sessions import upgrade_session

HOP = "1.36.3-to-1.37.2"
FILES = ("kubernetes-1.36.3", "kubernetes-1.37.2", "cri-o-1.37.0", "crictl-1.37.0", "cni-plugins-1.9.1")
PACKAGES = {"cri-o": "1.37.0", "crictl": "1.37.0", "cni-plugins": "1.9.1"}
OPTIONS = PlanOptions(parse_version("1.37.2"), Workers.EACH_HOP, DrainRules(), packages=PACKAGES)
Make = Callable[..., UpgradeSession]


def host(name: str, architecture: str = "aarch64", installed: str = "1.36.3") -> FakeHost:
    """Return a host on which nothing is wrong; etcd is elsewhere."""
    found = FakeHost(name)
    found.answers = {
        "echo architecture=": f"architecture={architecture}\nmachine_id=\ncgroup=2\ndisk=90000\nclock=1800000000\n",
        "@@ installed": f"@@ installed\nkubernetes {installed}-1\ncri-o 1.36.0-1\ncrictl 1.36.0-1\n@@ kubelet\ncgroupDriver: systemd\n",
        "upgrade diff": "",
        "version -o short": "v1.37.2",
        "kubelet --help": "",
        "init --help": "RootlessControlPlane=true|false (ALPHA)\n",
        "config validate": "",
        "upgrade plan": "Upgrade to v1.37.2\n",
        "config images list": "registry.k8s.io/pause:3.10\nregistry.k8s.io/kube-apiserver:v1.37.2\n",
    }
    found.fails("test -e /etc/kubernetes/manifests/etcd.yaml")
    return found


def two_steps(_hop: object, table: HopSpec, nodes: object) -> tuple[Step, ...]:
    """Return a list of two steps in place of a hop's own."""
    del table, nodes
    return (
        Step(Stage.CONTROL_PLANE, FIRST, (HopAction(StepId.CONTROL_PLANE_FIRST, SwapOff("kubeadm upgrade apply")),)),
        Step(Stage.NODES, WORKER, (HopAction(StepId.PACKAGES, SwapOff("packages")),)),
    )


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Return what makes a session on two nodes, with packages for ARM."""

    def session(*files: str, **more: Any) -> UpgradeSession:
        for file in files or FILES:
            (tmp_path / f"{file}-1-aarch64.pkg.tar.zst").touch()
        cluster = FakeCluster(version="v1.36.3")
        cluster.hold(
            node(FIRST.name, labels={"node-role.kubernetes.io/control-plane": ""}),
            node(WORKER.name),
            *kubeadms_addons(),
            config_map("kubelet-config", {"kubelet": "cgroupDriver: systemd\n"}, namespace="kube-system"),
            config_map("kubeadm-config", {"ClusterConfiguration": "apiVersion: kubeadm.k8s.io/v1beta4\n"}, namespace="kube-system"),
        )
        hosts = {item.name: host(item.name) for item in (FIRST, WORKER)}
        hosts[FIRST.name].fails("/proc/swaps")
        settings = {
            "cluster": cluster,
            "hosts": hosts,
            "spec": spec(package_source=str(tmp_path)),
            "make_steps": two_steps,
        }
        return upgrade_session(**settings | more)

    return session


def of(session: UpgradeSession, item: NodeSpec) -> FakeHost:
    """Return a host as the fake that it is."""
    found = session.hosts[item.name]
    assert isinstance(found, FakeHost)
    return found


def test_a_plan_has_its_hops_nodes_steps_and_images(make: Make) -> None:
    """All that a person approves."""
    plan = plan_upgrade(make(), dataclasses.replace(OPTIONS, ignored=("etcd",)))
    assert [hop.key for hop in plan.hops] == [HOP]
    assert [(item.name, item.version) for item in plan.nodes] == [("green-1", "1.36.3"), ("green-2", "1.36.3")]
    assert plan.steps[HOP][0] == "green-1: kubeadm upgrade apply"
    assert plan.images[HOP] == ("registry.k8s.io/pause:3.10", "registry.k8s.io/kube-apiserver:v1.37.2")
    assert (plan.seconds, plan.kubeadm) == ({}, {})
    assert [item for item in plan.findings if item.severity is Severity.FAILURE] == []


def with_etcd(session: UpgradeSession, version: str) -> UpgradeSession:
    """Return a session whose control plane runs etcd 3.6.9, and whose next kubeadm brings this one."""
    first = of(session, FIRST)
    first.answers["config images list"] = f"registry.k8s.io/kube-apiserver:v1.37.2\nregistry.k8s.io/etcd:{version}-0\n"
    return session


def test_a_plan_says_which_hops_can_be_taken_back_without_loss(make: Make) -> None:
    """Etcd is elsewhere here; a person may want one step all the same."""
    assert [hop.emulated for hop in plan_upgrade(make(), OPTIONS).hops] == ["1.36"]
    one = plan_upgrade(make(), dataclasses.replace(OPTIONS, one_step=True))
    assert ([hop.emulated for hop in one.hops], one.one_step) == ([""], {})


def test_a_soak_needs_a_hop_in_two_steps(make: Make) -> None:
    """Where there can be none, nothing is begun, and the reason is said; without one it goes in one step."""
    session = make()
    of(session, FIRST).accepts("test -e /etc/kubernetes/manifests/etcd.yaml")
    del of(session, FIRST).answers["test -e /etc/kubernetes/manifests/etcd.yaml"]
    of(session, FIRST).fails("crictl ps")
    made = plan_upgrade(with_etcd(session, "3.9.0"), OPTIONS)
    assert [hop.emulated for hop in made.hops] == [""]
    assert made.one_step == {HOP: "it is not known which etcd runs before and after it"}
    with pytest.raises(BlockedError, match=f"there can be no soak in {HOP}: it is not known which etcd"):
        plan_upgrade(session, dataclasses.replace(OPTIONS, soak=Soak(hold=True)))


def test_nothing_is_changed(make: Make) -> None:
    """No request writes, and no file of a host is written."""
    session = make()
    plan_upgrade(session, OPTIONS)
    assert isinstance(session.cluster, FakeCluster)
    assert {request.split()[0] for request in session.cluster.requests} <= {"get", "list"}
    assert [of(session, item).modes for item in session.nodes] == [{}, {}]


def test_every_finding_is_shown_at_once(make: Make) -> None:
    """A host that does not answer does not end the reading of the others."""
    session = make()
    of(session, WORKER).answers["echo architecture="] = HostError("green-2: refused", hint="is it on?")
    names = {item.check for item in plan_upgrade(session, OPTIONS).findings}
    assert {"ssh", "etcd"} <= names


def test_only_versions_for_all_architectures_are_available(make: Make, tmp_path: Path) -> None:
    """A hop is made on all hosts."""
    session = make()
    (tmp_path / "kubernetes-1.37.2-1-x86_64.pkg.tar.zst").touch()
    of(session, WORKER).answers["echo architecture="] = "architecture=x86_64\ncgroup=2\nclock=1800000000\n"
    available = gather(session, OPTIONS).available
    assert (available["kubernetes"], available["cri-o"]) == (("1.37.2",), ())


def test_a_target_that_the_source_lacks_is_a_finding_and_is_not_asked(make: Make) -> None:
    """Its programs are not there; no image is guessed."""
    session = make("kubernetes-1.36.3")
    plan = plan_upgrade(session, dataclasses.replace(OPTIONS, with_kubeadm_output=True))
    assert any(item.check == "packages" and "1.37.2" in item.reason for item in plan.findings)
    assert (plan.images[HOP], plan.kubeadm) == ((), {})
    assert not any("kubelet --help" in command for command in of(session, FIRST).commands)


def test_a_target_behind_the_cluster_is_refused(make: Make) -> None:
    """There is no way back by an upgrade."""
    with pytest.raises(BlockedError):
        gather(make(), dataclasses.replace(OPTIONS, target=parse_version("1.35.1")))


def test_etcd_that_cannot_be_asked_is_a_member_that_is_not_well(make: Make) -> None:
    """With the reason; the others are read."""
    session = make()
    of(session, FIRST).answers["test -e /etc/kubernetes/manifests/etcd.yaml"] = ""
    of(session, FIRST).fails("/etc/kubernetes/manifests/etcd.yaml", "no such file")
    of(session, FIRST).fails("crictl", "no container")
    found = gather(session, OPTIONS)
    (member,) = found.members
    assert (found.local_etcd, member.healthy) == (True, False)
    assert member.name.startswith("etcd on green-1 (")


def test_etcd_whose_answers_cannot_be_read_is_not_taken_to_be_well(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without members nothing would be judged."""

    def answers(_: object) -> list[Member]:
        raise TypeError

    monkeypatch.setattr("migrator.upgrade.plan.members", answers)
    session = make()
    of(session, FIRST).answers["test -e /etc/kubernetes/manifests/etcd.yaml"] = ""
    (member,) = gather(session, OPTIONS).members
    assert (member.name, member.healthy) == ("etcd on green-1 (what its etcdctl says cannot be read)", False)


def test_a_control_plane_that_does_not_answer_has_no_etcd_to_save(make: Make) -> None:
    """The check says that it cannot be taken from here."""
    session = make()
    of(session, FIRST).answers["test -e /etc/kubernetes/manifests/etcd.yaml"] = HostError("green-1: refused", hint="")
    assert (gather(session, OPTIONS).local_etcd, gather(session, OPTIONS).members) == (False, ())


def test_while_a_control_plane_cannot_be_asked_the_whole_list_is_shown(make: Make) -> None:
    """What is done already is not known."""
    session = make()
    (hop,) = gather(session, OPTIONS).hops
    of(session, FIRST).answers["/proc/swaps"] = HostError("green-1: refused", hint="")
    assert len(list(shown_steps(session, hop))) == 2
    of(session, FIRST).answers["/proc/swaps"] = ""
    assert [line.split(":")[0] for line in shown_steps(session, hop)] == ["green-2"]


def test_workers_that_stay_are_named(make: Make) -> None:
    """A hop of the control plane alone."""
    session = make()
    (hop,) = gather(session, OPTIONS).hops
    lines = list(shown_steps(session, dataclasses.replace(hop, workers=False)))
    assert lines[-1] == "green-2: stays at its version in this hop"
    assert lines[-1] not in list(shown_steps(session, hop))


def test_an_estimate_is_the_sum_of_the_means(make: Make) -> None:
    """By role and step; a step without a time adds nothing."""
    times = (
        StepTime(role="control-plane", step=StepId.CONTROL_PLANE_FIRST, seconds=100.0),
        StepTime(role="control-plane", step=StepId.CONTROL_PLANE_FIRST, seconds=200.0),
        StepTime(role="worker", step=StepId.DRAIN, seconds=10.25),
        StepTime(role="control-plane", step=StepId.DRAIN, seconds=1000.0),
    )
    assert plan_upgrade(make(records=times), OPTIONS).seconds == {HOP: 160.2}
    assert plan_upgrade(make(records=times[2:]), OPTIONS).seconds == {}, "the longest step has no time"


def test_kubeadm_s_own_words_are_shown_where_they_are_asked_for(make: Make) -> None:
    """A refusal is words, too."""
    session = make()
    of(session, FIRST).answers["upgrade diff"] = CommandFailedError("kubeadm", 1, "no such file")
    plan = plan_upgrade(session, dataclasses.replace(OPTIONS, with_kubeadm_output=True))
    assert plan.kubeadm["plan"] == "Upgrade to v1.37.2"
    assert plan.kubeadm["diff"].startswith("kubeadm gave no answer: ")
    assert "no such file" in plan.kubeadm["diff"]


def test_advice_asks_no_host(make: Make) -> None:
    """Minors in between are taken as to be had."""
    found = gather_cluster(make().cluster, parse_version("1.39.1"), FakeClock())
    assert [str(hop.target) for hop in found.hops] == ["1.37.0", "1.38.0", "1.39.1"]
    assert (found.hosts, found.members, found.drain.delete_emptydir_data) == ((), (), True)


def test_a_kubelet_that_tells_no_version_is_left_out() -> None:
    """It is not Ready, which is a finding of its own."""
    reading = facts(nodes=(node("a"), node("b", version="?"), node("c", version="1.35.1"))).cluster
    assert kubelet_versions(reading) == [parse_version("1.36.3"), parse_version("1.35.1")]


def plan_with(*findings: Finding) -> UpgradePlan:
    """Return a plan with these findings."""
    return UpgradePlan(parse_version("1.36.3"), parse_version("1.37.2"), (), (), findings, {}, {}, {}, {})


def test_a_plan_with_failures_is_refused_with_all_of_them() -> None:
    """One a line, with the name that --ignore takes; warnings alone stop nothing."""
    late = Finding("clock", "c", Severity.WARNING, "is late", "wait")
    require_plan(plan_with(late))
    failures = [Finding("disk", name, Severity.FAILURE, "is full\x1b[2J", "make room") for name in "ab"]
    with pytest.raises(BlockedError) as caught:
        require_plan(plan_with(*failures, late))
    assert caught.value.message.splitlines() == [rf"{name}: is full\x1b[2J; make room [disk]" for name in "ab"]
    assert "--ignore CHECK" in caught.value.hint


def test_what_kubeadm_refuses_is_a_finding_before_anything_is_changed(make: Make) -> None:
    """By the name of kubeadm's own check, which the stack's file can accept."""
    session = make()
    of(session, FIRST).fails("upgrade plan", "error: preflight:\n\t[ERROR CoreDNSMigration]: start version not supported\n")
    (found,) = [item for item in plan_upgrade(session, OPTIONS).findings if item.check == "kubeadm"]
    assert (found.severity, found.reason) == (Severity.FAILURE, "CoreDNSMigration: start version not supported")
    assert "ignorePreflightErrors: [CoreDNSMigration]" in found.hint


def test_a_gate_that_the_target_s_kubeadm_does_not_know_is_told_once(make: Make) -> None:
    """Its configuration is refused as a whole, which says the same."""
    session = make()
    gates = "apiVersion: kubeadm.k8s.io/v1beta4\nfeatureGates: {NodeLocalCRISocket: true}\n"
    assert isinstance(session.cluster, FakeCluster)
    body = orjson.dumps(config_map("kubeadm-config", {"ClusterConfiguration": gates}, namespace="kube-system"))
    session.cluster.replace(CONFIG_MAPS, "kube-system", "kubeadm-config", body, manager="t")
    of(session, FIRST).fails("config validate", "error: featureGates: NodeLocalCRISocket is not a valid feature name.")
    found = [item for item in plan_upgrade(session, OPTIONS).findings if item.check.startswith("kubeadm")]
    assert [(item.check, "NodeLocalCRISocket" in item.reason) for item in found] == [("kubeadm-config", True)]


def test_each_host_is_read_once(make: Make) -> None:
    """Then the target's programs are asked."""
    session = make()
    gather(session, OPTIONS)
    for item in session.nodes:
        assert sum("@@ installed" in command for command in of(session, item).commands) == 1


@pytest.mark.parametrize("strange", ["etcd: {local: [1], external: [2]}", "dns: [1]\nproxy: 3", "featureGates: 7", "etcd: 4"])
def test_a_configuration_of_a_strange_form_ends_no_plan(make: Make, strange: str) -> None:
    """A person has edited it; each check that cannot read it says so."""
    session = make()
    assert isinstance(session.cluster, FakeCluster)
    text = f"apiVersion: kubeadm.k8s.io/v1beta4\n{strange}\n"
    body = orjson.dumps(config_map("kubeadm-config", {"ClusterConfiguration": text}, namespace="kube-system"))
    session.cluster.replace(CONFIG_MAPS, "kube-system", "kubeadm-config", body, manager="t")
    assert [hop.key for hop in plan_upgrade(session, OPTIONS).hops] == [HOP]
