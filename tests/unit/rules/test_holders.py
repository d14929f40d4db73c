"""The pod that holds a volume mounted: where it runs, what it runs, and that it is told from others."""

from __future__ import annotations

from typing import Any

import pytest

from migrator.model.manifest import Manifest
from migrator.rules.holders import hint_of, holder_pod, holder_ref, is_holder, pause_image, why_waiting
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


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (
            {"containerStatuses": [{"state": {"waiting": {"reason": "ImagePullBackOff", "message": "no x"}}}]},
            "ImagePullBackOff: no x",
        ),
        ({"conditions": [{"status": "True"}, {"status": "False", "message": "0/3 nodes"}]}, "0/3 nodes"),
        ({"message": "mount failed", "conditions": [{"status": "False", "message": "unknown status"}]}, "mount failed"),
        ({"phase": "Pending"}, "Pending"),
        ({}, "nothing is told"),
    ],
)
def test_why_it_does_not_run_is_told_in_its_own_words(status: Manifest, words: str) -> None:
    """An image that is not there, no node for it, or nothing yet."""
    assert why_waiting({"status": status}) == words


def warning(reason: str, message: str, at: str, **more: Any) -> Manifest:
    """Return an event of a pod."""
    return {"type": "Warning", "reason": reason, "message": message, "lastTimestamp": at, **more}


CREATING = {"status": {"phase": "Pending", "containerStatuses": [{"state": {"waiting": {"reason": "ContainerCreating"}}}]}}


@pytest.mark.parametrize(
    ("events", "words"),
    [
        ([], "ContainerCreating"),
        ([{"type": "Normal", "reason": "Scheduled", "message": "it has a node"}], "ContainerCreating"),
        (
            [
                warning("FailedMount", "driver has no disk 1", "2026-01-01T00:00:02Z"),
                warning("FailedMount", "driver has no disk 2", "2026-01-01T00:00:03Z"),
                warning("FailedMount", "Unable to attach or mount volumes: unmounted volumes=[volume]", "2026-01-01T00:00:09Z"),
            ],
            "FailedMount: driver has no disk 2",
        ),
        (
            [warning("FailedMount", "Unable to attach or mount volumes: timed out", "2026-01-01T00:00:09Z")],
            "FailedMount: Unable to attach or mount volumes: timed out",
        ),
        (
            [
                warning(
                    "FailedAttachVolume", "new", "", eventTime="2026-01-01T00:00:05Z", series={"lastObservedTime": "2026-01-02T"}
                ),
                warning("FailedMount", "old", "2026-01-01T00:00:06Z"),
            ],
            "FailedAttachVolume: new",
        ),
        (
            [warning("FailedMount", "\x1b[2J\n\u202egone\n\n  again", "2026-01-01T00:00:02Z")],
            "FailedMount: \\x1b[2J \\u202egone again",
        ),
    ],
)
def test_why_a_volume_is_not_mounted_stands_in_events(events: list[Manifest], words: str) -> None:
    """The newest cause is told, in one line; the kubelet's summary names none."""
    assert why_waiting(CREATING, events) == words


def test_a_long_reason_is_cut_and_a_known_one_has_a_hint() -> None:
    """An event may hold as much as a request."""
    told = why_waiting(CREATING, [warning("FailedMount", "x" * 100_000, "")])
    assert (len(told), told[-1]) == (501, "…")
    assert hint_of('FailedAttachVolume: Multi-Attach error for volume "pv"').startswith("another node has the disk")
    assert hint_of("FailedMount: no such disk") == ""
