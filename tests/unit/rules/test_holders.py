"""The pod that holds a volume mounted: where it runs, what it runs, and that it is told from others."""

from __future__ import annotations

import pytest

from migrator.model.manifest import Manifest
from migrator.rules.holders import hint_of, holder_pod, holder_ref, is_holder, pause_image
from migrator.rules.volumes import claims_of
from tests.support.objects import made


def test_it_uses_no_claim_in_the_sense_of_a_workload() -> None:
    """Else it would itself be who uses the volume, in the plan and between stop and start."""
    pod = holder_pod("shop/data", "pause:1", node="n1", nodes=("n1",))
    assert is_holder(pod)
    assert claims_of(pod) == []
    del pod["metadata"]["labels"]
    assert claims_of(pod) == ["shop/data"]


def test_it_runs_beside_the_workload_or_on_a_host_that_is_named() -> None:
    """By the scheduler where no node is known, who knows where a driver's volume may be."""
    beside = holder_pod("shop/data", "pause:1", node="n1", nodes=("n1", "n2"))["spec"]
    assert (beside["nodeName"], beside.get("affinity")) == ("n1", None)
    free = holder_pod("shop/data", "pause:1", node="", nodes=("n2", "n1"))["spec"]
    terms = free["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]["nodeSelectorTerms"]
    assert [term["matchFields"][0]["values"] for term in terms] == [["n1"], ["n2"]]
    assert "nodeName" not in free
    assert holder_ref("shop/data") != holder_ref("shop/other")


def test_a_block_device_is_held_as_a_device() -> None:
    """The kubelet gives a container none that is asked for as a mount, and the other way round."""
    (container,) = holder_pod("shop/data", "pause:1", node="n1", nodes=(), block=True)["spec"]["containers"]
    assert (container["volumeDevices"], "volumeMounts" in container) == ([{"name": "volume", "devicePath": "/dev/volume"}], False)
    (container,) = holder_pod("shop/data", "pause:1", node="n1", nodes=())["spec"]["containers"]
    assert (container["volumeMounts"][0]["readOnly"], "volumeDevices" in container) == (True, False)


@pytest.mark.parametrize(
    ("names", "image"),
    [
        (["registry.k8s.io/pause@sha256:ab", "registry.k8s.io/pause:3.10"], "registry.k8s.io/pause:3.10"),
        (["docker.io/rancher/mirrored-pause:3.6"], "docker.io/rancher/mirrored-pause:3.6"),
        (["10.0.0.1:5000/pause-arm64:3.9"], "10.0.0.1:5000/pause-arm64:3.9"),
        (["example.com/pause-my-work/app:1", "example.com/menopause:1", 7], ""),
    ],
)
def test_the_pause_image_is_found_by_the_name_that_nodes_report(names: list[str], image: str) -> None:
    """With its tag: a digest is of one architecture's list on some registries."""
    nodes: list[Manifest] = [
        made("v1", "Node", "other", status={"images": [{"names": ["x/pause:other"]}]}) if image else made("v1", "Node", "other"),
        made("v1", "Node", "n1", status={"images": [{"names": ["app:1"]}, {}, {"names": names}]}),
    ]
    assert pause_image(nodes, ("n1",)) == image


def test_a_known_reason_has_a_hint() -> None:
    """Of a volume that cannot be attached; others are told by `kubectl describe`."""
    assert hint_of('FailedAttachVolume: Multi-Attach error for volume "pv"').startswith("another node has the disk")
    assert hint_of("FailedMount: no such disk") == ""
