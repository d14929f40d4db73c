"""A refusal by the server is an outcome, and a change meanwhile is not overwritten."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from migrator.errors import ApiError, ThrottledError
from migrator.migration.apply.write import Writer
from migrator.model.manifest import Manifest
from migrator.model.outcome import Action, Outcome
from migrator.model.ref import ObjectRef
from tests.support.fake_cluster.faults import (
    Fault,
    conflict,
    forbidden,
    invalid,
    quota_changed,
    silent,
    there_already,
    throttled,
    unavailable,
)
from tests.support.objects import config_map, crd, deployment, made
from tests.support.pairs import Pair, finished_job, in_green, in_shop, owned_by, pair, writes

A = ObjectRef("", "ConfigMap", "shop", "a")


def ready(*objects: Manifest) -> Pair:
    """Return a pair whose namespace is on green."""
    both = pair(*objects or (config_map("a", namespace="shop"),))
    both.green.hold(made("v1", "Namespace", "shop"))
    return both


def write(both: Pair, ref: ObjectRef = A) -> Outcome:
    """Write one object."""
    return Writer(both.green, both.clock).write(both.item(ref), both.known())


@pytest.mark.parametrize("error", [throttled, unavailable, silent, forbidden])
def test_a_refusal_is_a_failed_outcome(error: Callable[[], ApiError]) -> None:
    """One object must not end the copy of all others."""
    both = ready()
    both.green.faults.append(Fault("create", error))
    assert write(both).action is Action.FAILED
    assert write(both).message.startswith("green ")


def test_what_appears_meanwhile_is_judged_again() -> None:
    """Somebody else's object is left alone; one with the same content is unchanged."""
    for value, action in (("value", Action.UNCHANGED), ("other", Action.CONFLICT)):
        both = ready()
        item, known = both.item(A), both.known()
        both.green.hold(config_map("a", {"key": value}, namespace="shop"))
        assert Writer(both.green, both.clock).write(item, known).action is action
        assert in_green(both.green, A)["data"] == {"key": value}


def test_a_create_that_green_carried_out_without_an_answer_is_ours() -> None:
    """The client sent it again, and saw only that the object is there; the journal can say so, and prune delete it."""
    both = ready(finished_job("a"))
    both.green.faults.append(Fault("create", there_already, times=1, lost_answer=True))
    found = write(both, ObjectRef("batch", "Job", "shop", "a"))
    assert (found.action, found.made) == (Action.CREATED, True)
    assert in_green(both.green, found.ref)["status"]["succeeded"] == 1


@pytest.mark.parametrize(
    ("value", "manager", "before"), [("other", "kubectl-create", 0), ("value", "argocd", 0), ("value", "kubectl-create", 10)]
)
def test_a_foreign_object_that_a_second_attempt_meets_is_not_taken(value: str, manager: str, before: float) -> None:
    """The first attempt had no answer and no effect, and somebody was faster."""
    both = ready()
    item, known = both.item(A), both.known()
    both.green.hold(config_map("a", {"key": value}, namespace="shop"), manager=manager)
    known = replace(known, since=known.since + before)
    both.green.faults.append(Fault("create", there_already, times=1))
    found = Writer(both.green, both.clock).write(item, known)
    assert (found.action, found.made) == (Action.UNCHANGED if value == "value" else Action.CONFLICT, False)
    assert in_green(both.green, A)["data"] == {"key": value}


def test_a_quota_that_several_creates_change_is_waited_for() -> None:
    """The answer is a conflict although the object is not there (kubernetes#67761)."""
    both = ready()
    both.green.faults.append(Fault("create", quota_changed, times=3))
    assert write(both).action is Action.CREATED


@pytest.mark.parametrize(("status", "made"), [(429, False), (500, True), (504, True)])
def test_an_answer_that_leaves_open_what_was_done_is_noted(status: int, *, made: bool) -> None:
    """An API server whose etcd does not answer in time asks for a pause, and may have written the object."""
    both = ready()
    error = ThrottledError("green answered", status=status, reason="ServerTimeout", retry_after=1.0)
    both.green.faults.append(Fault("create", lambda: error))
    found = write(both)
    assert found.made is made
    assert "run copy again" in found.message


@pytest.mark.parametrize(("times", "action"), [(4, Action.CHANGED), (5, Action.FAILED)])
def test_a_replace_is_tried_five_times(times: int, action: Action) -> None:
    """Controllers change objects all the time."""
    both = ready()
    both.green.hold(config_map("a", {"key": "old"}, namespace="shop"))
    both.green.faults.append(Fault("replace", conflict, times=times))
    assert write(both).action is action
    assert len([item for item in writes(both.green) if item.startswith("replace")]) == 5


def test_a_field_that_cannot_change_has_its_hint() -> None:
    """A person is told to delete the object."""
    both = ready()
    both.green.hold(config_map("a", {"key": "old"}, namespace="shop", immutable=True))
    found = write(both)
    assert found.action is Action.FAILED
    assert "Delete the object on green" in found.message


def test_nobody_is_told_to_delete_what_takes_others_along() -> None:
    """A claim's data would go with it; so would all objects of a definition."""
    claim = made("v1", "PersistentVolumeClaim", "data", namespace="shop", spec={"storageClassName": "new"})
    both = ready(claim)
    both.green.hold({**claim, "spec": {"storageClassName": "old"}})
    both.green.faults.append(Fault("replace", invalid))
    found = write(both, ObjectRef("", "PersistentVolumeClaim", "shop", "data"))
    assert found.action is Action.FAILED
    assert "Delete the object" not in found.message
    assert "deletes its data, too" in found.message


def test_an_owner_that_is_not_on_green_is_named() -> None:
    """Without its UID the object would be collected as garbage."""
    both = ready()
    owner = both.blue.hold(config_map("parent", namespace="shop"))[0]
    both.blue.hold(owned_by(owner, config_map("child", namespace="shop")))
    found = write(both, A._replace(name="child"))
    assert (found.action, "its owner ConfigMap/parent is not on green" in found.message) == (Action.FAILED, True)
    assert writes(both.green) == []


def applied_by_two() -> Pair:
    """Return a pair with an object whose fields two managers own, and green's namespace."""
    both = ready()
    kind = both.blue.type_of(config_map("a"))
    both.blue.patch(kind, "shop", "a", {"data": {"other": "x"}}, manager="bob")
    return both


def managers(both: Pair, ref: ObjectRef) -> set[str]:
    """Return who owns fields of an object on green."""
    return {entry["manager"] for entry in in_green(both.green, ref)["metadata"]["managedFields"]}


def test_ownership_that_an_api_server_drops_is_a_failure_that_is_mended_later(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that cannot convert the entries says nothing: the answer is read back."""
    both = applied_by_two()
    patch = both.green.patch
    with monkeypatch.context() as context:
        context.setattr(both.green, "patch", lambda kind, namespace, name, _, **more: patch(kind, namespace, name, {}, **more))
        first = both.copy()
    assert [(item.ref, item.action) for item in first.problems] == [(A, Action.FAILED)]
    assert "the API server dropped bob, kubectl-create" in first.problems[0].message
    assert both.next_run().copy().problems == []
    assert managers(both, A) == {"kubectl-create", "bob"}


def test_owners_that_green_s_default_account_has_stay_owners() -> None:
    """What is added to it is this tool's, so that later copies can tell it from theirs."""
    account = made("v1", "ServiceAccount", "default", namespace="shop", annotations={"a": "1"})
    both = ready(account)
    kind = both.blue.type_of(account)
    both.blue.patch(kind, "shop", "default", {"metadata": {"annotations": {"b": "2"}}}, manager="bob")
    both.green.hold(made("v1", "ServiceAccount", "default", namespace="shop", annotations={"g": "3"}), manager="green-owner")
    both.copy()
    ref = ObjectRef("", "ServiceAccount", "shop", "default")
    assert managers(both, ref) == {"green-owner", "migrator"}
    assert in_green(both.green, ref)["metadata"]["annotations"] == {"a": "1", "b": "2", "g": "3"}


CLASS = "kubernetes.io/ingress.class"
SHOP = ObjectRef("networking.k8s.io", "Ingress", "shop", "front")
TRAINING = ObjectRef("ray.io", "RayJob", "shop", "training")


def two_classes() -> Manifest:
    """Return an Ingress whose annotation names another class than its field."""
    return made(
        "networking.k8s.io/v1", "Ingress", "front", namespace="shop", annotations={CLASS: "old"}, spec={"ingressClassName": "new"}
    )


def with_training(*, there: bool = False) -> Pair:
    """Return a pair with a run that has ended; `there`: its kind is served on green before the copy."""
    definition = crd("rayjobs", "RayJob", "ray.io", status=True)
    both = ready(definition)
    if there:
        both.green.hold(definition)
    status = {"jobStatus": "SUCCEEDED", "jobDeploymentStatus": "Complete"}
    both.blue.hold(made("ray.io/v1", "RayJob", "training", namespace="shop", spec={"entrypoint": "a"}, status=status))
    return both


def test_what_no_create_may_have_is_added_afterwards() -> None:
    """The update of an Ingress may name two classes, its create may not."""
    both = ready(two_classes())
    assert write(both, SHOP).action is Action.CREATED
    assert in_green(both.green, SHOP)["metadata"]["annotations"] == {CLASS: "old"}
    assert both.next_run().copy().problems == []


def test_a_copy_that_ended_between_two_steps_is_continued() -> None:
    """The Ingress without its annotation is ours."""
    both = ready(two_classes())
    both.green.faults.append(Fault("patch", forbidden, times=1))
    assert [item.action for item in both.copy().problems] == [Action.FAILED]
    again = both.next_run()
    assert again.copy().problems == []
    assert in_green(both.green, SHOP)["metadata"]["annotations"] == {CLASS: "old"}
    assert again.next_run().copy().counts["unchanged"] == 2


def test_a_run_is_held_until_its_status_is_written() -> None:
    """Its controller on green sees it suspended, then ended."""
    both = with_training()
    assert both.copy().problems == []
    verbs = [request.split()[0] for request in writes(both.green) if " RayJob " in request]
    assert verbs == ["create", "replace", "patch"]
    found = in_green(both.green, TRAINING)
    assert (found["spec"], found["status"]["jobDeploymentStatus"]) == ({"entrypoint": "a"}, "Complete")
    assert both.next_run().copy().counts["unchanged"] == 3


def test_an_end_that_green_does_not_take_leaves_nothing_behind() -> None:
    """A run that is held for ever is not a copy; the next run tries again."""
    both = with_training()
    both.green.faults.append(Fault("replace", invalid, times=1))
    (problem,) = both.copy().problems
    assert (problem.action, problem.ref) == (Action.BLOCKED, TRAINING)
    assert "has ended on blue: Complete, which green refuses" in problem.message
    assert not any(item["kind"] == "RayJob" for item in both.green.list(both.green.type_of(made("ray.io/v1", "RayJob", "a"))))
    assert both.next_run().copy().problems == []


@pytest.mark.parametrize(("sees", "action"), [(True, Action.CREATED), (False, Action.FAILED)])
def test_a_paused_deployment_starts_before_it_is_paused(*, sees: bool, action: Action) -> None:
    """Green's controller makes pods of what is not paused only; one that makes none in time is told of."""
    paused = in_shop(deployment("front"))
    paused["spec"]["paused"] = True
    both = ready(paused)
    ref = ObjectRef("apps", "Deployment", "shop", "front")
    if sees:
        status = {"observedGeneration": 1, "replicas": 1}
        both.green.defaults["Deployment"] = lambda manifest: {**manifest, "status": status}
    found = write(both, ref)
    assert (found.action, in_green(both.green, ref)["spec"].get("paused", False)) == (action, sees)
    assert sees or "has made no pods of it for 30 s" in found.message
