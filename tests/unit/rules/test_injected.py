"""What controllers of each cluster set."""

from __future__ import annotations

from typing import Any

import pytest

from migrator.model.kinds import DEPLOYMENTS
from migrator.model.manifest import get, put, ref_of
from migrator.rules import injected
from migrator.rules.context import BlueFacts, RuleContext
from tests.support.contexts import PLAIN, configured, owned
from tests.support.objects import deployment, made, service
from tests.support.pairs import in_green, in_shop, pair


def test_autoscaled_replicas_are_not_drift() -> None:
    """What an autoscaler or a certificate injector sets is not compared."""
    manifest = {**deployment("web"), "metadata": {"name": "web", "namespace": "n"}}
    context = RuleContext(configured(), blue=BlueFacts(scaled=frozenset({ref_of(manifest)})))
    paths = injected.volatile_paths(manifest, context)
    assert "replicas" not in injected.stable(manifest, paths)["spec"]
    assert injected.volatile_paths(service("s"), PLAIN) == ()


def test_an_authority_with_an_owner_of_its_own_is_written_on_each_cluster() -> None:
    """Who serves the webhook signs for itself; one manager that wrote both has chosen them together."""
    hooks = made("admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration", "h", webhooks=[{"name": "a"}])
    address: dict[str, Any] = {"f:webhooks": {'k:{"name":"a"}': {"f:clientConfig": {"f:service": {"f:name": {}}}}}}
    authority: dict[str, Any] = {"f:webhooks": {'k:{"name":"a"}': {"f:clientConfig": {"f:caBundle": {}}}}}
    both: dict[str, Any] = {"f:webhooks": {'k:{"name":"a"}': {"f:clientConfig": {"f:service": {}, "f:caBundle": {}}}}}
    assert injected.is_signed_at_run_time(owned(hooks, authority, "server"))
    assert not injected.is_signed_at_run_time(owned(hooks, both))
    assert not injected.is_signed_at_run_time(owned(hooks, address))
    assert not injected.is_signed_at_run_time(hooks)
    context = RuleContext(configured(), blue=BlueFacts(signed_at_run_time=frozenset({ref_of(hooks)})))
    assert ("webhooks",) in injected.volatile_paths(hooks, context)
    assert injected.volatile_paths(hooks, PLAIN) == ()


def test_a_status_that_is_a_plain_field_is_its_controllers() -> None:
    """It is brought once; what green's controller makes of it is no difference."""
    manifest = made("argoproj.io/v1alpha1", "Workflow", "a", spec={"x": 1}, status={"phase": "Running"})
    plain = RuleContext(configured(), blue=BlueFacts(plain_status=frozenset({"Workflow.argoproj.io"})))
    paths = injected.volatile_paths(manifest, plain)
    assert injected.stable(manifest, paths) == {key: value for key, value in manifest.items() if key != "status"}
    assert injected.volatile_paths(manifest, PLAIN) == ()


def test_an_authority_that_cert_manager_writes_is_each_clusters_own() -> None:
    """Its annotation asks for it, whatever the owners of fields tell."""
    asked = {"cert-manager.io/inject-ca-from": "shop/hooks"}
    hooks = made("admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration", "h", annotations=asked, webhooks=[])
    assert ("webhooks",) in injected.volatile_paths(hooks, PLAIN)


@pytest.mark.parametrize(
    ("name", "conflicts"),
    [
        ("reloader.stakater.com/last-reloaded-from", 0),
        ("vso.secrets.hashicorp.com/restartedAt", 0),
        ("operator.1password.io/last-restarted", 0),
        ("example.com/told-by-a-person", 1),
    ],
)
def test_a_restart_by_greens_controller_is_no_conflict(name: str, conflicts: int) -> None:
    """No last copy of a cutover would be complete: each cluster's controller writes the time at which it restarted the pods."""
    path = ("spec", "template", "metadata", "annotations", name)
    both = pair(put(in_shop(deployment("web")), path, "blue, 10:00"))
    both.copy()
    both.green.patch(DEPLOYMENTS, "shop", "web", put({}, path, "green, 10:05"), manager="Reloader")
    both.blue.patch(DEPLOYMENTS, "shop", "web", put({}, path, "blue, 10:05"), manager="Reloader")
    later = both.next_run()
    assert later.copy().counts["conflict"] == conflicts
    both.blue.patch(DEPLOYMENTS, "shop", "web", {"metadata": {"labels": {"new": "1"}}}, manager="person")
    assert later.next_run().copy().counts["conflict"] == conflicts
    live = in_green(both.green, ref_of(in_shop(deployment("web"))))
    assert get(live, *path) == "green, 10:05"
    assert ("new" in (get(live, "metadata", "labels") or {})) is not bool(conflicts)


def test_a_restart_on_green_does_not_keep_a_change_of_blue_away() -> None:
    """Both come between two copies: who has restarted the pods has not changed the object."""
    path = ("spec", "template", "metadata", "annotations", "reloader.stakater.com/last-reloaded-from")
    both = pair(in_shop(deployment("web")))
    both.copy()
    both.green.patch(DEPLOYMENTS, "shop", "web", put({}, path, "green, 10:05"), manager="Reloader")
    both.blue.patch(DEPLOYMENTS, "shop", "web", {"spec": {"replicas": 3}, **put({}, ("metadata", "labels", "a"), "b")}, manager="x")
    both.blue.patch(DEPLOYMENTS, "shop", "web", put({}, path, "blue, 10:06"), manager="Reloader")
    assert both.next_run().copy().problems == []
    live = in_green(both.green, ref_of(in_shop(deployment("web"))))
    assert (live["spec"]["replicas"], get(live, *path)) == (3, "green, 10:05")
