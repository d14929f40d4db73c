"""Where the data of a claim lies, and which way it takes."""

from __future__ import annotations

from typing import Any

import pytest

from migrator.model.manifest import Manifest
from migrator.model.volumes import Place, VolumePlan, Way
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
    return ClusterVolumes.of(*([item for item in objects if item["kind"] == kind] for kind in _KINDS))


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


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({"hostPath": {"path": "/srv/x"}}, "which host is not known"),
        ({**LOCAL, **affinity("n1", "n2")}, "which host is not known (n1, n2)"),
        ({**LOCAL, **affinity("n1"), "volumeMode": "Block"}, "block device"),
        ({"csi": {"driver": "x", "volumeHandle": "y"}}, "CSI driver"),
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


@pytest.mark.parametrize(
    ("green", "words"),
    [
        ((), "green has no such claim yet"),
        ((node("g1"), claim(volume_name="")), "no volume yet"),
        ((node("g1"), claim(volume_name="gv"), volume("gv", csi={})), "on green its CSI driver"),
    ],
)
def test_a_claim_that_green_cannot_take_yet_says_why(green: tuple[Manifest, ...], words: str) -> None:
    """It is no error: the other claims are copied."""
    plan = planned(BLUE, green)
    assert not plan.ready
    assert words in plan.reason
    assert plan.hint


def test_a_person_decides_by_claim() -> None:
    """What `dataMoved` names is strongest; the first rule that names a claim counts; a mapped namespace is another one on green."""
    assert planned(BLUE, GREEN, "volumes: {dataMoved: [shop/*]}").way is Way.OWN
    rules = "volumes: {claims: [{claims: [shop/data], bandwidth: 20M, devices: true}, {claims: ['*'], way: own}]}"
    plan = planned(BLUE, GREEN, rules)
    assert (plan.way, plan.limit, plan.devices) == (Way.COPY, 20480, True)
    assert planned(BLUE, GREEN, "volumes: {claims: [{claims: ['*'], way: own}]}").way is Way.OWN
    store = (node("g1"), claim(volume_name="gv", namespace="store"), GREEN[2])
    assert planned(BLUE, store, "map: {namespaces: {shop: store}}").green_claim == "store/data"


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
