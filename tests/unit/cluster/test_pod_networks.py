"""kube-system's DaemonSets are waited for, and Weave Net is brought to a version."""

from __future__ import annotations

from typing import Any

import pytest

from migrator.cluster.pod_networks import WEAVE, await_networks, roll_weave, weave_change
from migrator.config.stack import WeaveConfig
from migrator.errors import GateFailedError
from migrator.model.kinds import DAEMON_SETS
from tests.support.clock import FakeClock
from tests.support.fake_cluster import FakeCluster
from tests.support.objects import made, pod_template
from tests.support.recorder import Recorder

WEAVE_NET = WeaveConfig(
    registry="registry.example.com/weave", version="2.9.0", digests=dict.fromkeys(("weave-kube", "weave-npc"), f"sha256:{'a' * 64}")
)


def daemon(name: str, *, updated: int = 2, image: str = "docker.io/weaveworks/weave-kube:2.8.1") -> dict[str, Any]:
    """Return a DaemonSet on two nodes, with this many pods of the newest template."""
    template = pod_template(name)
    template["spec"]["containers"][0]["image"] = image
    template["spec"]["initContainers"] = [{"name": "init", "image": image}]
    spec = {"selector": {"matchLabels": {"app": name}}, "template": template, "updateStrategy": {"type": "RollingUpdate"}}
    numbers = ("desiredNumberScheduled", "currentNumberScheduled", "numberReady", "numberAvailable")
    status = {**dict.fromkeys(numbers, 2), "updatedNumberScheduled": updated, "observedGeneration": 1}
    return made("apps/v1", "DaemonSet", name, namespace="kube-system", spec=spec, status=status)


def test_what_has_rolled_out_is_not_waited_for() -> None:
    """No time passes and nothing is told."""
    clock, recorder = FakeClock(), Recorder()
    cluster = FakeCluster(clock=clock)
    cluster.hold(daemon("kube-proxy"), daemon(WEAVE))
    await_networks(cluster, clock=clock, reporter=recorder)
    assert (clock.slept, recorder.events) == ([], [])


def test_a_daemonset_that_does_not_roll_out_is_named_with_its_numbers() -> None:
    """After ten minutes; that it is waited for is told once."""
    clock, recorder = FakeClock(), Recorder()
    cluster = FakeCluster(clock=clock)
    cluster.hold(daemon("kube-proxy"), daemon(WEAVE, updated=1))
    with pytest.raises(GateFailedError, match="not rolled out after 600 s: weave-net: 1 of 2"):
        await_networks(cluster, clock=clock, reporter=recorder)
    assert 600 <= clock.monotonic() < 602
    assert len(recorder.events) == 1


def test_weave_net_is_changed_once_in_all_of_its_containers() -> None:
    """Registry and version are new, the program's name stays; a second time there is nothing to do."""
    cluster = FakeCluster()
    cluster.hold(daemon("kube-proxy"), daemon(WEAVE))
    assert roll_weave(cluster, WEAVE_NET, reporter=Recorder())
    spec = cluster.get(DAEMON_SETS, "kube-system", WEAVE)["spec"]["template"]["spec"]
    images = {item["image"] for field in ("initContainers", "containers") for item in spec[field]}
    assert images == {f"registry.example.com/weave/weave-kube:2.9.0@sha256:{'a' * 64}"}
    assert not roll_weave(cluster, WEAVE_NET, reporter=Recorder())


def test_a_cluster_of_another_pod_network_is_left_alone() -> None:
    """There is no DaemonSet of that name."""
    cluster = FakeCluster()
    cluster.hold(daemon("kube-proxy"))
    assert not roll_weave(cluster, WEAVE_NET, reporter=Recorder())
    assert not any(request.startswith("patch ") for request in cluster.requests)


@pytest.mark.parametrize(
    ("image", "weave", "changed"),
    [
        ("docker.io/weaveworks/weave-kube:2.8.1", WeaveConfig(), False),
        ("ghcr.io/weaveworks/launcher/weave-kube:2.8.1", WeaveConfig(mtu=1400), False),
        ("docker.io/weaveworks/weave-kube:2.8.1", WeaveConfig(version="2.9.0"), True),
        ("rajchaudhuri/weave-kube:2.8.1", WeaveConfig(), True),
        ("docker.io/rajchaudhuri/weave-kube:2.9.0", WeaveConfig(), False),
    ],
)
def test_images_of_a_persons_own_manifest_stay_unless_others_are_asked_for(
    image: str, weave: WeaveConfig, *, changed: bool
) -> None:
    """A default of this tool is nobody's wish: 2.9.0 takes another back end of iptables (rajch/weave#20)."""
    cluster = FakeCluster()
    cluster.hold(daemon(WEAVE, image=image))
    assert roll_weave(cluster, weave, reporter=Recorder()) is changed
    assert any(request.startswith("patch ") for request in cluster.requests) is changed


def test_a_change_says_whether_the_back_end_is_told() -> None:
    """To any container of the pod network."""
    found = daemon(WEAVE)
    change = weave_change([found], WEAVE_NET)
    assert change is not None
    assert (change.before, change.backend_told) == ("docker.io/weaveworks/weave-kube:2.8.1", False)
    found["spec"]["template"]["spec"]["containers"][0]["env"] = [{"name": "IPTABLES_BACKEND", "value": "nft"}]
    told = weave_change([found], WEAVE_NET)
    assert told is not None
    assert told.backend_told
    assert weave_change([{**found, "metadata": {"name": WEAVE, "namespace": "other"}}], WEAVE_NET) is None
