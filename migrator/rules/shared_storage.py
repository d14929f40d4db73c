"""Storage that both clusters reach: what it is, whether it outlives blue, and whether green can take a volume of it over."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from migrator.model.manifest import Manifest, get

Refusal = tuple[str, str]
"""Why a volume cannot be handed over, and what to do."""
# Words in names of CSI drivers that keep their data on disks of the cluster's own nodes.
_DATA_IN_CLUSTER = {
    "longhorn": "Longhorn",
    "openebs": "OpenEBS",
    "topolvm": "TopoLVM",
    "directpv": "DirectPV",
    "linstor": "LINSTOR",
    "hostpath": "the hostpath driver",
    "local": "a driver of local disks",
    "lvm": "a driver of local disks",
    "pxd.portworx": "Portworx",
    "storageos": "Ondat",
}
# Ends of the names of drivers that Rook installs, for a Ceph of its own or an external one.
_CEPH = (".rbd.csi.ceph.com", ".cephfs.csi.ceph.com", ".nfs.csi.ceph.com")
_SECRET_FIELDS = tuple(
    f"{act}SecretRef" for act in ("controllerExpand", "controllerPublish", "nodeExpand", "nodePublish", "nodeStage")
)
_SERVERS = (
    ("nfs", "server"),
    ("csi", "volumeAttributes", "server"),
    ("csi", "volumeAttributes", "source"),
    ("iscsi", "targetPortal"),
    ("glusterfs", "endpoints"),
)
# In-tree sources of clouds, and the field that names the disk (core/v1 PersistentVolumeSource).
_CLOUD = {
    "awsElasticBlockStore": "volumeID",
    "gcePersistentDisk": "pdName",
    "azureDisk": "diskURI",
    "azureFile": "shareName",
    "cinder": "volumeID",
    "vsphereVolume": "volumePath",
}
# Sources that are disks, of which a node has the file system to itself.
_DISKS = frozenset(_CLOUD.keys() - {"azureFile"}) | {"csi", "iscsi", "rbd", "fc"}
_COPY = "copy it (way: copy), or move it by your own means"


@dataclass(slots=True, frozen=True)
class Reach:
    """What one cluster tells of its storage."""

    drivers: frozenset[str] = frozenset()
    """CSI drivers that its nodes have."""
    addresses: Mapping[str, str] = field(default_factory=dict)
    """Address or name at which something of the cluster serves, and what that is."""
    secrets: frozenset[str] = frozenset()
    """`namespace/name`, of those that volumes name."""
    own_ceph: bool = False
    """Whether Rook runs a Ceph on the cluster's nodes."""
    attached: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Nodes by the name of the volume that is attached to them, and by the name of the VolumeAttachment itself."""
    in_use: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """What each node says of volumes that it uses or has attached (Node status)."""

    @staticmethod
    def of(
        *,
        drivers: Iterable[Manifest] = (),
        services: Iterable[Manifest] = (),
        nodes: Iterable[Manifest] = (),
        attachments: Iterable[Manifest] = (),
        secrets: Iterable[str] = (),
        ceph: Iterable[Manifest] = (),
    ) -> Reach:
        """Return what lists of a cluster tell; `drivers` are CSINode objects, `ceph` CephCluster."""
        known = list(nodes)
        attached: dict[str, tuple[str, ...]] = {}
        for item in attachments:
            name = get(item, "spec", "source", "persistentVolumeName")
            for key in {name, item["metadata"]["name"]} - {None}:
                attached[key] = (*attached.get(key, ()), str(get(item, "spec", "nodeName")))
        return Reach(
            frozenset(str(driver["name"]) for item in drivers for driver in get(item, "spec", "drivers") or []),
            {**dict(_node_addresses(known)), **dict(_service_addresses(services))},
            frozenset(secrets),
            any(not get(item, "spec", "external", "enable") for item in ceph),
            attached,
            {item["metadata"]["name"]: tuple(_used(item)) for item in known},
        )


def is_in_cluster(driver: str) -> bool:
    """Return whether a driver or provisioner, by its name, keeps its data on disks of the cluster's own nodes."""
    # The prefix is the default of a chart for NFS (nfs-subdir-external-provisioner).
    return any(word in driver.removeprefix("cluster.local/") for word in _DATA_IN_CLUSTER)


def storage_of(volume: Manifest) -> str:
    """Return in words which storage outside of one host a volume names; empty for a folder of a host, or a kind not known."""
    spec = volume["spec"]
    if nfs := spec.get("nfs"):
        return f"NFS export {nfs.get('server')}:{nfs.get('path')}"
    if csi := spec.get("csi"):
        return f"volume {csi.get('volumeHandle')} of {csi.get('driver')}"
    if iscsi := spec.get("iscsi"):
        return f"iSCSI target {iscsi.get('iqn')}, LUN {iscsi.get('lun')}, at {iscsi.get('targetPortal')}"
    if rbd := spec.get("rbd"):
        return f"Ceph image {rbd.get('pool', 'rbd')}/{rbd.get('image')}"
    if cephfs := spec.get("cephfs"):
        return f"CephFS folder {cephfs.get('path', '/')} of {','.join(map(str, cephfs.get('monitors') or []))}"
    if fc := spec.get("fc"):
        return f"Fibre Channel disk {','.join(map(str, fc.get('wwids') or fc.get('targetWWNs') or []))}, LUN {fc.get('lun')}"
    for kind, name in _CLOUD.items():
        if kind in spec:
            return f"{kind} {spec[kind].get(name)}"
    return ""


def has_one_user(volume: Manifest) -> bool:
    """Return whether a volume is a disk for one user outside of one host: two clusters that attach it destroy it."""
    modes = set(get(volume, "spec", "accessModes") or [])
    return bool(_DISKS & volume["spec"].keys()) and not modes & {"ReadWriteMany", "ReadOnlyMany"}


def secrets_of(volume: Manifest) -> list[str]:
    """Return the Secrets, as `namespace/name`, without which a CSI driver cannot mount a volume."""
    refs = [get(volume, "spec", "csi", name) for name in _SECRET_FIELDS]
    return sorted({f"{ref.get('namespace')}/{ref.get('name')}" for ref in refs if ref})


def refusal(volume: Manifest, others: Iterable[Manifest], blue: Reach, green: Reach) -> Refusal | None:
    """Return why green cannot take a volume over; None when it can. `others` are all volumes of blue."""
    if not storage_of(volume):
        return "it is a folder of one host, or of a kind that is not known", _COPY
    return _inside(volume, blue) or _without_driver(volume, green) or _shared_with(volume, others)


def user(volume: Manifest, reach: Reach) -> str:
    """Return which node still has a volume attached or in use, in words; empty once the cluster no longer uses it.

    A VolumeAttachment goes when the driver has detached (KEP-625), and `volumesInUse` of a node once it has unmounted.
    """
    names = [volume["metadata"]["name"], *_attachment_names(volume, reach.in_use)]
    if nodes := next((reach.attached[name] for name in names if name in reach.attached), ()):
        return f"node {nodes[0]} has it attached (VolumeAttachment)"
    start, end = _name_on_nodes(volume)
    for node, used in reach.in_use.items():
        if start and any(text.startswith(start) and text.endswith(end) for text in used):
            return f"node {node} has it in use"
    return ""


def _attachment_names(volume: Manifest, nodes: Iterable[str]) -> Iterator[str]:
    """Yield the names that a disk's attachments have, which may tell of another PersistentVolume of it (kubernetes#141541)."""
    if csi := volume["spec"].get("csi"):
        for node in nodes:
            text = f"{csi.get('volumeHandle')}{csi.get('driver')}{node}"
            yield f"csi-{hashlib.sha256(text.encode()).hexdigest()}"


def _name_on_nodes(volume: Manifest) -> tuple[str, str]:
    """Return how the name begins and ends by which a kubelet knows a volume (GetVolumeName of its plugin); empty: by none."""
    spec = volume["spec"]
    if csi := spec.get("csi"):
        return f"kubernetes.io/csi/{csi.get('driver')}^{csi.get('volumeHandle')}", f"^{csi.get('volumeHandle')}"
    if iscsi := spec.get("iscsi"):
        return "kubernetes.io/iscsi/", f":{iscsi.get('iqn')}:{iscsi.get('lun')}"
    if rbd := spec.get("rbd"):
        return "kubernetes.io/rbd/", f":{rbd.get('image')}"
    if fc := spec.get("fc"):
        return "kubernetes.io/fc/", f"{(fc.get('wwids') or fc.get('targetWWNs') or ['?'])[0]}:{fc.get('lun')}"
    return "", ""


def _inside(volume: Manifest, blue: Reach) -> Refusal | None:
    driver = str(get(volume, "spec", "csi", "driver") or "")
    owner = next((name for word, name in _DATA_IN_CLUSTER.items() if word in driver), "")
    if not owner and driver.endswith(_CEPH) and blue.own_ceph:
        owner = "Rook's Ceph"
    if owner:
        return f"its data lies in blue itself: {owner} keeps it on disks of blue's nodes", _COPY
    for path in _SERVERS:
        server = str(get(volume, "spec", *path) or "")
        if found := blue.addresses.get(_host_of(server)) or blue.addresses.get(server):
            return f"its data lies in blue itself: {server} is {found} of blue", f"{_COPY}; way: own, if that server outlives blue"
    return None


def _without_driver(volume: Manifest, green: Reach) -> Refusal | None:
    driver = str(get(volume, "spec", "csi", "driver") or "")
    if driver and driver not in green.drivers:
        return f"no node of green has CSI driver {driver}", "install the same driver there, with the same backend"
    missing = [name for name in secrets_of(volume) if name not in green.secrets]
    if missing:
        return f"green has no Secret {missing[0]}, which the driver needs for it", "make it on green, as on blue"
    return None


def _shared_with(volume: Manifest, others: Iterable[Manifest]) -> Refusal | None:
    """Return why a volume that may have one user only has another one by a second PersistentVolume."""
    modes = set(get(volume, "spec", "accessModes") or [])
    if modes & {"ReadWriteMany", "ReadOnlyMany"}:
        return None
    words, name = storage_of(volume), volume["metadata"]["name"]
    for other in others:
        if other["metadata"]["name"] != name and storage_of(other) == words and get(other, "status", "phase") == "Bound":
            return (
                f"volume {other['metadata']['name']} of blue has the same storage, and its access mode allows one user",
                "hand over what uses that one first, or let both have mode ReadWriteMany",
            )
    return None


def _host_of(server: str) -> str:
    """Return the host of `host:port`, of which IPv6 is in brackets, or of `//host/share`, as the driver for SMB names it."""
    server = server.removeprefix("//").partition("/")[0]
    if server.startswith("["):
        return server[1:].partition("]")[0]
    head, _, port = server.rpartition(":")
    return head if head and ":" not in head and port.isdigit() else server


def _node_addresses(nodes: Iterable[Manifest]) -> Iterator[tuple[str, str]]:
    for node in nodes:
        for item in get(node, "status", "addresses") or []:
            if item.get("address"):
                yield str(item["address"]), f"node {node['metadata']['name']}"


def _service_addresses(services: Iterable[Manifest]) -> Iterator[tuple[str, str]]:
    for item in services:
        namespace, name = item["metadata"]["namespace"], item["metadata"]["name"]
        addresses: list[Any] = [*(get(item, "spec", "clusterIPs") or []), get(item, "spec", "clusterIP")]
        names = [f"{name}.{namespace}", f"{name}.{namespace}.svc", f"{name}.{namespace}.svc.cluster.local"]
        for text in [*addresses, *names]:
            if text and text != "None":
                yield str(text), f"Service {namespace}/{name}"


def _used(node: Manifest) -> Iterator[str]:
    yield from map(str, get(node, "status", "volumesInUse") or [])
    yield from (str(item.get("name")) for item in get(node, "status", "volumesAttached") or [])
