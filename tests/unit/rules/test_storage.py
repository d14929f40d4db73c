"""Claims, volumes and classes."""

from __future__ import annotations

from migrator.rules import storage
from migrator.rules.context import BlueFacts, RuleContext
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
