"""A volume itself goes to green and back: Retain first, nobody holds it, then it is there; in this order, and announced."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from migrator.errors import BlockedError
from migrator.journal.records.data import VolumeHandedOver, VolumeHandOverAnnounced
from migrator.migration.data.verbs import Choice, bring_back, copy_data, finish_data, plan_data
from migrator.migration.detached import holder
from migrator.migration.handover import volume_on_green
from migrator.model.kinds import ATTACHMENTS, PODS, VOLUMES
from migrator.model.manifest import Manifest, get, put
from migrator.model.ref import ResourceType
from migrator.model.volumes import Place, VolumePlan, Way
from migrator.rules.context import RuleContext
from tests.support.claims_stand import ALL, Stand, stand
from tests.support.contexts import configured
from tests.support.objects import made

TEXT = "volumes: {detachTimeout: 5s, claims: [{claims: [shop/data], way: handOver}]}"
CLAIM = {"namespace": "shop", "name": "data"}


def volume(**spec: Any) -> Manifest:
    """Return blue's volume, as a provisioner makes it."""
    body = {
        "nfs": {"server": "nas", "path": "/a"},
        "accessModes": ["ReadWriteOnce"],
        "persistentVolumeReclaimPolicy": "Delete",
        "claimRef": {**CLAIM, "uid": "blue-uid"},
        **spec,
    }
    return made("v1", "PersistentVolume", "pv", annotations={"pv.kubernetes.io/provisioned-by": "nfs"}, spec=body)


def shared(tmp_path: Path, **spec: Any) -> Stand:
    """Return a stand whose claim lies on an NFS server, and waits on green."""
    one = stand(tmp_path, text=TEXT)
    claim = made("v1", "PersistentVolumeClaim", "data", namespace="shop", spec={"volumeName": "pv"}, status={"phase": "Bound"})
    one.blue.hold(volume(**spec), claim)
    one.green.hold(claim)
    return one


def on_green(one: Stand) -> list[Manifest]:
    """Return green's volumes."""
    return list(one.green.list(VOLUMES))


def gone(one: Stand, kind: ResourceType, namespace: str = "") -> None:
    """Delete all of a kind on green."""
    for item in list(one.green.list(kind, namespace)):
        one.green.delete(kind, namespace, item["metadata"]["name"], uid=item["metadata"]["uid"])


def test_green_gets_the_volume_once_blue_retains_it(tmp_path: Path) -> None:
    """Announced before; no host is asked, and no byte moves."""
    one = shared(tmp_path)
    (outcome,) = finish_data(one.session, one.movers, ALL)
    assert (outcome.error, outcome.handed) == (None, "NFS export nas:/a")
    (blue,) = one.blue.list(VOLUMES)
    assert blue["spec"]["persistentVolumeReclaimPolicy"] == "Retain"
    (green,) = on_green(one)
    assert (green["spec"]["nfs"], green["spec"]["persistentVolumeReclaimPolicy"]) == ({"server": "nas", "path": "/a"}, "Retain")
    assert green["spec"]["claimRef"]["uid"] not in ("", "blue-uid")
    announced, done = one.of(VolumeHandOverAnnounced, VolumeHandedOver)
    assert isinstance(announced, VolumeHandOverAnnounced)
    assert announced.policy == "Delete"
    assert isinstance(done, VolumeHandedOver)
    assert one.there.jobs == []
    assert one.session.run.state.data["shop/data"].proven
    assert finish_data(one.session, one.movers, ALL)[0].error is None
    assert len(on_green(one)) == 1


def test_a_volume_that_blue_still_holds_does_not_go(tmp_path: Path) -> None:
    """Within the time that a person allows; blue keeps it, with policy Retain."""
    one = shared(tmp_path)
    one.blue.hold(
        made("storage.k8s.io/v1", "VolumeAttachment", "va", spec={"nodeName": "n", "source": {"persistentVolumeName": "pv"}})
    )
    (plan,) = plan_data(one.session)
    assert "node n has it attached" in holder(one.blue, "shop/data", plan)
    (outcome,) = finish_data(one.session, one.movers, ALL)
    assert "blue still uses NFS export nas:/a after 5 s: node n has it attached" in str(outcome.error)
    assert on_green(one) == []
    assert one.of(VolumeHandedOver) == []
    assert one.session.run.state.data["shop/data"].open


def test_a_pod_of_blue_refuses_it_before_anything_changes(tmp_path: Path) -> None:
    """Not even the policy; a pod of green that waits for the volume does not."""
    one = shared(tmp_path)
    one.hold("green", "waiting", "data")
    one.hold("blue", "busy", "data")
    with pytest.raises(BlockedError, match="pod busy still uses it on blue"):
        finish_data(one.session, one.movers, ALL)
    (blue,) = one.blue.list(VOLUMES)
    assert blue["spec"]["persistentVolumeReclaimPolicy"] == "Delete"
    assert one.journal.records == []


def test_another_volume_of_that_name_on_green_is_left_alone(tmp_path: Path) -> None:
    """It is refused, and stays as it is."""
    one = shared(tmp_path)
    one.green.hold(made("v1", "PersistentVolume", "pv", spec={"nfs": {"server": "x", "path": "/"}, "claimRef": CLAIM}))
    (outcome,) = finish_data(one.session, one.movers, ALL)
    assert "green has another volume pv" in str(outcome.error)
    (green,) = on_green(one)
    assert green["spec"]["nfs"]["server"] == "x"


def test_the_way_back_proves_that_green_has_let_go(tmp_path: Path) -> None:
    """Blue's objects are as they were, but for the policy; it needs the way there."""
    one = shared(tmp_path)
    with pytest.raises(BlockedError, match="was never proven on green"):
        bring_back(one.session, one.movers, ALL)
    finish_data(one.session, one.movers, ALL)
    one.hold("green", "busy", "data")
    with pytest.raises(BlockedError, match="pod busy still uses it on green"):
        bring_back(one.session, one.movers, ALL)
    gone(one, PODS, "shop")
    attachment = made(
        "storage.k8s.io/v1", "VolumeAttachment", "va", spec={"nodeName": "g", "source": {"persistentVolumeName": "pv"}}
    )
    one.green.hold(attachment)
    (plan,) = plan_data(one.session)
    assert "node g has it attached" in holder(one.green, "shop/data", plan)
    (refused,) = bring_back(one.session, one.movers, ALL)
    assert "green still uses" in str(refused.error)
    gone(one, ATTACHMENTS)
    (outcome,) = bring_back(one.session, one.movers, ALL)
    assert outcome.error is None
    assert not one.session.run.state.data["shop/data"].proven


def test_a_copy_leaves_what_is_handed_over_to_the_pause(tmp_path: Path) -> None:
    """And says so."""
    one = shared(tmp_path)
    with pytest.raises(BlockedError, match="no claim can be copied now"):
        copy_data(one.session, one.movers, Choice(("shop/data",)))
    assert any("hands over NFS export nas:/a" in text for text in one.shown.notes)
    assert on_green(one) == []


def test_an_adopted_folder_is_bound_to_the_other_node() -> None:
    """The same path, another affinity; zero bytes."""
    plan = VolumePlan("shop/data", "shop/data", Way.ADOPT, green=Place("g1", "/d"), volume="pv")
    claim = put(made("v1", "PersistentVolumeClaim", "data", namespace="shop"), ("metadata", "uid"), "u-1")
    found = volume_on_green(volume(nfs=None, local={"path": "/d"}), plan, claim, "host-g", RuleContext(configured()))
    assert found["spec"]["local"] == {"path": "/d"}
    (term,) = get(found, "spec", "nodeAffinity", "required", "nodeSelectorTerms")
    assert term["matchExpressions"][0]["values"] == ["host-g"]
