"""Each object that moves is shown as green would have it, by dry runs alone."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from migrator.errors import ApiError
from migrator.migration.diff import ObjectDiff, diff
from migrator.model.difference import MISSING
from migrator.model.ref import ObjectRef
from tests.support.fake_cluster.faults import Fault, conflict, forbidden, unavailable, uncalled
from tests.support.objects import config_map, deployment, made
from tests.support.pairs import Pair, contents, in_green, in_shop, owned_by, pair, shop

A = ObjectRef("", "ConfigMap", "shop", "a")


def entries(both: Pair) -> dict[ObjectRef, ObjectDiff]:
    """Return the entries by object."""
    plan, green = both.read()
    return {entry.ref: entry for entry in diff(plan, both.green, green.live, both.recorder)}


def change(both: Pair, value: str, *, green: bool = False) -> None:
    """Change the ConfigMap of one side."""
    cluster = both.green if green else both.blue
    cluster.patch(cluster.type_of(config_map("a")), "shop", "a", {"data": {"key": value}}, manager="kubectl")


def copied(*objects: dict[str, object]) -> Pair:
    """Return a pair after a copy of a ConfigMap, or of these objects."""
    both = pair(*objects or (config_map("a", namespace="shop"),))
    both.copy()
    return both.next_run()


def test_nothing_is_written() -> None:
    """Before a copy, after one, and after a change."""
    changed = copied()
    change(changed, "new")
    for both in (shop(), copied(), changed):
        before = contents(both.green)
        entries(both)
        assert contents(both.green) == before


def test_every_object_that_moves_has_an_entry_in_the_order_of_the_plan() -> None:
    """However many threads ask."""
    both = shop()
    plan, green = both.read()
    found = [entry.ref for entry in diff(plan, both.green, green.live, both.recorder)]
    assert found == [item.green for wave in plan.waves for item in wave]
    assert len(found) == plan.counts["move"]


def test_what_is_not_on_green_would_be_created() -> None:
    """Each of its fields is told, with what green itself adds, and without what only a server sets."""
    both = pair(in_shop(made("v1", "Service", "front", spec={"ports": [{"port": 80}]})))
    both.green.hold(made("v1", "Namespace", "shop"))
    found = entries(both)[ObjectRef("", "Service", "shop", "front")]
    paths = {item.path: item for item in found.differences}
    assert (found.action, found.message) == ("create", "")
    assert paths["spec.ports"].live is MISSING
    assert "spec.clusterIP" in paths
    assert not any(path.startswith(("metadata.uid", "metadata.resourceVersion", "metadata.managedFields")) for path in paths)


def test_an_object_of_a_namespace_that_is_not_there_yet_is_proven_elsewhere() -> None:
    """It is shown with its own namespace, and that it was elsewhere is said."""
    found = entries(pair(config_map("a", namespace="shop")))[A]
    assert (found.action, found.message) == ("create", "proven in namespace default")
    assert next(item.wanted for item in found.differences if item.path == "metadata.namespace") == "shop"


def test_an_object_of_a_crd_that_is_not_there_yet_is_unproven() -> None:
    """That is said; no success without proof."""
    found = entries(shop())[ObjectRef("example.com", "Widget", "shop", "big")]
    assert (found.action, found.differences) == ("unproven", ())
    assert "its CRD is not on green yet" in found.message


def test_what_is_as_it_was_copied_is_unchanged() -> None:
    """What a server or a controller sets is not a change."""
    both = copied(in_shop(deployment("front")))
    ref = ObjectRef("apps", "Deployment", "shop", "front")
    live = in_green(both.green, ref)
    note = {"metadata": {"annotations": {"deployment.kubernetes.io/revision": "2"}}}
    both.green.patch(both.green.type_of(live), "shop", "front", note, manager="controller")
    assert {entry.action for entry in entries(both).values()} == {"unchanged"}


@pytest.mark.parametrize("green", [False, True])
def test_what_changed_on_either_side_is_told(*, green: bool) -> None:
    """With the value that is there and the one that would be."""
    both = copied()
    change(both, "new", green=green)
    found = entries(both)[A]
    values = ("new", "value") if green else ("value", "new")
    assert (found.action, [tuple(item) for item in found.differences]) == ("change", [("data.key", *values)])


def test_values_of_secrets_are_not_shown() -> None:
    """Neither of one that is created nor of one that changes."""
    both = pair(made("v1", "Secret", "a", namespace="shop", data={"key": "Ymx1ZQ=="}))
    ref = A._replace(kind="Secret")
    assert "Ymx1ZQ==" not in str(entries(both)[ref])
    both.copy()
    both.blue.patch(both.blue.type_of(made("v1", "Secret", "a")), "shop", "a", {"data": {"key": "bmV3"}}, manager="kubectl")
    found = entries(both.next_run())[ref]
    assert (found.action, [item.path for item in found.differences]) == ("change", ["data.key"])
    assert not any(value in str(found) for value in ("Ymx1ZQ==", "bmV3"))


def test_owners_on_green_are_no_difference() -> None:
    """Their UIDs are green's own."""
    both = pair()
    owner = both.blue.hold(config_map("parent", namespace="shop"))[0]
    both.blue.hold(owned_by(owner, config_map("a", namespace="shop")))
    both.copy()
    assert entries(both.next_run())[A].action == "unchanged"


def test_owners_of_what_is_not_there_yet_are_not_shown() -> None:
    """They have no UID on green, and blue's would be wrong."""
    found = entries(shop())[A._replace(name="child")]
    assert found.action == "create"
    assert not any(item.path.startswith("metadata.ownerReferences") for item in found.differences)


def test_a_refusal_is_an_entry() -> None:
    """In green's words; the others are shown all the same."""
    both = copied()
    change(both, "new")
    both.green.faults.append(Fault("replace", forbidden, kind="ConfigMap"))
    found = entries(both)
    assert (found[A].action, found[A].message) == ("refused", "green answered 403")
    assert found[ObjectRef("", "Namespace", "", "shop")].action == "unchanged"


@pytest.mark.parametrize("error", [uncalled("check.example.com"), unavailable])
def test_what_green_gave_no_answer_about_is_unproven(error: Callable[[], ApiError]) -> None:
    """Nobody has refused it; the reason is told, and all others have their entries."""
    both = pair(config_map("a", namespace="shop"), in_shop(deployment("front")))
    both.green.faults.append(Fault("create", error, kind="ConfigMap"))
    found = entries(both)
    assert (found[A].action, found[A].message) == ("unproven", error().message)
    assert {entry.action for ref, entry in found.items() if ref != A} == {"create"}


@pytest.mark.parametrize(("times", "action"), [(1, "unchanged"), (99, "unproven")])
def test_what_a_controller_writes_to_meanwhile_is_asked_again(times: int, action: str) -> None:
    """A status that changes is not a refusal; one that never rests proves nothing."""
    both = copied()
    both.green.faults.append(Fault("replace", conflict, times=times))
    assert entries(both)[A].action == action
