"""Volumes themselves go to green and back, on two real control planes: no host, no copy, and never two users."""

from __future__ import annotations

from typing import Any

import pytest

from migrator.model.manifest import Manifest, get
from tests.support.objects import made
from tests.support.sandbox import TYPES, Sandbox, one_line, until

DRIVER = "disk.example.com"


def volume(sandbox: Sandbox, **source: Any) -> Manifest:
    """Return a volume as a provisioner has made it for the sandbox's claim."""
    spec = {
        "capacity": {"storage": "1Gi"},
        "accessModes": ["ReadWriteOnce"],
        "storageClassName": "shared",
        "persistentVolumeReclaimPolicy": "Delete",
        "claimRef": {"namespace": sandbox.namespace, "name": "data"},
        **source,
    }
    annotations = {"pv.kubernetes.io/provisioned-by": "shared.example.com"}
    return made("v1", "PersistentVolume", f"{sandbox.namespace}-pv", annotations=annotations, spec=spec)


def bound(sandbox: Sandbox, side: str) -> bool:
    """Return whether the claim is bound to its volume on a side."""
    claim = sandbox.blue("PersistentVolumeClaim", "data") if side == "blue" else sandbox.green("PersistentVolumeClaim", "data")
    return (get(claim, "status", "phase"), get(claim, "spec", "volumeName")) == ("Bound", f"{sandbox.namespace}-pv")


def shared(sandbox: Sandbox, *more: Manifest, way: str = "handOver", **source: Any) -> None:
    """Let a claim of blue lie on shared storage, and copy it to green."""
    sandbox.configure(volumes={"detachTimeout": "1s", "claims": [{"claims": ["*/data"], "way": way}]})
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}, "storageClassName": "shared"}
    sandbox.on_blue(volume(sandbox, **source), made("v1", "PersistentVolumeClaim", "data", spec=spec), *more)
    until(lambda: bound(sandbox, "blue"))
    assert sandbox.run("copy").code == 0


def planned(sandbox: Sandbox) -> dict[str, Any]:
    """Return the plan of the only claim."""
    (row,) = sandbox.run("data", "plan", "-o", "json").document
    return dict(row)


def data_findings(sandbox: Sandbox) -> list[str]:
    """Return what validate says about the claim's data."""
    return [item["reason"] for item in sandbox.json("validate").document["findings"] if item["check"] == "data"]


def test_an_nfs_volume_goes_to_green_and_back_and_there_again(sandbox: Sandbox) -> None:
    """Green's claim waits, whatever its class would provision; blue retains the volume; each step is in the journal before it."""
    export = {"server": "nas.example.com", "path": f"/export/{sandbox.namespace}"}
    shared(sandbox, nfs=export)
    name = f"{sandbox.namespace}-pv"
    assert sandbox.absent("PersistentVolume", name)
    assert get(sandbox.green("PersistentVolumeClaim", "data"), "spec", "volumeName") == name
    row = planned(sandbox)
    assert (row["way"], row["ready"], row["storage"]) == ("handOver", True, f"NFS export nas.example.com:{export['path']}")
    assert "data is NOT there yet" in data_findings(sandbox)[0]
    done = sandbox.run("data", "finish", "--yes")
    assert (done.code, "nothing was copied" in done.out) == (0, True)
    assert bound(sandbox, "green")
    assert get(sandbox.blue("PersistentVolume", name), "spec", "persistentVolumeReclaimPolicy") == "Retain"
    assert get(sandbox.green("PersistentVolume", name), "spec", "nfs") == export
    assert get(sandbox.green("PersistentVolume", name), "spec", "persistentVolumeReclaimPolicy") == "Retain"
    assert data_findings(sandbox) == []
    assert "green has volume" in sandbox.run("data", "status").out
    assert sandbox.run("data", "back", "--yes").code == 0
    assert bound(sandbox, "blue")
    assert "blue has volume" in sandbox.run("data", "status").out
    assert sandbox.run("data", "finish", "--yes").code == 0
    directions = [item["direction"] for item in sandbox.events("volume-handed-over")]
    assert directions == ["to-green", "to-blue", "to-green"]
    assert [item.get("policy", "") for item in sandbox.events("volume-hand-over")] == ["Delete", "", ""]


def test_a_disk_that_blue_has_attached_is_not_handed_over(sandbox: Sandbox) -> None:
    """By a VolumeAttachment, whether a pod is there or not; the same on the way back."""
    attachment = made(
        "storage.k8s.io/v1",
        "VolumeAttachment",
        f"{sandbox.namespace}-va",
        spec={"attacher": DRIVER, "nodeName": "n1", "source": {"persistentVolumeName": f"{sandbox.namespace}-pv"}},
    )
    drivers = made("storage.k8s.io/v1", "CSINode", f"{sandbox.namespace}-n", spec={"drivers": [{"name": DRIVER, "nodeID": "1"}]})
    shared(sandbox, attachment, csi={"driver": DRIVER, "volumeHandle": sandbox.namespace})
    sandbox.on_green(drivers)
    until(lambda: bool(planned(sandbox)["ready"]))
    failed = sandbox.run("data", "finish", "--yes")
    assert (failed.code, "node n1 has it attached (VolumeAttachment)" in failed.out) == (4, True)
    assert sandbox.absent("PersistentVolume", f"{sandbox.namespace}-pv")
    kind = TYPES["VolumeAttachment"]
    there = sandbox.blue("VolumeAttachment", f"{sandbox.namespace}-va")
    sandbox.pair.blue.delete(kind, "", there["metadata"]["name"], uid=there["metadata"]["uid"])
    assert sandbox.run("data", "finish", "--yes").code == 0
    assert bound(sandbox, "green")
    sandbox.on_green(attachment)
    failed = sandbox.run("data", "back", "--yes")
    assert (failed.code, "green has not let go" in failed.out) == (4, True)


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ({"csi": {"driver": "driver.longhorn.io", "volumeHandle": "v"}}, "Longhorn keeps it on disks of blue's nodes"),
        ({"csi": {"driver": "nobody.example.com", "volumeHandle": "v"}}, "no node of green has CSI driver nobody.example.com"),
        ({"hostPath": {"path": "/srv/x"}}, "folder of one host"),
    ],
)
def test_what_green_cannot_take_over_is_refused(sandbox: Sandbox, source: dict[str, Any], words: str) -> None:
    """In the plan, before anything changes."""
    shared(sandbox, **source)
    row = planned(sandbox)
    assert (row["way"], row["ready"], words in row["reason"]) == ("handOver", False, True)
    refused = sandbox.run("data", "finish", "--yes")
    assert "no claim can be copied now" in one_line(refused)
    assert get(sandbox.blue("PersistentVolume", f"{sandbox.namespace}-pv"), "spec", "persistentVolumeReclaimPolicy") == "Delete"


def test_a_disk_that_changed_sides_with_its_board_is_adopted(sandbox: Sandbox) -> None:
    """The board is a node of green now: its folder becomes green's volume there, and nothing is copied."""
    board = f"board-{sandbox.namespace}"
    terms = [{"matchExpressions": [{"key": "kubernetes.io/hostname", "operator": "In", "values": [board]}]}]
    affinity = {"required": {"nodeSelectorTerms": terms}}
    shared(sandbox, way="adopt", local={"path": "/srv/data"}, nodeAffinity=affinity)
    assert "no node of green is the machine" in planned(sandbox)["reason"]
    sandbox.on_green(made("v1", "Node", board, labels={"kubernetes.io/hostname": board}))
    assert planned(sandbox)["storage"] == f"folder {board}:/srv/data, where it lies"
    assert sandbox.run("data", "finish", "--yes").code == 0
    assert bound(sandbox, "green")
    there = sandbox.green("PersistentVolume", f"{sandbox.namespace}-pv")
    assert (there["spec"]["local"], get(there, "spec", "nodeAffinity")) == ({"path": "/srv/data"}, affinity)
