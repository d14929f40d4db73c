"""The kubeadm of each hop is asked on the first control plane."""

from __future__ import annotations

from dataclasses import replace

import pytest

from migrator.errors import HostError, MigratorError
from migrator.model.facts import ClusterReading, KubeadmReading
from migrator.model.version import parse_version
from migrator.upgrade.ask_kubeadm import ask_kubeadm
from migrator.upgrade.session import UpgradeSession
from tests.support.facts import hop
from tests.support.fake_cluster import FakeCluster
from tests.support.hosts import FakeHost
from tests.support.nodes import FIRST, spec
from tests.support.sessions import upgrade_session

HOPS = (hop("1.35.1", "1.36.3"), hop("1.36.3", "1.37.2"))
THERE = {"kubernetes": ("1.36.3", "1.37.2")}
CLUSTER = ClusterReading(parse_version("1.35.1"), cluster_config={"apiVersion": "kubeadm.k8s.io/v1beta4"})


def session(host: FakeHost) -> UpgradeSession:
    """Return a session of one node."""
    cluster = FakeCluster(version="v1.35.1")
    return upgrade_session(cluster=cluster, hosts={FIRST.name: host}, nodes=(FIRST,), spec=spec(ignore_preflight_errors=("Mem",)))


@pytest.fixture
def host() -> FakeHost:
    """Return a host with the programs of both versions."""
    found = FakeHost(FIRST.name)
    found.answers = {
        "version -o short": lambda command: "v1.36.3" if "1.36.3" in command else "v1.37.2",
        "init --help": lambda command: "OldGate=true|false\n" if "1.36.3" in command else "NewGate=true|false\n",
        "config images list": lambda command: f"r/etcd:3.{'6.9' if '1.36.3' in command else '7.3'}-0\nr/pause:3.10\n",
        "config validate": "",
        "upgrade plan": "Upgrade to it\n",
        "test -e /etc/kubernetes/manifests/etcd.yaml": "",
    }
    return found


def test_each_tells_of_etcd_the_last_of_gates_and_the_first_of_its_plan(host: FakeHost) -> None:
    """Kubeadm plans one minor at a time."""
    found = ask_kubeadm(session(host), CLUSTER, HOPS, THERE)
    assert found == KubeadmReading(frozenset({"NewGate"}), (), {HOPS[0].key: "3.6.9-0", HOPS[1].key: "3.7.3-0"}, "Upgrade to it")
    assert next(command for command in host.commands if "upgrade plan" in command).endswith(
        "--ignore-preflight-errors=Mem,CreateJob"
    )


def test_what_is_refused_is_told_by_its_name(host: FakeHost) -> None:
    """Of each hop what it cannot read, of the first what its checks say."""
    host.fails("upgrade plan", "error: x\n\t[ERROR CoreDNSMigration]: no\n")
    assert [item.check for item in ask_kubeadm(session(host), CLUSTER, HOPS, THERE).refusals] == ["CoreDNSMigration"]
    host.fails("config validate", "error: cannot unmarshal")
    refusals = ask_kubeadm(session(host), CLUSTER, HOPS, THERE).refusals
    assert [item.asked for item in refusals] == ["kubeadm 1.36.3 config validate", "kubeadm 1.37.2 config validate"]


def test_a_coredns_that_is_left_need_not_be_one_that_kubeadm_can_upgrade(host: FakeHost) -> None:
    """Its image is a person's own (coredns#3398): what kubeadm would say of it does not count."""
    ask_kubeadm(session(host), replace(CLUSTER, missing_addons=frozenset({"coredns"})), HOPS, THERE)
    command = next(command for command in host.commands if "upgrade plan" in command)
    assert command.endswith("--ignore-preflight-errors=Mem,CoreDNSUnsupportedPlugins,CoreDNSMigration,CreateJob")


@pytest.mark.parametrize("error", [HostError("away", hint=""), MigratorError("not whole")])
def test_what_cannot_be_asked_tells_nothing(host: FakeHost, error: Exception) -> None:
    """Its reason is a finding of another check; a version that is not in the source is not looked for."""
    host.answers["init --help"] = error
    assert ask_kubeadm(session(host), CLUSTER, HOPS, THERE).refusals == ()
    asked = len(host.commands)
    assert ask_kubeadm(session(host), CLUSTER, HOPS, {}) == KubeadmReading()
    assert not any("kubeadm" in command for command in host.commands[asked:])
