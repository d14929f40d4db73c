"""Whether an object is written is decided by who made it, and by who changed it since."""

from __future__ import annotations

import orjson
import pytest

from migrator.migration.apply.judge import judge
from migrator.migration.state import Attempt, State, Written
from migrator.model.manifest import Manifest
from migrator.model.outcome import Action
from migrator.model.ref import ObjectRef
from tests.support.objects import config_map, deployment, job, made
from tests.support.pairs import Pair, finished_job, in_green, in_shop, pair, token_of

A = ObjectRef("", "ConfigMap", "shop", "a")
ACCOUNT = ObjectRef("", "ServiceAccount", "shop", "default")


def copied() -> Pair:
    """Return a pair after a copy, as the next run finds it."""
    both = pair(config_map("a", namespace="shop"))
    both.copy()
    return both.next_run()


def decided(both: Pair, ref: ObjectRef = A, *, state: State | None = None, force: bool = False) -> Action | None:
    """Return the action that needs no write, or None."""
    known = both.known(state=state, force=force)
    found = judge(both.item(ref), known.live.get(ref), known)
    return found.action if found else None


def change(both: Pair, *, blue: str = "", green: str = "") -> None:
    """Change the ConfigMap on either side, as a person does."""
    for cluster, value in ((both.blue, blue), (both.green, green)):
        if value:
            cluster.patch(cluster.type_of(config_map("a")), "shop", "a", {"data": {"key": value}}, manager="kubectl")


def test_what_is_not_on_green_is_written() -> None:
    """There is nothing to compare."""
    assert decided(pair(config_map("a", namespace="shop"))) is None


def test_equal_tokens_are_unchanged_without_a_comparison() -> None:
    """The journal knows both sides: even contents that differ are not looked at."""
    both = copied()
    change(both, green="other")
    written = Written(in_green(both.green, A)["metadata"]["uid"], token_of(both.green, A), both.item(A).token, made=True)
    assert decided(both, state=State(written={A: written})) is Action.UNCHANGED


def test_what_others_made_is_a_conflict_unless_forced() -> None:
    """The same content is no conflict."""
    both = pair(config_map("a", namespace="shop"))
    both.green.hold(made("v1", "Namespace", "shop"), config_map("a", namespace="shop"))
    assert decided(both) is Action.UNCHANGED
    change(both, green="other")
    assert decided(both) is Action.CONFLICT
    assert decided(both, force=True) is None


def test_what_others_changed_is_a_conflict_unless_forced() -> None:
    """Also when blue changed too."""
    both = copied()
    change(both, green="other")
    assert decided(both) is Action.CONFLICT
    change(both, blue="third")
    assert decided(both) is Action.CONFLICT
    assert decided(both, force=True) is None


def test_what_changed_on_blue_only_is_replaced() -> None:
    """Nobody has touched it on green."""
    both = copied()
    change(both, blue="new")
    assert decided(both) is None


@pytest.mark.parametrize(
    ("made_at", "value", "manager", "ours"),
    [
        (0, "value", "kubectl-create", True),
        (100, "value", "kubectl-create", True),
        (0, "other", "kubectl-create", False),
        (0, "value", "helm", False),
        (-10, "value", "kubectl-create", False),
        (200, "value", "kubectl-create", False),
    ],
    ids=["at-once", "late", "other-content", "other-manager", "before", "after"],
)
def test_what_a_run_without_an_answer_may_have_created_is_known_by_time_name_and_content(
    made_at: float, value: str, manager: str, *, ours: bool
) -> None:
    """An object that somebody else has created in between is never taken for ours."""
    both = pair(config_map("a", namespace="shop"))
    attempt = Attempt(both.clock.now(), both.clock.now() + 50)
    both.clock.pass_time(made_at)
    both.green.hold(made("v1", "Namespace", "shop"), config_map("a", {"key": value}, namespace="shop"), manager=manager)
    known = both.known(state=State(intended={A: attempt}))
    assert known.made(both.item(A), known.live[A]) is ours
    assert decided(both, state=known.state) is (Action.UNCHANGED if value == "value" else Action.CONFLICT)


def test_an_object_of_ours_whose_fields_have_no_owners_yet_is_finished() -> None:
    """The run was killed between its two requests; the second is made up for, and then it is known as ours, too."""
    both = pair()
    manifest = both.blue.hold(config_map("a", namespace="shop"))[0]
    both.blue.patch(both.blue.type_of(manifest), "shop", "a", {"data": {"more": "1"}}, manager="kubectl-edit")
    both.green.hold(made("v1", "Namespace", "shop"))
    item = both.item(A)
    assert item.managed_fields
    both.green.create(both.green.type_of(manifest), "shop", item.body, manager=item.manager)
    state = State(intended={A: Attempt(both.clock.now(), both.clock.now())})
    assert decided(both, state=state) is None
    owners = {"metadata": {"managedFields": orjson.loads(item.managed_fields)}}
    both.green.patch(both.green.type_of(manifest), "shop", "a", owners, manager="migrator")
    known = both.known(state=state)
    assert (decided(both, state=state), known.made(item, known.live[A])) == (Action.UNCHANGED, True)


def test_the_default_account_is_shared() -> None:
    """Green creates it itself, and blue's additions belong to it."""
    account = made("v1", "ServiceAccount", "default", namespace="shop", imagePullSecrets=[{"name": "pull"}])
    both = pair(account)
    both.green.hold(made("v1", "Namespace", "shop"), made("v1", "ServiceAccount", "default", namespace="shop"))
    assert decided(both, ACCOUNT) is None


@pytest.mark.parametrize(
    ("fields", "action"),
    [
        ({"imagePullSecrets": [{"name": "mirror"}]}, None),
        ({"imagePullSecrets": [{"name": "mirror"}, {"name": "pull"}]}, Action.UNCHANGED),
        ({"imagePullSecrets": [{"name": "pull"}], "automountServiceAccountToken": False}, Action.CONFLICT),
    ],
)
def test_what_greens_owner_gave_the_default_account_stays(fields: Manifest, action: Action | None) -> None:
    """Blue's items are added; a value that contradicts one of green's is a conflict, and force takes it."""
    blue = {"imagePullSecrets": [{"name": "pull"}]}
    if "automountServiceAccountToken" in fields:
        blue["automountServiceAccountToken"] = True  # type: ignore[assignment]
    both = pair(made("v1", "ServiceAccount", "default", namespace="shop", **blue))
    both.green.hold(made("v1", "Namespace", "shop"), made("v1", "ServiceAccount", "default", namespace="shop", **fields))
    assert decided(both, ACCOUNT) is action
    assert decided(both, ACCOUNT, force=True) is (None if action is Action.CONFLICT else action)


def test_a_value_that_only_blue_has_changed_is_brought_to_a_shared_object() -> None:
    """What green has is what was written there."""
    both = pair(made("v1", "ServiceAccount", "default", namespace="shop", annotations={"role": "a"}))
    both.green.hold(made("v1", "Namespace", "shop"), made("v1", "ServiceAccount", "default", namespace="shop"))
    both.copy()
    later = both.next_run()
    account = later.blue.type_of(made("v1", "ServiceAccount", "default"))
    later.blue.patch(account, "shop", "default", {"metadata": {"annotations": {"role": "b"}}}, manager="kubectl")
    assert decided(later, ACCOUNT) is None


def admitting(both: Pair, **spec: object) -> None:
    """Let green's admission write values into each Deployment."""
    both.green.defaults["Deployment"] = lambda made: {**made, "spec": {**made["spec"], **spec}}


def test_another_value_that_green_s_admission_wrote_is_no_conflict() -> None:
    """A second write would end the same way; a person's change since is a conflict."""
    front = ObjectRef("apps", "Deployment", "shop", "front")
    both = pair(in_shop(deployment("front", 2)))
    admitting(both, replicas=3)
    both.copy()
    later = both.next_run()
    assert decided(later, front) is Action.UNCHANGED
    kind = later.green.type_of(deployment("front"))
    later.green.patch(kind, "shop", "front", {"spec": {"replicas": 5}}, manager="kubectl")
    assert decided(later, front) is Action.CONFLICT


def test_a_value_that_green_has_lost_is_a_conflict() -> None:
    """It is told, not taken for green's own."""
    front = ObjectRef("apps", "Deployment", "shop", "front")
    both = pair(in_shop(deployment("front", 2)))
    admitting(both, replicas=None)
    both.copy()
    later = both.next_run()
    found = {**in_green(later.green, front), "status": {"replicas": 1}}
    later.green.replace(
        later.green.type_of(found), "shop", "front", orjson.dumps(found), manager="controller", subresource="status"
    )
    assert decided(later, front) is Action.CONFLICT


def test_what_green_s_owner_wrote_in_a_shared_object_is_not_overwritten_later() -> None:
    """Also when blue gets another value for it after the first copy."""
    both = pair(made("v1", "ServiceAccount", "default", namespace="shop", annotations={"role": "a"}))
    theirs = made("v1", "ServiceAccount", "default", namespace="shop", annotations={"team": "green"})
    both.green.hold(made("v1", "Namespace", "shop"), theirs, manager="green-owner")
    both.copy()
    later = both.next_run()
    account = later.blue.type_of(made("v1", "ServiceAccount", "default"))
    later.blue.patch(account, "shop", "default", {"metadata": {"annotations": {"team": "blue"}}}, manager="kubectl")
    assert decided(later, ACCOUNT) is Action.CONFLICT


def test_a_conflict_shows_no_secret() -> None:
    """The path is told, the values are not."""
    ref = A._replace(kind="Secret")
    both = pair(made("v1", "Secret", "a", namespace="shop", data={"key": "Ymx1ZQ=="}))
    both.green.hold(made("v1", "Namespace", "shop"), made("v1", "Secret", "a", namespace="shop", data={"key": "Z3JlZW4="}))
    known = both.known()
    found = judge(both.item(ref), known.live[ref], known)
    assert found is not None
    assert [item.path for item in found.differences] == ["data.key"]
    assert "Ymx1ZQ==" not in str(found)
    assert "Z3JlZW4=" not in str(found)


def test_a_job_of_somebody_else_is_not_ended_like_blue_s() -> None:
    """Only one that this migration has created waits for its status."""
    both = pair(finished_job("a"))
    both.green.hold(made("v1", "Namespace", "shop"), in_shop(job("a")))
    ref = ObjectRef("batch", "Job", "shop", "a")
    known = both.known()
    assert not known.finish_is_due(both.item(ref), known.live[ref])
