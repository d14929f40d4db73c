"""A replace keeps what green's controllers have set and blue cannot know, and nothing else of green's."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from migrator.migration.retained import with_retained
from migrator.model.manifest import Manifest
from tests.support.objects import config_map, deployment, job, made, service

ADMITTED = {"nodeName": "n1", "containers": [{"name": "main", "image": "a"}], "volumes": [{"name": "kube-api-access-x"}]}
HOOK = {"name": "a.example.com", "clientConfig": {"service": {"namespace": "shop", "name": "hook"}}}


def hooks(*bundles: str) -> Manifest:
    """Return a configuration of webhooks with these certificates."""
    items = [{"name": f"{number}", "clientConfig": {"caBundle": bundle} if bundle else {}} for number, bundle in enumerate(bundles)]
    return made("admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration", "hooks", webhooks=items)


@pytest.mark.parametrize(
    ("api", "kind", "field", "value"),
    [
        ("v1", "PersistentVolumeClaim", "volumeName", "pvc-green"),
        ("v1", "PersistentVolume", "claimRef", {"uid": "green"}),
        ("v1", "Service", "clusterIP", "10.96.0.7"),
        ("v1", "Service", "healthCheckNodePort", 30777),
        ("batch/v1", "Job", "selector", {"matchLabels": {"controller-uid": "green"}}),
    ],
)
def test_a_value_that_green_gave_is_kept_where_blue_says_nothing(api: str, kind: str, field: str, value: Any) -> None:
    """Addresses, volumes and selectors are the cluster's own."""
    after = with_retained(made(api, kind, "a", spec={"other": 1}), made(api, kind, "a", spec={field: value}), ())
    assert after["spec"] == {"other": 1, field: value}


def test_what_blue_says_goes_before_what_green_has() -> None:
    """A Service that asks for an address gets it, or green's own refusal."""
    wanted, live = service("a", clusterIP="10.96.0.9"), service("a", clusterIP="10.96.0.7")
    assert with_retained(wanted, live, ())["spec"]["clusterIP"] == "10.96.0.9"


def test_of_a_job_green_s_template_stays_whatever_blue_says() -> None:
    """The server refuses to change it, and a run that is under way would be lost."""
    wanted, live = job("a"), job("a", green="yes")
    live["spec"] |= {"suspend": False}
    wanted["spec"] |= {"suspend": True}
    after = with_retained(wanted, live, ())
    assert (after["spec"]["template"], after["spec"]["suspend"]) == (live["spec"]["template"], False)


def test_of_a_volume_green_s_claim_stays_whatever_blue_says() -> None:
    """It has the UID of green's claim: blue's would part them."""
    wanted, live = (made("v1", "PersistentVolume", "a", spec={"claimRef": {"uid": side}}) for side in ("blue", "green"))
    assert with_retained(wanted, live, ())["spec"]["claimRef"] == {"uid": "green"}


def test_what_a_controller_scales_stays_as_it_is_on_green() -> None:
    """An autoscaler of green would be taken back by each copy."""
    after = with_retained(deployment("a", 1), deployment("a", 5), (("spec", "replicas"),))
    assert after["spec"]["replicas"] == 5
    assert with_retained(deployment("a", 1), deployment("a", 5), ())["spec"]["replicas"] == 1


def test_injected_certificates_stay_hook_by_hook() -> None:
    """By name: one that is new has none yet, and the order may differ."""
    wanted, live = hooks("", "blue", ""), hooks("green", "other")
    live["webhooks"].reverse()
    found = [hook["clientConfig"].get("caBundle") for hook in with_retained(wanted, live, (("webhooks",),))["webhooks"]]
    assert found == ["green", "other", None]
    assert with_retained(wanted, live, ()) == wanted


def test_a_token_that_green_made_stays_in_its_secret() -> None:
    """A Secret of an account's token is filled by green; other Secrets are blue's alone."""
    for kind, kept in (("kubernetes.io/service-account-token", {"token": "green", "extra": "blue"}), ("Opaque", {"extra": "blue"})):
        wanted = made("v1", "Secret", "a", type=kind, data={"extra": "blue"})
        live = made("v1", "Secret", "a", type=kind, data={"token": "green", "extra": "old"})
        assert with_retained(wanted, live, ())["data"] == kept


def test_annotations_of_controllers_stay_and_a_person_s_do_not() -> None:
    """A revision of a rollout is green's; what a person took away on blue goes on green, too."""
    live = config_map("a", annotations={"deployment.kubernetes.io/revision": "7", "note": "old"})
    assert with_retained(config_map("a"), live, ())["metadata"]["annotations"] == {"deployment.kubernetes.io/revision": "7"}
    wanted = config_map("a", annotations={"deployment.kubernetes.io/revision": "8"})
    assert with_retained(wanted, live, ())["metadata"]["annotations"] == {"deployment.kubernetes.io/revision": "8"}
    wanted = config_map("a", annotations={"note": "new"})
    assert with_retained(wanted, live, ())["metadata"]["annotations"]["note"] == "new"


def test_finalizers_of_both_sides_are_kept_once() -> None:
    """A controller of green that waits for its finalizer must find it."""
    wanted, live = config_map("a", finalizers=["both", "blue"]), config_map("a", finalizers=["both", "green"])
    assert with_retained(wanted, live, ())["metadata"]["finalizers"] == ["both", "blue", "green"]
    assert "finalizers" not in with_retained(config_map("a"), config_map("a"), ())["metadata"]


def test_what_was_given_is_not_changed() -> None:
    """Both are read by other threads at the same time."""
    wanted, live = config_map("a", annotations={}), config_map("a", annotations={"deployment.kubernetes.io/revision": "7"})
    with_retained(wanted, live, ())
    assert (wanted["metadata"], live["metadata"]["name"]) == ({"name": "a", "annotations": {}}, "a")


def test_a_pod_keeps_what_green_s_servers_wrote() -> None:
    """No update may take it away; without owners nobody knows what that is."""
    wanted = made("v1", "Pod", "a", labels={"app": "new"}, spec={"containers": [{"name": "main", "image": "b"}]})
    live = made("v1", "Pod", "a", labels={"app": "a", "zone": "1"}, uid="u", resourceVersion="7", spec=ADMITTED)
    fields = {
        "f:metadata": {"f:labels": {"f:app": {}}},
        "f:spec": {"f:containers": {'k:{"name":"main"}': {"f:image": {}, "f:name": {}}}},
    }
    owned = orjson.dumps([{"manager": "kubectl", "operation": "Update", "fieldsV1": fields}])
    done = with_retained(wanted, live, (), owned)
    assert done["spec"] == {**ADMITTED, "containers": [{"name": "main", "image": "b"}]}
    assert done["metadata"] == {"name": "a", "labels": {"app": "new", "zone": "1"}}
    assert with_retained(wanted, live, ())["spec"] == wanted["spec"]
