"""Owner references, and children that a controller makes again."""

from __future__ import annotations

from typing import Any

import pytest

from migrator.model.ref import ObjectRef
from migrator.rules import ownership
from migrator.rules.context import BlueFacts, RuleContext
from migrator.rules.ownership import Owner
from tests.support.contexts import configured
from tests.support.objects import config_map, made


@pytest.mark.parametrize(
    ("child", "owner", "regenerated"),
    [
        ("Pod", "Whatever", True),
        ("ReplicaSet", "Deployment", True),
        ("Job", "CronJob", True),
        ("Job", "ScaledJob", True),
        ("Job", "AdvancedCronJob", True),
        ("Job", "JobSet", False),
        ("Workflow", "CronWorkflow", True),
        ("Workflow", "Workflow", False),
        ("SparkApplication", "ScheduledSparkApplication", True),
        ("HorizontalPodAutoscaler", "ScaledObject", True),
        ("HorizontalPodAutoscaler", "Application", False),
        ("CertificateRequest", "Certificate", True),
        ("Revision", "Configuration", True),
        ("PodGroup", "Job", True),
        ("VirtualMachineInstance", "VirtualMachine", True),
        ("Secret", "CephCluster", True),
        ("ConfigMap", "CephCluster", False),
        ("ConfigMap", "Deployment", False),
        ("Deployment", "Widget", False),
    ],
)
def test_regenerated_children(child: str, owner: str, regenerated: bool) -> None:  # noqa: FBT001
    """Children that a controller makes again are left to it; others move with their owner."""
    manifest = made("x/v1", child, "c", owners=[{"kind": owner, "name": "o", "uid": "u", "controller": True}])
    assert bool(ownership.regenerating_owner(manifest)) is regenerated
    loose = made("x/v1", child, "c", owners=[{"kind": owner, "name": "o", "uid": "u"}])
    assert not ownership.regenerating_owner(loose)


def test_what_nobody_would_make_again_moves() -> None:
    """OpenShift keeps DeploymentConfigs behind an API server of its own; without its owner a ReplicationController goes on to work."""
    owner = {"apiVersion": "apps.openshift.io/v1", "kind": "DeploymentConfig", "name": "o", "uid": "u", "controller": True}
    child = made("v1", "ReplicationController", "c-1", owners=[owner])
    assert ownership.regenerating_owner(child)
    assert not ownership.regenerating_owner(child, {"apps.openshift.io"})
    assert ownership.regenerating_owner(made("v1", "Pod", "p", owners=[owner]), {"apps.openshift.io"})


def test_lost_owners() -> None:
    """References to owners that are gone or stay go, those that travel stay."""
    travels, stays = ObjectRef("", "ConfigMap", "n", "a"), ObjectRef("", "ConfigMap", "n", "b")
    context = RuleContext(configured(), blue=BlueFacts(uids={"1": travels, "2": stays}, staying=frozenset({stays})))
    manifest = config_map("c", owners=[{"uid": "1"}, {"uid": "2"}, {"uid": "3"}])
    assert ownership.drop_lost_owners(manifest, context)["metadata"]["ownerReferences"] == [{"uid": "1"}]


@pytest.mark.parametrize(
    ("child", "owner", "group", "kept"),
    [
        ("Secret", "Certificate", "cert-manager.io", 1),
        ("Secret", "Certificate", "x.io", 2),
        ("ConfigMap", "Certificate", "cert-manager.io", 2),
        ("PersistentVolumeClaim", "StatefulSet", "apps", 1),
        ("PersistentVolumeClaim", "StatefulSet", "apps.kruise.io", 2),
    ],
)
def test_what_its_owner_would_make_anew_is_not_put_behind_it(child: str, owner: str, group: str, kept: int) -> None:
    """The owner's controller sets its reference again, and makes anew what is not there when the owner comes (velero#7862)."""
    uids = {"1": ObjectRef(group, owner, "n", "web"), "2": ObjectRef("", "ConfigMap", "n", "a")}
    context = RuleContext(configured(), blue=BlueFacts(uids=uids))
    owners = [{"apiVersion": f"{group}/v1", "kind": owner, "name": "web", "uid": "1"}, {"uid": "2"}]
    manifest = made("v1", child, "tls-web", owners=owners)
    assert ownership.drop_lost_owners(manifest, context)["metadata"]["ownerReferences"] == owners[2 - kept :]


def test_relinked_owners() -> None:
    """Every owner gets its UID on green, and nothing else of the object or of blue's manifest changes."""
    manifest = config_map("c", owners=[{"kind": "Widget", "name": "w", "uid": "1"}, {"kind": "Widget", "name": "v", "uid": "2"}])
    relinked = ownership.relinked(manifest, lambda owner: f"green-{owner['name']}")
    assert relinked["metadata"]["ownerReferences"] == [
        {"kind": "Widget", "name": "w", "uid": "green-w"},
        {"kind": "Widget", "name": "v", "uid": "green-v"},
    ]
    assert [owner["uid"] for owner in manifest["metadata"]["ownerReferences"]] == ["1", "2"]
    assert relinked["data"] == manifest["data"]
    loose = config_map("c")
    assert ownership.relinked(loose, lambda _: "never") is loose


POD, LOCK, KEY, WIDGET, SECRET = (
    ObjectRef("", "Pod", "n", "operator-1"),
    ObjectRef("", "ConfigMap", "n", "lock"),
    ObjectRef("", "Secret", "n", "key"),
    ObjectRef("example.com", "Widget", "n", "w"),
    ObjectRef("", "Secret", "n", "of-widget"),
)
UIDS = {"p": POD, "l": LOCK, "w": WIDGET}
BY_POD, BY_LOCK, BY_WIDGET = Owner("p", "Pod"), Owner("l", "ConfigMap"), Owner("w", "Widget.example.com")


@pytest.mark.parametrize(
    ("owned", "staying", "left"),
    [
        ({LOCK: (BY_POD,)}, {POD}, {LOCK: "Pod operator-1"}),
        ({LOCK: (BY_POD,)}, set(), {}),
        ({KEY: (BY_LOCK,), LOCK: (BY_POD,)}, {POD}, {LOCK: "Pod operator-1", KEY: "ConfigMap lock"}),
        ({LOCK: (BY_POD, BY_WIDGET)}, {POD}, {}),
        ({SECRET: (BY_WIDGET,)}, {WIDGET}, {}),
        ({LOCK: (Owner("gone", "Pod"),)}, set(), {}),
        ({LOCK: (Owner("x", "Node"),)}, set(), {LOCK: "Node"}),
    ],
    ids=[
        "its pod stays",
        "its pod moves",
        "a chain",
        "one owner moves",
        "left out by a person",
        "owner unknown",
        "kind never moved",
    ],
)
def test_what_lives_and_dies_with_what_stays(
    owned: dict[ObjectRef, tuple[Owner, ...]], staying: set[ObjectRef], left: dict[ObjectRef, str]
) -> None:
    """Locks and credentials of a run stay with it; what a person has left out takes nothing along."""
    assert ownership.left_behind(owned, UIDS, staying, {"Node"}) == left


@pytest.mark.parametrize(
    ("owners", "left"), [((BY_WIDGET,), {SECRET: "Widget.example.com w"}), ((BY_WIDGET, BY_LOCK), {})], ids=["alone", "not alone"]
)
def test_what_is_owned_by_what_is_being_deleted_goes_with_it(owners: tuple[Owner, ...], left: dict[ObjectRef, str]) -> None:
    """An owner whose finalizer nobody handles any more is deleted some day, and so is what it owns alone."""
    assert ownership.left_behind({SECRET: owners}, UIDS, {WIDGET}, (), {WIDGET}) == left


class CountedUids(dict[str, ObjectRef]):
    """UIDs that count how often one is looked up."""

    asked = 0

    def get(self, key: str, default: Any = None) -> Any:
        """Count."""
        self.asked += 1
        return super().get(key, default)


def line_of_owners(length: int) -> tuple[int, int]:
    """Return how many of a line of owners stay with the pod at its end, and how often a UID was looked up."""
    names = [ObjectRef("", "ConfigMap", "n", str(number)) for number in range(length)]
    pod = ObjectRef("", "Pod", "n", "p")
    uids = CountedUids({f"u{number}": ref for number, ref in enumerate(names)} | {"p": pod})
    owned = {ref: (ownership.Owner(f"u{number + 1}", "ConfigMap"),) for number, ref in enumerate(names[:-1])}
    owned[names[-1]] = (ownership.Owner("p", "Pod"),)
    return len(ownership.left_behind(owned, uids, {pod}, ())), uids.asked


def test_a_long_line_of_owners_costs_no_more_for_each_object() -> None:
    """A tenant can make one of thousands: ten times as many objects are ten times the work."""
    (few, asked), (many, asked_more) = line_of_owners(100), line_of_owners(1000)
    assert (few, many) == (100, 1000)
    assert asked_more <= 10 * asked
