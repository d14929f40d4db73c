"""Whether green can take over a volume of storage that both clusters reach, and whether a side still uses it."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

from migrator.model.manifest import Manifest
from migrator.rules.shared_storage import Reach, refusal, secrets_of, storage_of, user
from tests.support.objects import made

DRIVER = "disk.example.com"
CSI = {"driver": DRIVER, "volumeHandle": "vol-1"}
NFS = {"server": "nas", "path": "/export/a"}


def volume(name: str = "pv", /, **spec: Any) -> Manifest:
    """Return a PersistentVolume that is bound."""
    return made("v1", "PersistentVolume", name, spec={"accessModes": ["ReadWriteOnce"], **spec}, status={"phase": "Bound"})


def green(*secrets: str) -> Reach:
    """Return a green that has the driver."""
    nodes = made("storage.k8s.io/v1", "CSINode", "g1", spec={"drivers": [{"name": DRIVER, "nodeID": "1"}]})
    return Reach.of(drivers=[nodes], secrets=secrets)


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({"nfs": NFS}, "NFS export nas:/export/a"),
        ({"csi": CSI}, "volume vol-1 of disk.example.com"),
        ({"iscsi": {"iqn": "iqn.a", "lun": 0, "targetPortal": "10.0.0.1:3260"}}, "iSCSI target iqn.a, LUN 0, at 10.0.0.1:3260"),
        ({"rbd": {"image": "i", "monitors": ["m"]}}, "Ceph image rbd/i"),
        ({"cephfs": {"monitors": ["m"], "path": "/a"}}, "CephFS folder /a of m"),
        ({"fc": {"targetWWNs": ["5"], "lun": 1}}, "Fibre Channel disk 5, LUN 1"),
        ({"awsElasticBlockStore": {"volumeID": "vol-9"}}, "awsElasticBlockStore vol-9"),
        ({"hostPath": {"path": "/x"}}, ""),
        ({"local": {"path": "/x"}}, ""),
    ],
)
def test_storage_outside_of_a_host_is_named(spec: dict[str, Any], words: str) -> None:
    """In words that tell one disk from another; a folder of a host is none."""
    assert storage_of(volume(**spec)) == words


@pytest.mark.parametrize("spec", [{"nfs": NFS}, {"csi": CSI}, {"iscsi": {"iqn": "i", "lun": 0, "targetPortal": "10.9.9.9:3260"}}])
def test_what_both_reach_is_handed_over(spec: dict[str, Any]) -> None:
    """Where green has the driver."""
    assert refusal(volume(**spec), [], Reach(), green()) is None


@pytest.mark.parametrize(
    "driver", ["driver.longhorn.io", "local.csi.openebs.io", "zfs.csi.openebs.io", "topolvm.io", "hostpath.csi.k8s.io"]
)
def test_a_driver_that_keeps_data_on_nodes_of_blue_is_refused(driver: str) -> None:
    """Its disks go with blue."""
    found = refusal(volume(csi={"driver": driver, "volumeHandle": "v"}), [], Reach(), Reach(frozenset({driver})))
    assert found is not None
    assert "lies in blue itself" in found[0]


@pytest.mark.parametrize(("external", "refused"), [(True, False), (False, True)])
def test_rook_is_refused_where_its_ceph_runs_in_blue(external: bool, refused: bool) -> None:  # noqa: FBT001
    """An external Ceph is reached by both."""
    cluster = made("ceph.rook.io/v1", "CephCluster", "c", namespace="rook-ceph", spec={"external": {"enable": external}})
    driver = "rook-ceph.rbd.csi.ceph.com"
    item = volume(csi={"driver": driver, "volumeHandle": "v"})
    found = refusal(item, [], Reach.of(ceph=[cluster]), Reach(frozenset({driver})))
    assert (found is not None) == refused


@pytest.mark.parametrize("server", ["10.96.0.9", "nfs.storage", "nfs.storage.svc.cluster.local", "192.168.1.5"])
def test_a_server_that_is_a_part_of_blue_is_refused(server: str) -> None:
    """A Service, or a node; the same address as a CSI attribute or a portal of iSCSI."""
    service = made("v1", "Service", "nfs", namespace="storage", spec={"clusterIP": "10.96.0.9", "clusterIPs": ["10.96.0.9"]})
    node = made("v1", "Node", "n1", status={"addresses": [{"type": "InternalIP", "address": "192.168.1.5"}]})
    blue = Reach.of(services=[service], nodes=[node])
    csi = {**CSI, "volumeAttributes": {"server": server, "share": "/"}}
    smb = {**CSI, "volumeAttributes": {"source": f"//{server}/share"}}
    for spec in (
        {"nfs": {"server": server, "path": "/"}},
        {"csi": csi},
        {"csi": smb},
        {"iscsi": {"iqn": "i", "targetPortal": f"{server}:3260"}},
    ):
        found = refusal(volume(**spec), [], blue, green())
        assert found is not None
        assert "lies in blue itself: " in found[0]
        assert server in found[0]


def test_another_driver_and_a_missing_secret_are_refused() -> None:
    """Green could not mount it."""
    item = volume(csi={**CSI, "nodeStageSecretRef": {"namespace": "csi", "name": "key"}})
    assert secrets_of(item) == ["csi/key"]
    without = refusal(item, [], Reach(), Reach(frozenset({"other.example.com"})))
    assert without is not None
    assert without[0] == "no node of green has CSI driver disk.example.com"
    lacking = refusal(item, [], Reach(), green())
    assert lacking is not None
    assert "green has no Secret csi/key" in lacking[0]
    assert refusal(item, [], Reach(), green("csi/key")) is None


def test_a_second_volume_of_the_same_disk_is_refused_where_one_user_is_allowed() -> None:
    """It could stay mounted on blue; with ReadWriteMany both may."""
    one, other = volume("a", nfs=NFS), volume("b", nfs=NFS)
    found = refusal(one, [one, other], Reach(), green())
    assert found is not None
    assert "volume b of blue has the same storage" in found[0]
    shared = {**one, "spec": {**one["spec"], "accessModes": ["ReadWriteMany"]}}
    assert refusal(shared, [shared, other], Reach(), green()) is None


def test_a_folder_of_a_host_is_never_handed_over() -> None:
    """It would be another folder on green."""
    found = refusal(volume(hostPath={"path": "/x"}), [], Reach(), green())
    assert found is not None
    assert "folder of one host" in found[0]


def test_who_holds_a_volume_is_known_by_its_attachment_and_by_what_nodes_say() -> None:
    """A VolumeAttachment goes when it is detached; a node names what it has mounted until it has unmounted."""
    attachment = made(
        "storage.k8s.io/v1", "VolumeAttachment", "va", spec={"nodeName": "n1", "source": {"persistentVolumeName": "pv"}}
    )
    item = volume(csi=CSI)
    assert user(item, Reach.of(attachments=[attachment])) == "node n1 has it attached (VolumeAttachment)"
    node = made("v1", "Node", "n2", status={"volumesInUse": [f"kubernetes.io/csi/{DRIVER}^vol-1"]})
    assert user(item, Reach.of(nodes=[node])) == "node n2 has it in use"
    attached = made(
        "v1", "Node", "n3", status={"volumesAttached": [{"name": f"kubernetes.io/csi/{DRIVER}^vol-1", "devicePath": ""}]}
    )
    assert user(item, Reach.of(nodes=[attached])) == "node n3 has it in use"
    other = made("v1", "Node", "n2", status={"volumesInUse": [f"kubernetes.io/csi/{DRIVER}^vol-10"]})
    assert user(item, Reach.of(nodes=[other])) == ""
    inline = made("storage.k8s.io/v1", "VolumeAttachment", "i", spec={"nodeName": "n", "source": {"inlineVolumeSpec": {}}})
    assert user(item, Reach.of(attachments=[inline])) == ""


def test_an_attachment_that_names_another_volume_of_the_same_disk_counts() -> None:
    """kubernetes#141541: its name is made of disk, driver and node, and the volume that it names may be an older one."""
    disk = volume(csi={"driver": "d.example.com", "volumeHandle": "disk-7"})
    name = "csi-" + hashlib.sha256(b"disk-7d.example.comn1").hexdigest()
    older = made(
        "storage.k8s.io/v1", "VolumeAttachment", name, spec={"nodeName": "n1", "source": {"persistentVolumeName": "older"}}
    )
    assert (
        user(disk, Reach.of(attachments=[older], nodes=[made("v1", "Node", "n1")])) == "node n1 has it attached (VolumeAttachment)"
    )
    assert user(disk, Reach.of(attachments=[older], nodes=[made("v1", "Node", "n2")])) == ""
