"""Volumes themselves go to green and back, on two real control planes: no host, no copy, and never two users."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from migrator.model.manifest import Manifest, get
from migrator.testbed.balancer import balanced
from tests.support.data_stand import database
from tests.support.objects import made
from tests.support.sandbox import TYPES, Sandbox, freeze_when, one_line, until
from tests.support.traffic_section import through

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


def shared(
    sandbox: Sandbox, *others: Manifest, way: str = "handOver", more: Mapping[str, Any] | None = None, **source: Any
) -> None:
    """Let a claim of blue lie on shared storage, and copy it to green; `more` is of migration.yaml."""
    sandbox.configure(volumes={"detachTimeout": "1s", "claims": [{"claims": ["*/data"], "way": way}]}, **more or {})
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}, "storageClassName": "shared"}
    sandbox.on_blue(volume(sandbox, **source), made("v1", "PersistentVolumeClaim", "data", spec=spec), *others)
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
    assert data_findings(sandbox) == []
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
    assert (failed.code, "green still uses" in failed.out) == (4, True)


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
    # Without a kubelet it would be a node on which other tests' DaemonSets never work.
    alone = {"taints": [{"key": "board", "effect": "NoSchedule"}]}
    sandbox.on_green(made("v1", "Node", board, labels={"kubernetes.io/hostname": board}, spec=alone))
    assert planned(sandbox)["storage"] == f"folder {board}:/srv/data, where it lies"
    assert sandbox.run("data", "finish", "--yes").code == 0
    assert bound(sandbox, "green")
    there = sandbox.green("PersistentVolume", f"{sandbox.namespace}-pv")
    assert (there["spec"]["local"], get(there, "spec", "nodeAffinity")) == ({"path": "/srv/data"}, affinity)


def replicas(sandbox: Sandbox) -> tuple[int, int]:
    """Return what blue and green want of the database."""
    return sandbox.blue("StatefulSet", "db")["spec"]["replicas"], sandbox.green("StatefulSet", "db")["spec"]["replicas"]


def pods(sandbox: Sandbox) -> tuple[int, int]:
    """Return how many pods of the database each side has."""
    blue, green = (len(list(side.list(TYPES["Pod"], sandbox.namespace))) for side in (sandbox.pair.blue, sandbox.pair.green))
    return blue, green


@contextmanager
def database_on_shared_storage(sandbox: Sandbox, folder: Path) -> Iterator[None]:
    """Let a StatefulSet of blue lie on an NFS export, copy and validate it; nothing is mounted, since no kubelet runs."""
    with balanced(folder / "haproxy") as (balancer, _, _):
        more = {
            "traffic": {"haproxy": through(balancer), "steps": [100], "soak": "0s"},
            "gates": {"minRequests": 0, "readyTimeout": "60s"},
        }
        export = {"server": "nas.example.com", "path": f"/export/{sandbox.namespace}"}
        shared(sandbox, database(hangs=False), nfs=export, more=more)
        until(lambda: pods(sandbox) == (1, 0))
        assert sandbox.run("validate").code == 0
        yield


def killed_when(sandbox: Sandbox, verb: list[str], event: str) -> None:
    """Kill a verb once the journal has one more of an event."""
    have = len(sandbox.events(event))
    child = sandbox.start(*verb)
    freeze_when(child, lambda: len(sandbox.events(event)) > have)
    child.kill()
    child.communicate()


def test_a_database_on_shared_storage_goes_over_with_its_volume_and_comes_back(sandbox: Sandbox, tmp_path: Path) -> None:
    """Killed in the middle of both ways: the next run goes on; green is started only with the volume, blue only without green."""
    with database_on_shared_storage(sandbox, tmp_path):
        killed_when(sandbox, ["cutover", "--yes"], "volume-hand-over")
        cut = sandbox.run("cutover", "--yes")
        assert cut.code == 0, (cut.out, cut.err)
        assert "downtime " in cut.out
        assert replicas(sandbox) == (0, 1)
        assert bound(sandbox, "green")
        name = f"{sandbox.namespace}-pv"
        assert get(sandbox.blue("PersistentVolume", name), "spec", "persistentVolumeReclaimPolicy") == "Retain"
        until(lambda: pods(sandbox) == (0, 1))
        killed_when(sandbox, ["rollback"], "volume-hand-over")
        back = sandbox.run("rollback")
        assert back.code == 0, (back.out, back.err)
        assert replicas(sandbox) == (1, 0)
        until(lambda: pods(sandbox) == (1, 0))
        switched = [(item["direction"], item["how"]) for item in sandbox.events("data-switched")]
        assert switched == [("to-green", "hand-over"), ("to-blue", "hand-over")]


def test_a_volume_that_blue_holds_stays_with_blue(sandbox: Sandbox, tmp_path: Path) -> None:
    """An attachment that a hung node keeps: blue's workload runs again, and green has got nothing."""
    with database_on_shared_storage(sandbox, tmp_path):
        name = f"{sandbox.namespace}-pv"
        spec = {"attacher": DRIVER, "nodeName": "n1", "source": {"persistentVolumeName": name}}
        sandbox.on_blue(made("storage.k8s.io/v1", "VolumeAttachment", f"{sandbox.namespace}-va", spec=spec))
        failed = sandbox.run("cutover", "--yes")
        assert failed.code == 3
        assert "node n1 has it attached (VolumeAttachment)" in one_line(failed)
        assert replicas(sandbox) == (1, 0)
        assert sandbox.absent("PersistentVolume", name)
        assert sandbox.events("data-switched") == []
