"""What is read of a real API server before an upgrade: removed APIs as they are used, webhooks' backends, the pod network."""

from __future__ import annotations

from collections.abc import Iterator

import orjson
import pytest

from migrator.adapters.clock import SystemClock
from migrator.cluster.pod_networks import WEAVE, await_networks, roll_weave
from migrator.config.stack import WeaveConfig
from migrator.kube.cluster import KubeCluster
from migrator.model.kinds import DAEMON_SETS
from migrator.model.ref import ResourceType
from migrator.testbed.binaries import Store
from migrator.testbed.planes import pair as bed
from migrator.testbed.planes.control_plane import Recipe
from migrator.testbed.versions import BLUE
from migrator.upgrade.read_cluster import examine_cluster
from tests.support.drains import workload
from tests.support.recorder import Recorder
from tests.support.sandbox import TYPES, Sandbox, until

OLD = ResourceType("networking.k8s.io", "v1beta1", "servicecidrs", "ServiceCIDR", False, frozenset())
GOES = "networking.k8s.io/v1beta1/ServiceCIDR"


@pytest.fixture(scope="module")
def aged(tmp_path_factory: pytest.TempPathFactory, store: Store) -> Iterator[KubeCluster]:
    """Start a control plane that still serves what the next minor does not."""
    made = bed.Testbed(tmp_path_factory.mktemp("aged"), store, lambda _: None)
    flags = ("--runtime-config=networking.k8s.io/v1beta1=true",)
    yield made.up((Recipe("blue", BLUE, controllers=False, api_flags=flags),))["blue"].cluster(patience=30)
    made.down()


def test_a_removed_api_is_found_by_its_clients_its_writers_and_its_objects(aged: KubeCluster) -> None:
    """The server's own metric, managedFields and the objects; and looking makes us no client of it."""
    before = examine_cluster(aged, 37)
    assert before.requested == {}
    body = {
        "apiVersion": "networking.k8s.io/v1beta1",
        "kind": "ServiceCIDR",
        "metadata": {"name": "more"},
        "spec": {"cidrs": ["10.97.0.0/24"]},
    }
    aged.create(OLD, "", orjson.dumps(body), manager="helm")
    after = examine_cluster(aged, 37)
    assert after.counts[GOES] == before.counts[GOES] + 1
    assert after.requested == {"networking.k8s.io/v1beta1 servicecidrs": "1.37"}
    assert {(use.subject, use.api_version, use.manager) for use in after.stale} == {
        ("ServiceCIDR.networking.k8s.io/more", "networking.k8s.io/v1beta1", "helm")
    }
    assert examine_cluster(aged, 36).counts == {}


def test_what_may_not_be_read_is_named(aged: KubeCluster) -> None:
    """A cluster that is not kubeadm's has no settings of kubeadm; that is no error here, but a finding of the checks."""
    seen = examine_cluster(aged, 37)
    assert seen.unread == ()
    assert seen.cluster_config == {}
    assert str(seen.version) == BLUE


def test_weave_net_is_rolled_to_its_version_and_waited_for(sandbox: Sandbox) -> None:
    """A DaemonSet of another version gets new images, and is waited for until every pod has them; again it stays as it is."""
    blue = sandbox.pair.blue
    daemon = workload(
        "DaemonSet", WEAVE, "nowhere", containers=[{"name": "weave", "image": "docker.io/rajchaudhuri/weave-kube:2.8.1"}]
    )
    blue.create(DAEMON_SETS, "kube-system", orjson.dumps({**daemon, "metadata": {"name": WEAVE}}), manager="kubectl-create")
    try:
        assert roll_weave(blue, WeaveConfig(registry="docker.io/rajchaudhuri", version="2.9.0"), reporter=Recorder())
        await_networks(blue, clock=SystemClock(), reporter=Recorder())
        found = blue.get(DAEMON_SETS, "kube-system", WEAVE)
        assert found["spec"]["template"]["spec"]["containers"][0]["image"] == "docker.io/rajchaudhuri/weave-kube:2.9.0"
        assert found["status"]["observedGeneration"] == found["metadata"]["generation"]
        assert not roll_weave(blue, WeaveConfig(registry="docker.io/rajchaudhuri", version="2.9.0"), reporter=Recorder())
    finally:
        blue.delete(DAEMON_SETS, "kube-system", WEAVE, uid=blue.get(DAEMON_SETS, "kube-system", WEAVE)["metadata"]["uid"])


def test_advice_is_given_from_a_kubeconfig_alone(sandbox: Sandbox) -> None:
    """The cluster is read, nothing is changed, and it is said that no host was looked at."""
    sandbox.on_blue(
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": "alone"},
            "spec": {"containers": [{"name": "m", "image": "web:1"}]},
        }
    )
    until(lambda: bool(sandbox.pair.blue.get(TYPES["Pod"], sandbox.namespace, "alone")["spec"].get("nodeName")))
    words = ("advise", "--to", "1.37.2", "--kubeconfig", str(sandbox.pair.kubeconfig), "--context", "blue")
    shown = sandbox.run(*words, "-o", "json")
    advice = shown.document
    assert (advice["from"], advice["to"], advice["hosts_read"]) == (BLUE, "1.37.2", False)
    in_place = next(way for way in advice["ways"] if way["path"] == "in-place")
    assert any(f"{sandbox.namespace}/alone: no controller makes it again" in text for text in in_place["obstacles"])
    assert advice["path"] != "in-place"
    text = sandbox.run(*words)
    assert "no host was read" in text.out
    assert sandbox.run("advise", "--to", "soon", "--kubeconfig", str(sandbox.pair.kubeconfig)).code == 2
