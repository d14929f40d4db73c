"""Snapshots in blue's storage stay what they are."""

from __future__ import annotations

from migrator.rules import snapshots
from migrator.rules.context import RuleContext
from tests.support.contexts import configured
from tests.support.objects import made


def test_a_content_that_a_person_made_is_kept_by_green_and_bound_by_name() -> None:
    """Deletion policy Retain, no UID of blue, green's namespace."""
    context = RuleContext(configured("map: {namespaces: {n: m}}"))
    content = made(
        "snapshot.storage.k8s.io/v1",
        "VolumeSnapshotContent",
        "c",
        spec={
            "deletionPolicy": "Delete",
            "source": {"snapshotHandle": "snap-1"},
            "volumeSnapshotRef": {"name": "s", "namespace": "n", "uid": "u", "resourceVersion": "7"},
        },
    )
    assert snapshots.detach_content(content, context)["spec"] == {
        "deletionPolicy": "Retain",
        "source": {"snapshotHandle": "snap-1"},
        "volumeSnapshotRef": {"name": "s", "namespace": "m"},
    }
