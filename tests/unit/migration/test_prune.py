"""A prune deletes what the migration made, and nothing that others made inside of it."""

from __future__ import annotations

import pytest

from migrator.migration.copy import CopyOptions, CopyResult
from migrator.migration.prune import counted, in_order
from migrator.model.manifest import Manifest
from migrator.model.outcome import Action
from migrator.model.ref import ObjectRef
from tests.support.fake_cluster.faults import Fault, forbidden, unavailable
from tests.support.objects import config_map, crd, deployment, made, service
from tests.support.pairs import Pair, contents, in_green, in_shop, owned_by, pair

SHOP = ObjectRef("", "Namespace", "", "shop")
WIDGETS = ObjectRef("apiextensions.k8s.io", "CustomResourceDefinition", "", "widgets.example.com")
FRONT = ObjectRef("apps", "Deployment", "shop", "front")
PRUNE = CopyOptions(prune=True, backend_timeout=1.0)


def copied(*objects: Manifest) -> Pair:
    """Return a pair after a copy."""
    both = pair(*objects)
    assert both.copy().complete
    return both


def without(both: Pair, *refs: ObjectRef, options: CopyOptions = PRUNE) -> CopyResult:
    """Delete objects from blue, and copy again."""
    for ref in refs:
        found = in_green(both.blue, ref)
        both.blue.delete(both.blue.type_of(found), ref.namespace, ref.name, uid=found["metadata"]["uid"])
    return both.next_run().copy(options)


def slice_of(name: str) -> Manifest:
    """Return what the EndpointSlice controller makes for a Service."""
    labels = {"endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io"}
    return made("discovery.k8s.io/v1", "EndpointSlice", f"{name}-x", namespace="shop", labels=labels, endpoints=[])


def test_a_namespace_that_others_use_is_kept_and_says_what_it_holds() -> None:
    """Kubernetes deletes all that is in a namespace with it."""
    both = copied(in_shop(config_map("a")))
    both.green.hold(made("v1", "Secret", "made-by-green-team", namespace="shop"))
    result = without(both, ObjectRef("", "ConfigMap", "shop", "a"), SHOP)
    (problem,) = result.problems
    assert (problem.ref, problem.action) == (SHOP, Action.BLOCKED)
    assert problem.message == "is kept: it holds 1 objects that this copy does not delete: Secret/shop/made-by-green-team"
    assert {"Secret/shop/made-by-green-team", "Namespace/shop"} <= {str(ref) for ref in contents(both.green)}
    assert (result.complete, result.counts["deleted"]) == (False, 1)


def test_what_green_makes_in_each_namespace_keeps_nothing() -> None:
    """Nor does what green's controllers made for our own objects, nor what is being deleted already."""
    both = copied(in_shop(deployment("front")), in_shop(service("front")))
    made_by_controller = owned_by(in_green(both.green, FRONT), made("apps/v1", "ReplicaSet", "front-1", namespace="shop", spec={}))
    held = both.green.hold(made_by_controller)[0]
    both.green.hold(
        owned_by(held, made("v1", "Pod", "front-1-x", namespace="shop", spec={})),
        config_map("kube-root-ca.crt", namespace="shop"),
        made("v1", "ServiceAccount", "default", namespace="shop"),
        made("v1", "Endpoints", "front", namespace="shop"),
        made("coordination.k8s.io/v1", "Lease", "leader", namespace="shop", spec={}),
        slice_of("front"),
    )
    going = both.green.hold(config_map("going", namespace="shop", finalizers=["example.com/slow"]))[0]
    both.green.delete(both.green.type_of(going), "shop", "going", uid=going["metadata"]["uid"])
    result = without(both, FRONT, ObjectRef("", "Service", "shop", "front"), SHOP)
    assert (result.problems, result.counts["deleted"]) == ([], 3)


def test_an_object_with_another_owner_too_is_not_ours() -> None:
    """The garbage collector would leave it."""
    both = copied(in_shop(deployment("front")))
    other = both.green.hold(config_map("other", namespace="shop"))[0]
    shared = owned_by(in_green(both.green, FRONT), config_map("shared", namespace="shop"))
    shared["metadata"]["ownerReferences"] += owned_by(other, config_map("shared"))["metadata"]["ownerReferences"]
    both.green.hold(shared)
    (problem,) = without(both, FRONT, SHOP).problems
    assert "2 objects that this copy does not delete: ConfigMap/shop/other, ConfigMap/shop/shared" in problem.message


@pytest.mark.parametrize("name_is_used_again", [False, True])
def test_what_a_deleted_owner_has_left_keeps_nothing(*, name_is_used_again: bool) -> None:
    """The garbage collector is late: the ReplicaSet is gone, its Pod is still there."""
    both = copied()
    replicas = made("apps/v1", "ReplicaSet", "front-1", namespace="shop", spec={})
    owner = both.green.hold(replicas)[0]
    both.green.hold(owned_by(owner, made("v1", "Pod", "front-1-x", namespace="shop", spec={})))
    both.green.delete(both.green.type_of(owner), "shop", "front-1", uid=owner["metadata"]["uid"])
    if name_is_used_again:
        both.green.hold(replicas)
    problems = [problem.message for problem in without(both, SHOP).problems]
    assert [message.partition("delete: ")[2] for message in problems] == ["ReplicaSet.apps/shop/front-1"] * name_is_used_again


def test_an_owner_that_is_not_in_the_lists_but_lives_keeps_the_namespace() -> None:
    """It came after its kind was listed, or is of a kind that spans namespaces: its object is somebody's."""
    both = copied()
    node = both.green.hold(made("v1", "Node", "rack-1"))[0]
    both.green.hold(owned_by(node, config_map("theirs", namespace="shop")))
    (problem,) = without(both, SHOP).problems
    assert "ConfigMap/shop/theirs" in problem.message


def test_a_definition_with_objects_of_others_is_kept() -> None:
    """Its deletion would take them along, in every namespace."""
    both = copied(crd("widgets", "Widget", "example.com"))
    both.green.hold(made("example.com/v1", "Widget", "theirs", namespace="default", spec={}))
    (problem,) = without(both, WIDGETS).problems
    assert (problem.ref, "Widget.example.com/default/theirs" in problem.message) == (WIDGETS, True)
    assert WIDGETS in contents(both.green)


@pytest.mark.parametrize("fault", [forbidden, unavailable])
def test_what_cannot_be_listed_keeps_the_namespace(fault: type[Exception]) -> None:
    """Nobody can tell whether it is empty."""
    both = copied()
    both.green.faults.append(Fault("list", fault, kind="Role", after=0))  # type: ignore[arg-type]
    (problem,) = without(both, SHOP).problems
    assert "is kept: what it holds cannot be listed: green answered" in problem.message
    assert SHOP in contents_but(both, "Role")


def test_a_namespace_that_green_could_not_finish_deleting_is_kept() -> None:
    """Green asks every API server first, and one that is gone leaves the namespace terminating for ever (kubernetes#75788)."""
    both = copied()
    spec = {"group": "metrics.example.com", "version": "v1", "service": {"namespace": "kube-system", "name": "server"}}
    server = made("apiregistration.k8s.io/v1", "APIService", "v1.metrics.example.com", spec=spec)
    both.green.hold({**server, "status": {"conditions": [{"type": "Available", "status": "False"}]}})
    (problem,) = without(both, SHOP).problems
    assert problem.message.endswith("while APIService v1.metrics.example.com is not available")


def test_objects_of_others_that_own_each_other_are_theirs() -> None:
    """Whoever follows owners must come to an end (tilt#6238, kubeeye#74)."""
    both = copied()
    first = both.green.hold(config_map("first", namespace="shop"))[0]
    second = both.green.hold(owned_by(first, config_map("second", namespace="shop")))[0]
    patch = {"metadata": {"ownerReferences": owned_by(second, first)["metadata"]["ownerReferences"]}}
    both.green.patch(both.green.type_of(first), "shop", "first", patch, manager="them")
    (problem,) = without(both, SHOP).problems
    assert "2 objects that this copy does not delete" in problem.message


def contents_but(both: Pair, kind: str) -> set[ObjectRef]:
    """Return what is on green, of all kinds but one that cannot be listed."""
    both.green.stop_serving("rbac.authorization.k8s.io", kind)
    return set(contents(both.green))


def test_a_person_is_asked_with_counts_and_may_say_no() -> None:
    """Nothing is deleted then, and the copy has still been made."""
    both = copied(in_shop(config_map("a")), in_shop(config_map("b")))
    asked: list[str] = []

    def no(question: str) -> bool:
        asked.append(question)
        return False

    result = without(
        both,
        ObjectRef("", "ConfigMap", "shop", "a"),
        ObjectRef("", "ConfigMap", "shop", "b"),
        SHOP,
        options=CopyOptions(prune=True, confirm=no),
    )
    assert asked == ["Delete 3 objects (2 ConfigMap, 1 Namespace) from green?"]
    assert (result.complete, result.counts["deleted"], len(result.gone)) == (True, 0, 3)
    assert SHOP in contents(both.green)


def test_what_judges_goes_first_and_what_holds_goes_last() -> None:
    """Webhooks, then objects, then definitions, then namespaces."""
    hooks = ObjectRef("admissionregistration.k8s.io", "ValidatingWebhookConfiguration", "", "z")
    config = ObjectRef("", "ConfigMap", "shop", "a")
    assert in_order([SHOP, WIDGETS, config, hooks]) == [hooks, config, WIDGETS, SHOP]
    assert counted([config]) == "1 objects (1 ConfigMap)"
