"""Claims, volumes and classes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from migrator.model.manifest import Manifest, ref_of
from migrator.model.plan import DataPlan
from migrator.rules import storage
from migrator.rules.context import BlueFacts, RuleContext
from migrator.rules.skip import skip_reason
from tests.support.contexts import PLAIN, configured
from tests.support.objects import made


def test_claims_and_volumes() -> None:
    """Binding state goes, the class is mapped, a volume travels with its claim and is retained."""
    context = RuleContext(configured("map: {storageClasses: {slow: fast}}"), blue=BlueFacts(moving_volumes=frozenset({"own"})))
    claim = made("v1", "PersistentVolumeClaim", "c", namespace="n", spec={"volumeName": "pv-1", "storageClassName": "slow"})
    done = storage.map_storage_class(storage.clear_claim_binding(claim, context), context)
    assert done["spec"] == {"storageClassName": "fast"}
    kept = made("v1", "PersistentVolumeClaim", "c", namespace="n", spec={"volumeName": "own"})
    assert storage.clear_claim_binding(kept, context) is kept
    volume = made(
        "v1",
        "PersistentVolume",
        "own",
        spec={
            "claimRef": {"uid": "u", "resourceVersion": "1", "name": "c", "namespace": "n"},
            "persistentVolumeReclaimPolicy": "Delete",
        },
    )
    done = storage.retain_volume(storage.clear_volume_binding(volume, context), context)
    assert done["spec"] == {"claimRef": {"name": "c", "namespace": "n"}, "persistentVolumeReclaimPolicy": "Retain"}


def test_data_left_behind_is_said_until_accounted_for() -> None:
    """A bound claim is noted; volumes.dataMoved accounts for it by name or pattern."""
    claim = made("v1", "PersistentVolumeClaim", "c", namespace="n", spec={"volumeName": "pv-1"})
    assert storage.notes(claim, PLAIN) == ["data is NOT copied: the claim had a volume on blue and is empty on green"]
    assert storage.notes(claim, RuleContext(configured("volumes: {dataMoved: ['n/*']}"))) == [
        "data: accounted for by volumes.dataMoved"
    ]


def test_a_claim_that_has_its_data_needs_its_source_no_more() -> None:
    """The snapshot that a claim was made from is not on green; a claim that still waits for its volume keeps its source."""
    source = {"kind": "VolumeSnapshot", "name": "s", "apiGroup": "snapshot.storage.k8s.io"}
    waiting = made("v1", "PersistentVolumeClaim", "c", namespace="n", spec={"dataSource": source, "dataSourceRef": source})
    assert storage.drop_data_source(waiting, PLAIN) is waiting
    bound = made("v1", "PersistentVolumeClaim", "c", namespace="n", spec={**waiting["spec"], "volumeName": "pv"})
    assert storage.drop_data_source(bound, PLAIN)["spec"] == {"volumeName": "pv"}


def test_classes_in_templates_of_claims_are_mapped() -> None:
    """A StatefulSet's templates, and the ephemeral volumes of any pod template."""
    context = RuleContext(configured("map: {storageClasses: {slow: fast}}"))
    claim = {"metadata": {"name": "data"}, "spec": {"storageClassName": "slow"}}
    pods = {"spec": {"volumes": [{"name": "v", "ephemeral": {"volumeClaimTemplate": claim}}, {"name": "c", "configMap": {}}]}}
    done = storage.map_storage_class(
        made("apps/v1", "StatefulSet", "db", namespace="n", spec={"volumeClaimTemplates": [claim], "template": pods}), context
    )
    assert done["spec"]["volumeClaimTemplates"][0]["spec"] == {"storageClassName": "fast"}
    ephemeral, other = done["spec"]["template"]["spec"]["volumes"]
    assert ephemeral["ephemeral"]["volumeClaimTemplate"]["spec"] == {"storageClassName": "fast"}
    assert other == {"name": "c", "configMap": {}}
    pod = storage.map_storage_class(made("v1", "Pod", "p", namespace="n", spec=pods["spec"]), context)
    assert pod["spec"]["volumes"][0] == ephemeral


def test_a_claim_that_waits_on_blue_may_wait_on_green() -> None:
    """A class that is nowhere blocks a claim that had a volume; one that never had is as pending as it was, and noted."""
    waiting = made("v1", "PersistentVolumeClaim", "c", namespace="n", spec={"storageClassName": "nowhere"})
    assert storage.hindrance(waiting, PLAIN) is None
    assert storage.notes(waiting, PLAIN) == ["stays pending, as on blue: there is no StorageClass nowhere"]
    bound = made("v1", "PersistentVolumeClaim", "c", namespace="n", spec={"storageClassName": "nowhere", "volumeName": "pv"})
    found = storage.hindrance(bound, PLAIN)
    assert found is not None
    assert found.reason == "green has no StorageClass nowhere"
    bound["metadata"]["annotations"] = {"volume.beta.kubernetes.io/storage-class": "older"}
    asked = storage.hindrance(bound, PLAIN)
    assert asked is not None
    assert asked.reason == "green has no StorageClass older"  # Kubernetes asks the annotation first


CLASSES = RuleContext(configured("map: {storageClasses: {fast: ssd}}"))


@pytest.mark.parametrize(
    ("manifest", "spec"),
    [
        (
            made(
                "v1", "ResourceQuota", "q", spec={"hard": {"fast.storageclass.storage.k8s.io/requests.storage": "1Gi", "fast": "1"}}
            ),
            {"hard": {"ssd.storageclass.storage.k8s.io/requests.storage": "1Gi", "fast": "1"}},
        ),
        (
            made(
                "db.example.com/v1",
                "Database",
                "d",
                spec={"storage": {"storageClass": "fast"}, "parts": [{"storageClassName": "fast"}]},
            ),
            {"storage": {"storageClass": "ssd"}, "parts": [{"storageClassName": "ssd"}]},
        ),
        (made("db.example.com/v1", "Database", "d", spec={"class": "fast"}), {"class": "fast"}),
        (made("node.k8s.io/v1", "Any", "d", spec={"storageClassName": "fast"}), {"storageClassName": "fast"}),
    ],
    ids=["quota", "custom", "another field", "Kubernetes' own"],
)
def test_classes_in_less_usual_places(manifest: Manifest, spec: Manifest) -> None:
    """Limits of a class, and fields of custom resources that say what they are."""
    done = storage.map_named_class(manifest, CLASSES)
    assert done["spec"] == spec
    assert (done is manifest) is (spec == manifest["spec"])


@pytest.mark.parametrize(
    ("text", "noted"),
    [
        (b'{"value":"fast"}', True),
        (b'{"class":"fast"}', True),
        (b'{"name":"fast"}', False),
        (b'{"class":"faster"}', False),
    ],
)
def test_classes_that_no_rule_knows_are_listed(text: bytes, *, noted: bool) -> None:
    """Variables, and fields that could mean another class."""
    assert bool(storage.named_classes(text, CLASSES)) is noted


def test_a_volume_that_is_handed_over_stays_until_then_and_its_claim_waits_for_it() -> None:
    """So no provisioner makes another one, and no pod of green starts before blue has let go."""
    context = RuleContext(configured("volumes: {claims: [{claims: ['n/*'], way: handOver}]}"))
    spec = {"volumeName": "pv-1", "storageClassName": "only-on-nobody"}
    claim = made("v1", "PersistentVolumeClaim", "c", namespace="n", spec=spec)
    volume = made("v1", "PersistentVolume", "pv-1", spec={"claimRef": {"namespace": "n", "name": "c"}})
    assert "handed over:" in skip_reason(volume, ref_of(volume), context)
    assert skip_reason(volume, ref_of(volume), PLAIN) == ""
    assert storage.clear_claim_binding(claim, context) is claim
    assert storage.hindrance(claim, context) is None
    assert storage.data_plan(claim, context) is DataPlan.TO_HAND_OVER
    done = replace(context, copied_claims=frozenset({"n/c"}))
    assert storage.data_plan(claim, done) is DataPlan.HANDED_OVER
