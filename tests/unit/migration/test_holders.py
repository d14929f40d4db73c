"""Pods that hold CSI volumes mounted: made where none does, announced before, taken over after a kill, and removed in the end."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from migrator.errors import BlockedError
from migrator.journal.records.data import DataPassAnnounced, HolderAnnounced, HolderRemoved
from migrator.migration.data.verbs import bring_back, clean_data, copy_data, finish_data
from migrator.model.events import Step
from migrator.model.kinds import NODES, PODS
from migrator.model.manifest import Manifest
from migrator.model.volumes import PlaceKind
from migrator.rules.field_owners import FENCE
from migrator.rules.holders import holder_pod, holder_ref
from tests.support.claims_stand import ALL, Stand, stand
from tests.support.holding import holders, run_holders
from tests.support.objects import made

CSI = {"driver": "disk.example.com", "volumeHandle": "vol/1"}
NAME = holder_ref("shop/data").name


def csi_stand(tmp_path: Path, *, modes: tuple[str, ...] = ("ReadWriteOnce",), text: str = "") -> Stand:
    """Return a stand whose only claim has volumes of a CSI driver on both sides, with kubelets that run pods at once."""
    one = stand(tmp_path, text=text)
    for side, cluster in (("blue", one.blue), ("green", one.green)):
        annotations = {"pv.kubernetes.io/provisioned-by": CSI["driver"]}
        spec = {"csi": {**CSI, "volumeHandle": f"vol/{side}"}, "accessModes": [*modes]}
        claim = made("v1", "PersistentVolumeClaim", "data", namespace="shop", spec={"volumeName": f"pv-{side}"})
        node = made("v1", "Node", "m", status={"images": [{"names": ["registry.k8s.io/pause:3.10"]}]})
        cluster.hold(
            made("v1", "PersistentVolume", f"pv-{side}", annotations=annotations, spec=spec),
            {**claim, "status": {"phase": "Bound"}},
            node,
        )
    run_holders(one.session.run.clock, one.blue, one.green)  # type: ignore[arg-type]
    return one


def test_a_copy_takes_the_workloads_mount_on_blue_and_a_pod_on_green(tmp_path: Path) -> None:
    """The pod is announced before the pass, and gone after it; blue gets none while its workload has the volume mounted."""
    one = csi_stand(tmp_path)
    one.hold("blue", "db-0", "data")
    one.there.during = lambda: seen.extend([*holders(one.blue), *holders(one.green)])
    seen: list[Manifest] = []
    (outcome,) = copy_data(one.session, one.movers, ALL)
    assert outcome.error is None
    (job,) = one.there.jobs
    assert (job.source.node, job.source.pod, job.source.kind) == ("n", "", PlaceKind.CSI)
    assert [pod["metadata"]["uid"] for pod in seen] == [job.target.pod]
    assert (job.target.node, job.target.path) == ("m", "disk.example.com/pv-green/vol/green")
    assert [*holders(one.blue), *holders(one.green)] == []
    records = [type(item) for item in one.journal.records if isinstance(item, HolderAnnounced | HolderRemoved | DataPassAnnounced)]
    assert records == [HolderAnnounced, DataPassAnnounced, HolderRemoved]
    assert one.session.run.state.unknown == ()


def test_a_last_pass_and_the_way_back_hold_both_sides(tmp_path: Path) -> None:
    """Nobody else has them mounted then; green's pod comes to the host that has the lists of earlier passes."""
    one = csi_stand(tmp_path)
    copy_data(one.session, one.movers, ALL)
    one.movers = replace(one.movers, green_nodes=("m",))
    both: list[tuple[int, int]] = []
    for act, mover in ((finish_data, one.there), (bring_back, one.back)):
        both.clear()
        mover.during = lambda: both.append((len(holders(one.blue)), len(holders(one.green))))
        (outcome,) = act(one.session, one.movers, ALL)
        assert outcome.error is None
        assert both == [(1, 1)]
        assert mover.jobs[-1].source.pod != mover.jobs[-1].target.pod != ""
    assert [*holders(one.blue), *holders(one.green)] == []


def test_what_a_killed_run_has_left_is_taken_over_or_removed(tmp_path: Path) -> None:
    """The next pass goes on with the same pod; any verb about data ends with none."""
    one = csi_stand(tmp_path)
    body = json.dumps(holder_pod("shop/data", "pause:1", node="m", nodes=())).encode()
    one.green.create(PODS, "shop", body, manager=FENCE)
    one.session.run.write(HolderAnnounced(claim="shop/data", side="green", pod=f"shop/{NAME}"))
    assert list(one.session.run.state.unknown) == [f"pod shop/{NAME} of green was announced, and that it is gone was not confirmed"]
    uid = holders(one.green)[0]["metadata"]["uid"]
    copy_data(one.session, one.movers, ALL)
    assert one.there.jobs[0].target.pod == uid
    assert holders(one.green) == []
    one.green.create(PODS, "shop", body, manager=FENCE)
    one.session.run.write(HolderAnnounced(claim="shop/data", side="green", pod=f"shop/{NAME}"))
    clean_data(one.session, one.movers, ALL)
    assert holders(one.green) == []
    assert list(one.session.run.state.unknown) == []


def test_a_pod_of_its_name_that_is_not_ours_is_left_alone(tmp_path: Path) -> None:
    """It is neither taken over nor deleted."""
    one = csi_stand(tmp_path)
    one.green.hold(made("v1", "Pod", NAME, namespace="shop", spec={"containers": []}))
    (outcome,) = copy_data(one.session, one.movers, ALL)
    assert "that is not of this tool" in str(outcome.error)
    assert one.there.jobs == []
    assert [pod["metadata"]["name"] for pod in one.green.list(PODS, "shop")] == [NAME]


@pytest.mark.parametrize("text", ["", "volumes: {holderImage: 'mine:1'}"])
def test_an_image_that_no_node_tells_of_is_asked_for(tmp_path: Path, text: str) -> None:
    """Nothing is made without one."""
    one = csi_stand(tmp_path, text=text)
    for cluster in (one.blue, one.green):
        cluster.patch(NODES, "", "m", {"status": {"images": []}}, manager="k", subresource="status")
    (outcome,) = copy_data(one.session, one.movers, ALL)
    assert (outcome.error is None) is bool(text)
    if not text:
        assert isinstance(outcome.error, BlockedError)
        assert outcome.error.hint.startswith("volumes.holderImage names one")


def test_a_pod_that_does_not_come_up_ends_the_claim_with_its_own_words(tmp_path: Path) -> None:
    """And is removed."""
    one = csi_stand(tmp_path)
    clock = one.session.run.clock
    clock._due.clear()  # type: ignore[attr-defined]
    (outcome,) = copy_data(one.session, one.movers, ALL)
    assert "does not run: its kubelet has not begun with it" in str(outcome.error)
    assert holders(one.green) == []


def test_what_keeps_a_pod_from_running_is_told_while_it_is_waited_for_and_at_the_end(tmp_path: Path) -> None:
    """Once in between, with the words of its own events; those of another pod and what is normal do not count."""
    one = csi_stand(tmp_path)
    one.hold("blue", "db-0", "data")
    clock = one.session.run.clock
    clock._due.clear()  # type: ignore[attr-defined]

    def warn() -> None:
        uid = holders(one.green)[0]["metadata"]["uid"]
        for number, (kind, of) in enumerate((("Warning", uid), ("Warning", "other"), ("Normal", uid))):
            more = {"type": kind, "reason": "FailedAttachVolume", "message": f"Multi-Attach error {number}"}
            one.green.hold(made("v1", "Event", f"e{number}", namespace="shop") | more | {"involvedObject": {"uid": of}})

    clock.after(1.0, warn)  # type: ignore[attr-defined]
    (outcome,) = copy_data(one.session, one.movers, ALL)
    assert isinstance(outcome.error, BlockedError)
    assert outcome.error.message.endswith("does not run: FailedAttachVolume: Multi-Attach error 0")
    assert outcome.error.hint.startswith("another node has the disk")
    told = [event.text for event in one.shown.events if isinstance(event, Step) and "does not run yet" in event.text]
    assert len(told) == 1
    assert "FailedAttachVolume: Multi-Attach error 0; at most 180 s are waited for it" in told[0]
