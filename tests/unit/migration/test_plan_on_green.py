"""What green does not tell, and what refuses writes there, is added to a plan that was made without it."""

from __future__ import annotations

import pytest

from migrator.errors import ApiError
from migrator.migration.inventory import GreenReading
from migrator.migration.plan_on_green import with_green
from migrator.model.plan import Decision
from migrator.model.ref import ObjectRef
from tests.support.fake_cluster.faults import Fault, forbidden
from tests.support.objects import config_map, made
from tests.support.pairs import pair

A = ObjectRef("", "ConfigMap", "shop", "a")


def test_what_green_does_not_tell_is_added_to_the_plan() -> None:
    """A kind that may not be read there counts as unreadable, and a warning names it."""
    both = pair(config_map("a", namespace="shop"))
    both.green.faults.append(Fault("list", forbidden, kind="ConfigMap"))
    plan, _ = both.read()
    assert [item.type_name for item in plan.unreadable] == ["ConfigMap"]
    assert plan.warnings == ("not readable with this account, so not moved: ConfigMap",)


@pytest.mark.parametrize(("policy", "warned"), [("Fail", True), ("Ignore", False)])
def test_a_webhook_of_green_that_refuses_all_is_warned_of(policy: str, *, warned: bool) -> None:
    """Only one that fails without its Service does."""
    client = {"service": {"namespace": "shop", "name": "hook"}}
    hooks = [{"name": "a.example.com", "clientConfig": client, "failurePolicy": policy}]
    manifest = made("admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration", "hooks", webhooks=hooks)
    both = pair(manifest)
    both.green.hold(manifest)
    warnings = both.read()[0].warnings
    assert any("shop/hook is not there" in text for text in warnings) is warned


def test_what_is_there_and_cannot_be_read_is_not_overwritten() -> None:
    """It is in no wave, and a person is told why; the rest moves."""
    plan, green = pair(config_map("a", namespace="shop"), config_map("b", namespace="shop")).read()
    found = with_green(plan, GreenReading(green.live, strange={A: "has no name"}))
    (item,) = (item for item in found.items if item.blue == A)
    assert (item.decision, item.reason, item.hint) == (
        Decision.BLOCKED,
        "its object on green has no name",
        "fix or delete it on green",
    )
    assert [item.blue.name for wave in found.waves for item in wave if item.blue.kind == "ConfigMap"] == ["b"]


def test_a_kind_whose_server_fails_is_not_said_to_be_forbidden() -> None:
    """One object that cannot be decrypted makes 500 of each list (kubernetes#66844): no grant helps, and the message names it."""
    both = pair(config_map("a", namespace="shop"))

    def corrupt() -> ApiError:
        return ApiError('unable to transform key "/registry/configmaps/shop/b"', status=500, reason="InternalError")

    both.blue.faults.append(Fault("list", corrupt, kind="ConfigMap"))
    plan, _ = both.read()
    assert [item.failed for item in plan.unreadable] == [True]
    assert {"/registry/configmaps/shop/b" in text and "with this account" not in text for text in plan.warnings} == {True}
