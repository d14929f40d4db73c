"""Where the data of a claim lies, and which way it takes."""

from __future__ import annotations

from typing import Any

import pytest

from migrator.model.manifest import Manifest
from migrator.model.volumes import Place, PlaceKind, VolumePlan, Way
from migrator.rules.context import RuleContext
from migrator.rules.volumes import ClusterVolumes, claims_of, place_of, plan_volumes
from tests.support.contexts import configured
from tests.support.objects import made

LOCAL = {"local": {"path": "/data/a"}}


def affinity(*names: str, key: str = "kubernetes.io/hostname") -> dict[str, Any]:
    """Return a volume's affinity to nodes."""
    terms = [{"matchExpressions": [{"key": key, "operator": "In", "values": list(names)}]}]
    return {"nodeAffinity": {"required": {"nodeSelectorTerms": terms}}}


def volume(name: str = "pv", /, **spec: Any) -> Manifest:
    """Return a PersistentVolume."""
    return made("v1", "PersistentVolume", name, spec=spec)


def claim(name: str = "data", volume_name: str = "pv", namespace: str = "shop") -> Manifest:
    """Return a claim."""
    return made(
        "v1", "PersistentVolumeClaim", name, namespace=namespace, spec={"volumeName": volume_name}, status={"phase": "Bound"}
    )


def pod(name: str, claim_name: str, node: str = "n1", phase: str = "Running", namespace: str = "shop") -> Manifest:
    """Return a pod that uses a claim."""
    volumes = [{"name": "v", "persistentVolumeClaim": {"claimName": claim_name}}]
    return made("v1", "Pod", name, namespace=namespace, spec={"nodeName": node, "volumes": volumes}, status={"phase": phase})


def node(name: str, hostname: str = "") -> Manifest:
    """Return a node."""
    return made("v1", "Node", name, labels={"kubernetes.io/hostname": hostname or name})


def cluster(*objects: Manifest) -> ClusterVolumes:
    """Return a cluster with these."""
    claims, volumes, pods, nodes = ([item for item in objects if item["kind"] == kind] for kind in _KINDS)
    return ClusterVolumes.of(claims, volumes, pods, nodes)


_KINDS = ("PersistentVolumeClaim", "PersistentVolume", "Pod", "Node")


@pytest.mark.parametrize(
    ("spec", "objects", "place"),
    [
        ({**LOCAL, **affinity("host-1")}, [node("n1", "host-1"), node("n2")], Place("n1", "/data/a")),
        ({"hostPath": {"path": "/srv/x"}, **affinity("n2")}, [node("n1"), node("n2")], Place("n2", "/srv/x")),
        ({"hostPath": {"path": "/srv/x"}}, [node("n1")], Place("n1", "/srv/x")),
        ({"hostPath": {"path": "/srv/x"}}, [node("n1"), node("n2"), pod("p", "data", "n2")], Place("n2", "/srv/x")),
    ],
)
def test_a_folder_of_one_host_is_found(spec: dict[str, Any], objects: list[Manifest], place: Place) -> None:
    """By the volume's affinity, by the pod that uses it, or because there is one node."""
    assert place_of(volume(**spec), "shop/data", cluster(*objects)) == place


def test_a_local_block_volume_is_a_device_of_its_host() -> None:
    """And is known as one from the journal, too."""
    found = place_of(volume(**LOCAL, **affinity("n1"), volumeMode="Block"), "shop/data", cluster(node("n1"), node("n2")))
    assert found == Place("n1", "/data/a", PlaceKind.BLOCK)
    assert Place.of(str(found)) == found
    assert Place.of("n1:/data/a") == Place("n1", "/data/a")


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({"hostPath": {"path": "/srv/x"}}, "which host is not known"),
        ({**LOCAL, **affinity("n1", "n2")}, "which host is not known (n1, n2)"),
        ({"iscsi": {"iqn": "y"}, "volumeMode": "Block"}, "block device of storage in the network"),
        ({"csi": {"driver": "x"}}, "names no driver and handle"),
        ({"nfs": {"server": "s", "path": "/"}}, "NFS"),
        ({"rbd": {}}, "Ceph"),
        ({"azureDisk": {}}, "not known here"),
    ],
)
def test_all_else_is_named_with_the_reason(spec: dict[str, Any], words: str) -> None:
    """And with what a person can do."""
    found = place_of(volume(**spec), "shop/data", cluster(node("n1"), node("n2")))
    assert isinstance(found, tuple)
    assert words in found[0]
    assert found[1]


BLUE = (node("n1"), claim(), volume("pv", **LOCAL, **affinity("n1")))
GREEN = (node("g1"), claim(volume_name="gv"), volume("gv", hostPath={"path": "/opt/gv"}, **affinity("g1")))


def planned(blue: tuple[Manifest, ...], green: tuple[Manifest, ...], text: str = "") -> VolumePlan:
    """Return the way of the only claim."""
    (plan,) = plan_volumes(cluster(*blue), cluster(*green), RuleContext(configured(text)))
    return plan


def test_a_claim_with_a_folder_on_both_sides_is_copied() -> None:
    """Its users on both sides are known; one that has ended uses nothing."""
    green = (*GREEN, pod("g", "data", "g1"))
    plan = planned((*BLUE, pod("p", "data"), pod("old", "data", phase="Succeeded")), green)
    assert plan.ready
    assert (plan.blue, plan.green) == (Place("n1", "/data/a"), Place("g1", "/opt/gv"))
    assert (plan.used_by, plan.used_on_green) == (("p",), ("g",))
    assert plan.notes == ()


def test_what_green_does_otherwise_with_a_volume_is_told() -> None:
    """Before the first start there."""
    there = volume("gv", hostPath={"path": "/opt/gv"}, **affinity("g1"), persistentVolumeReclaimPolicy="Delete")
    assert "blue keeps the data" in planned(BLUE, (*GREEN[:2], there)).notes[0]


@pytest.mark.parametrize(
    ("green", "words"),
    [
        ((), "green has no such claim yet"),
        ((node("g1"), claim(volume_name="")), "no volume yet"),
        ((node("g1"), claim(volume_name="gv"), volume("gv", iscsi={})), "on green it lies on an iSCSI"),
    ],
)
def test_a_claim_that_green_cannot_take_yet_says_why(green: tuple[Manifest, ...], words: str) -> None:
    """It is no error: the other claims are copied."""
    plan = planned(BLUE, green)
    assert not plan.ready
    assert words in plan.reason
    assert plan.hint


def test_a_folder_of_a_node_that_green_lacks_is_no_target() -> None:
    """A volume made by hand has moved with its claim, and names a node of blue."""
    plan = planned(BLUE, (node("g1"), claim(), volume("pv", **LOCAL, **affinity("n1"))))
    assert (plan.way, plan.ready) == (Way.SKIP, False)
    assert plan.reason == "on green its volume is on node n1, which green does not have"
    assert "make a volume for a folder of a node there" in plan.hint


def csi(name: str, handle: str, **more: Any) -> Manifest:
    """Return a volume that a CSI driver has made."""
    made_by = volume(name, csi={"driver": "disk.example.com", "volumeHandle": handle}, **more)
    made_by["metadata"]["annotations"] = {"pv.kubernetes.io/provisioned-by": "disk.example.com"}
    return made_by


def test_a_volume_that_a_driver_has_made_is_copied_by_its_mount() -> None:
    """On the node of a pod that has it mounted; where none has, a node is found for each pass. The journal's text has all of it."""
    green = (node("g1"), claim(volume_name="gv"), csi("gv", "vol:2/x"))
    plan = planned((node("n1"), node("n2"), claim(), csi("pv", "vol-1"), pod("p", "data", "n2")), green)
    assert (plan.ready, plan.alone) == (True, False)
    assert plan.blue == Place("n2", "disk.example.com/pv/vol-1", PlaceKind.CSI)
    assert plan.green == Place("", "disk.example.com/gv/vol:2/x", PlaceKind.CSI)
    assert Place.of(str(plan.green)) == plan.green
    assert plan.blue.key == Place("n1", plan.blue.path, PlaceKind.CSI).key
    one_pod = (node("n1"), claim(), csi("pv", "vol-1", accessModes=["ReadWriteOncePod"]))
    assert planned(one_pod, green).alone
    openebs = volume("pv", csi={"driver": "zfs.csi.openebs.io", "volumeHandle": "v"})
    openebs["metadata"]["annotations"] = {"pv.kubernetes.io/provisioned-by": "zfs.csi.openebs.io"}
    assert planned((node("n1"), claim(), openebs), green).alone


def test_a_block_device_of_a_driver_is_copied_as_the_kubelet_has_it_for_a_pod() -> None:
    """And not into a folder; nor onto itself, nor where a person has made it and said nothing."""
    blue = (node("n1"), claim(), csi("pv", "vol-1", volumeMode="Block"))
    plan = planned(blue, (node("g1"), claim(volume_name="gv"), csi("gv", "vol-2", volumeMode="Block")))
    assert (plan.ready, plan.blue) == (True, Place("", "disk.example.com/pv/vol-1", PlaceKind.CSI_BLOCK))
    assert plan.blue is not None
    assert (plan.blue.block, Place.of(str(plan.blue)), plan.blue.key) == (True, plan.blue, "csi-block:disk.example.com/pv/vol-1")
    assert "a block device, the other" in planned(blue, (node("g1"), claim(volume_name="gv"), csi("gv", "vol-2"))).reason
    same = planned(blue, (node("g1"), claim(volume_name="gv"), csi("gv", "vol-1", volumeMode="Block")))
    assert same.reason == "blue and green have the same: volume vol-1 of disk.example.com"
    by_hand = volume("pv", csi={"driver": "d", "volumeHandle": "v"}, volumeMode="Block")
    assert planned((node("n1"), claim(), by_hand), (node("g1"), claim(volume_name="gv"), csi("gv", "v2"))).way is Way.SKIP


def test_a_volume_is_never_copied_onto_itself() -> None:
    """Whatever its PersistentVolumes are named; one made by hand is copied on request only."""
    blue = (node("n1"), claim(), csi("pv", "vol-1"))
    plan = planned(blue, (node("g1"), claim(volume_name="gv"), csi("gv", "vol-1")))
    assert (plan.way, plan.reason) == (Way.SKIP, "blue and green have the same: volume vol-1 of disk.example.com")
    by_hand = (node("n1"), claim(), volume("pv", csi={"driver": "d", "volumeHandle": "v"}))
    green = (node("g1"), claim(volume_name="gv"), csi("gv", "vol-2"))
    assert planned(by_hand, green).way is Way.SKIP
    assert planned(by_hand, green, "volumes: {claims: [{claims: ['*'], way: copy}]}").ready


def test_a_disk_that_was_made_by_hand_does_not_go_by_itself() -> None:
    """Two clusters that attach it destroy it; a share may have several users, and goes."""
    disk = planned((claim(), volume(iscsi={"targetPortal": "10.9.9.9:3260", "iqn": "i", "lun": 0})), ())
    assert (disk.way, "way: handOver" in disk.hint) == (Way.SKIP, True)
    share = planned((claim(), volume(nfs={"server": "nas", "path": "/a"})), ())
    assert share.way is Way.SAME


def test_a_person_decides_by_claim() -> None:
    """What `dataMoved` names is strongest; the first rule that names a claim counts; a mapped namespace is another one on green."""
    assert planned(BLUE, GREEN, "volumes: {dataMoved: [shop/*]}").way is Way.OWN
    rules = "volumes: {claims: [{claims: [shop/data], bandwidth: 20M, devices: true}, {claims: ['*'], way: own}]}"
    plan = planned(BLUE, GREEN, rules)
    assert (plan.way, plan.limit, plan.devices) == (Way.COPY, 20480, True)
    assert planned(BLUE, GREEN, "volumes: {claims: [{claims: ['*'], way: own}]}").way is Way.OWN
    store = (node("g1"), claim(volume_name="gv", namespace="store"), GREEN[2])
    assert planned(BLUE, store, "map: {namespaces: {shop: store}}").green_claim == "store/data"


HAND_OVER = "volumes: {claims: [{claims: [shop/data], way: handOver}]}"
NFS_BLUE = (node("n1"), claim(), volume("pv", nfs={"server": "nas", "path": "/a"}, accessModes=["ReadWriteOnce"]))


def test_shared_storage_is_handed_over_where_a_person_wants_it() -> None:
    """Once green's claim waits for that volume; until then, and where nobody decided, the plan says what to do."""
    plan = planned(NFS_BLUE, (node("g1"), claim(volume_name="pv")), HAND_OVER)
    assert (plan.way, plan.handed, plan.ready, plan.storage) == (Way.HAND_OVER, True, False, "NFS export nas:/a")
    assert planned(NFS_BLUE, (), HAND_OVER).reason == "green has no such claim yet"
    bound = planned(NFS_BLUE, (claim(volume_name="other"),), HAND_OVER)
    assert (bound.handed, bound.reason) == (False, "green's claim is bound to other")
    other = volume("pv", nfs={"server": "x", "path": "/"}, claimRef={"namespace": "shop", "name": "else"})
    assert planned(NFS_BLUE, (claim(volume_name="pv"), other), HAND_OVER).reason == "green has another volume pv"
    provisioned = made(
        "v1", "PersistentVolume", "pv", annotations={"pv.kubernetes.io/provisioned-by": "nfs"}, spec={"nfs": {"server": "nas"}}
    )
    assert "way: handOver" in planned((claim(), provisioned), ()).hint


COPY = "volumes: {claims: [{claims: [shop/data], way: copy}]}"


def green_export(server: str, path: str) -> tuple[Manifest, ...]:
    """Return green's claim on an export of its own."""
    return node("g1"), claim(volume_name="gv"), volume("gv", nfs={"server": server, "path": path})


def test_an_export_is_copied_by_a_person_with_the_command_that_is_told() -> None:
    """Where a person wants a copy, or green has another export; hostile names are arguments, and no commands."""
    plan = planned(NFS_BLUE, (node("g1"), claim(volume_name="")), COPY)
    assert (plan.way, plan.ready, plan.reason.endswith("no exports: nas:/a")) == (Way.SKIP, False, True)
    assert "mount -t nfs -o ro nas:/a /mnt/blue && mount -t nfs SERVER:/EXPORT /mnt/green && rsync -aHAX" in plan.hint
    other = planned(NFS_BLUE, green_export("nas2", "/b"))
    assert "mount -t nfs nas2:/b /mnt/green" in other.hint
    assert other.hint.endswith("name the claim in volumes.dataMoved")
    hostile = planned(NFS_BLUE, green_export("fd00::1", "/b; rm -rf /"))
    assert "mount -t nfs '[fd00::1]:/b; rm -rf /' /mnt/green" in hostile.hint


@pytest.mark.parametrize("text", ["", COPY])
def test_an_export_that_both_sides_have_is_not_copied_onto_itself(text: str) -> None:
    """Whoever made green's volume; the path may end with a slash."""
    plan = planned(NFS_BLUE, green_export("nas", "/a/"), text)
    assert (plan.way, plan.reason) == (Way.SAME, "blue and green have the same: NFS export nas:/a")


def test_a_folder_of_blue_is_refused_for_a_hand_over() -> None:
    """With the reason, and nothing else is done with it."""
    plan = planned(BLUE, (claim(),), HAND_OVER)
    assert (plan.way, plan.handed) == (Way.HAND_OVER, False)
    assert "folder of one host" in plan.reason


def test_a_disk_that_changed_sides_with_its_machine_is_adopted() -> None:
    """The folder on blue's node is the folder on green's; a machine that is still blue's is refused."""
    text = "volumes: {claims: [{claims: [shop/data], way: adopt}]}"
    ids = {"nodeInfo": {"machineID": "m1", "systemUUID": ""}}
    there = (made("v1", "Node", "g1", status=ids), claim(volume_name="pv"))
    blue = ({**node("n1"), "status": ids}, *BLUE[1:])
    plan = planned(blue, there, text)
    assert (plan.way, plan.handed, plan.green) == (Way.ADOPT, True, Place("g1", "/data/a"))
    assert plan.storage == "folder g1:/data/a, where it lies"
    refused = planned(blue, (node("g1"), claim(volume_name="pv")), text)
    assert refused.reason == "no node of green is the machine of n1"


def test_a_database_whose_operator_replicates_it_is_not_copied_unless_a_person_wants_it() -> None:
    """CloudNativePG takes no volume that it did not make; a rule with a way decides, one without does not."""
    labelled = made(
        "v1", "PersistentVolumeClaim", "data", namespace="shop", labels={"cnpg.io/cluster": "pg"}, spec={"volumeName": "pv"},
        status={"phase": "Bound"},
    )  # fmt: skip
    blue = (BLUE[0], labelled, BLUE[2])
    plan = planned(blue, GREEN)
    assert (plan.way, plan.reason) == (Way.REPLICATE, "CloudNativePG keeps it")
    assert "replica cluster" in plan.hint
    assert planned(blue, GREEN, "volumes: {claims: [{claims: ['*'], bandwidth: 1M}]}").way is Way.REPLICATE
    assert planned(blue, GREEN, "volumes: {claims: [{claims: ['*'], way: copy}]}").ready
    spilo = {
        **pod("p", "data"),
        "metadata": {"name": "p", "namespace": "shop", "labels": {"application": "spilo", "cluster-name": "c"}},
    }
    assert planned((*BLUE, spilo), GREEN).way is Way.REPLICATE


@pytest.mark.parametrize(("way", "planned_way"), [("skip", Way.SKIP), ("replicate", Way.REPLICATE), ("own", Way.OWN)])
def test_a_person_says_that_a_claim_is_not_copied(way: str, planned_way: Way) -> None:
    """Then nothing is asked of its volume."""
    plan = planned(BLUE, GREEN, f"volumes: {{claims: [{{claims: ['*'], way: {way}}}]}}")
    assert (plan.way, plan.ready, plan.handed) == (planned_way, False, False)
    assert "volumes.claims says" in plan.reason


def test_only_claims_that_had_a_volume_and_move_are_planned() -> None:
    """As with all other objects."""
    waiting = made("v1", "PersistentVolumeClaim", "new", namespace="shop", spec={})
    other = claim(namespace="kube-system")
    plans = plan_volumes(cluster(*BLUE, waiting, other), cluster(), RuleContext(configured()))
    assert [plan.claim for plan in plans] == ["shop/data"]
    assert plan_volumes(cluster(*BLUE), cluster(), RuleContext(configured("move: {namespaces: {exclude: [shop]}}"))) == ()


def test_a_volume_of_its_own_for_each_pod_is_a_claim_too() -> None:
    """Generic ephemeral volumes name it after pod and volume (KEP-1698)."""
    body = made(
        "v1",
        "Pod",
        "p",
        namespace="n",
        spec={"volumes": [{"name": "v", "ephemeral": {"volumeClaimTemplate": {}}}, {"name": "c", "configMap": {}}]},
    )
    assert claims_of(body) == ["n/p-v"]
