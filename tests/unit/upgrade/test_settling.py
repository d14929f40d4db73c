"""What a run waits for between two nodes."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

import pytest

from migrator.errors import GateFailedError
from migrator.model.kinds import PODS
from migrator.model.manifest import Manifest, ref_of
from migrator.nodes.spec import NodeSpec
from migrator.upgrade.session import UpgradeSession
from migrator.upgrade.settling import ready_workloads, settle
from tests.support.clock import FakeClock
from tests.support.fake_cluster import FakeCluster
from tests.support.nodes import FIRST, WORKER
from tests.support.objects import made
from tests.support.recorder import Recorder
from tests.support.sessions import upgrade_session


def session_on(cluster: FakeCluster, clock: FakeClock) -> UpgradeSession:
    """Return a session on a cluster, with time that passes only when somebody waits."""
    return upgrade_session(cluster=cluster, hosts={}, clock=clock)


def system_pod(on: NodeSpec, *, ready: bool, namespace: str = "kube-system") -> Manifest:
    """Return a pod of a node."""
    conditions = [{"type": "Ready", "status": "True" if ready else "False"}]
    manifest = made("v1", "Pod", f"proxy-{on.name}", namespace=namespace, status={"phase": "Running", "conditions": conditions})
    return manifest | {"spec": {"nodeName": on.name, "containers": [{"name": "main", "image": "i:1"}]}}


def deployment(name: str, ready: int) -> Manifest:
    """Return a Deployment of two replicas, some of them ready."""
    template = {"metadata": {"labels": {"app": name}}, "spec": {"containers": [{"name": "main", "image": "i:1"}]}}
    shape: dict[str, Any] = {"replicas": 2, "selector": {"matchLabels": {"app": name}}, "template": template}
    status = {"observedGeneration": 1, "replicas": 2, "updatedReplicas": 2, "readyReplicas": ready, "availableReplicas": ready}
    manifest = made("apps/v1", "Deployment", name, namespace="default", spec=shape, status=status)
    manifest["metadata"]["generation"] = 1
    return manifest


def becomes_ready(cluster: FakeCluster, pod: Manifest) -> None:
    """Let a pod that is held be ready."""
    name, namespace = pod["metadata"]["name"], pod["metadata"]["namespace"]
    found = cluster.get(PODS, namespace, name)
    cluster.delete(PODS, namespace, name, uid=found["metadata"]["uid"])
    node = next(item for item in (FIRST, WORKER) if item.name == pod["spec"]["nodeName"])
    cluster.hold(system_pod(node, ready=True))


def test_a_worker_that_is_ready_is_not_waited_for() -> None:
    """Its system pods are ready, and so are the workloads; pods of other nodes do not matter."""
    cluster, clock = FakeCluster(), FakeClock()
    cluster.hold(system_pod(WORKER, ready=True), system_pod(FIRST, ready=False), deployment("web", 2))
    settle(session_on(cluster, clock), WORKER, ready_workloads(cluster))
    assert clock.slept == []


def test_a_control_plane_must_be_ready_for_ten_seconds() -> None:
    """A new kubelet restarts its static pods some seconds after it is Ready."""
    cluster, clock = FakeCluster(), FakeClock()
    cluster.hold(system_pod(FIRST, ready=True))
    settle(session_on(cluster, clock), FIRST, frozenset())
    assert 10 <= clock.monotonic() < 11


def test_a_control_plane_whose_kubelet_is_the_old_one_need_not_stay_ready_for_so_long() -> None:
    """Before the emulated version is raised no kubelet was changed."""
    cluster, clock = FakeCluster(), FakeClock()
    cluster.hold(system_pod(FIRST, ready=True))
    settle(session_on(cluster, clock), FIRST, frozenset(), steady=False)
    assert clock.slept == []


def test_a_system_pod_is_waited_for() -> None:
    """The run goes on when it is ready, and counts a control plane's ten seconds from then."""
    cluster, clock = FakeCluster(), FakeClock()
    pod = system_pod(FIRST, ready=False)
    cluster.hold(pod)
    clock.after(30, lambda: becomes_ready(cluster, pod))
    settle(session_on(cluster, clock), FIRST, frozenset())
    assert 40 <= clock.monotonic() < 41


def test_a_workload_that_was_ready_before_is_waited_for_and_named() -> None:
    """After five minutes the run stops: another drain could take its last replica."""
    cluster, clock = FakeCluster(), FakeClock()
    cluster.hold(deployment("web", 1))
    with pytest.raises(GateFailedError, match=r"not all is ready after 300 s: .*web") as caught:
        settle(session_on(cluster, clock), WORKER, frozenset({str(ref_of(deployment("web", 2)))}))
    assert "migrator upgrade resume" in caught.value.hint
    assert clock.monotonic() == pytest.approx(300.5, abs=1.0)


def test_a_workload_that_was_not_ready_before_is_nobody_s_fault() -> None:
    """Only what had all of its replicas is remembered before a drain."""
    cluster, clock = FakeCluster(), FakeClock()
    cluster.hold(deployment("web", 2), deployment("broken", 0))
    ready = ready_workloads(cluster)
    assert {item.rpartition("/")[2] for item in ready} == {"web"}
    settle(session_on(cluster, clock), WORKER, ready)
    assert clock.slept == []


def test_an_api_server_that_is_not_ready_is_waited_for() -> None:
    """Its list of pods would be of before; it is asked again."""
    cluster, clock = FakeCluster(), FakeClock()
    cluster.ready = False
    clock.after(20, lambda: setattr(cluster, "ready", True))
    settle(session_on(cluster, clock), WORKER, frozenset())
    assert 20 <= clock.monotonic() < 21


STATIC = {"annotations": {"kubernetes.io/config.mirror": "x"}}
EVICTED = {"phase": "Failed", "reason": "Evicted"}
ILL = {"phase": "Running", "conditions": [{"type": "Ready", "status": "False"}]}


def owned(kind: str) -> dict[str, Any]:
    """Return the metadata of a pod that has a controller of this kind."""
    return {"ownerReferences": [{"kind": kind, "name": "c", "uid": "u", "controller": True}]}


@pytest.mark.parametrize(
    ("metadata", "status", "waits"),
    [
        ({}, EVICTED, False),
        (owned("DaemonSet"), EVICTED, False),
        (STATIC, EVICTED, True),
        (owned("DaemonSet"), ILL, True),
        (owned("ReplicaSet"), ILL, False),
        (owned("Job"), ILL, False),
    ],
)
def test_a_pod_that_nobody_needs_holds_no_node_up(metadata: dict[str, Any], status: dict[str, Any], *, waits: bool) -> None:
    """Evicted ones stay for ever (kubernetes#113278); replicas are judged with their workload, which may have been ill before."""
    cluster, clock = FakeCluster(), FakeClock()
    pod = system_pod(WORKER, ready=False) | {"status": status}
    pod["metadata"] |= metadata
    cluster.hold(pod)
    with pytest.raises(GateFailedError) if waits else nullcontext():
        settle(session_on(cluster, clock), WORKER, frozenset())
    assert bool(clock.slept) is waits


def test_pods_that_the_new_kubelet_did_not_take_are_named() -> None:
    """Their devices were not back yet; replicas come, and what failed stays behind (kubernetes#125579)."""
    cluster, clock = FakeCluster(), FakeClock()
    ghost = system_pod(WORKER, ready=False, namespace="default") | {
        "status": {"phase": "Failed", "reason": "UnexpectedAdmissionError"}
    }
    cluster.hold(system_pod(WORKER, ready=True), ghost)
    session = session_on(cluster, clock)
    settle(session, WORKER, frozenset())
    assert isinstance(session.reporter, Recorder)
    said = [str(event) for event in session.reporter.events]
    assert any("default/proxy-green-2 failed on green-2 (UnexpectedAdmissionError)" in text for text in said)
