"""What webhooks are asked about, and who changes pods."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from migrator.model.kinds import DEPLOYMENTS, NODES, PODS
from migrator.model.manifest import Manifest, ref_of
from migrator.model.plan import Decision, PlanItem, Wait
from migrator.model.ref import ObjectRef, ResourceType
from migrator.rules.order import Rank
from migrator.rules.webhooks import PodMutations, concerns, pod_mutations, selects, strict_backends
from tests.support.objects import config_map, cron_job, deployment, job, made, service
from tests.support.pairs import in_shop

ON_PODS = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}
EVERYTHING = {field: ["*"] for field in ON_PODS}
CLIENT = {"service": {"namespace": "shop", "name": "hook"}}
CONFIGURATION = ObjectRef("admissionregistration.k8s.io", "MutatingWebhookConfiguration", "", "hooks")
SERVICE = ObjectRef("", "Service", "shop", "hook")
BACKEND = ObjectRef("apps", "Deployment", "shop", "hook")
APP = ObjectRef("apps", "Deployment", "shop", "app")


def rule(**more: Any) -> Manifest:
    """Return a webhook with one rule."""
    return {"rules": [{**ON_PODS, **more}]}


@pytest.mark.parametrize(
    ("hook", "resource", "operation", "asked"),
    [
        (rule(), PODS, "CREATE", True),
        (rule(), PODS, "UPDATE", False),
        (rule(), DEPLOYMENTS, "CREATE", False),
        (rule(apiGroups=["*"], apiVersions=["*"], resources=["*"], operations=["*"]), DEPLOYMENTS, "UPDATE", True),
        (rule(resources=["*/*"]), PODS, "CREATE", True),
        (rule(resources=["pods/status", "pods/exec"]), PODS, "CREATE", False),
        (rule(apiVersions=["v2"]), PODS, "CREATE", False),
        (rule(scope="Cluster"), PODS, "CREATE", False),
        ({"rules": [{**EVERYTHING, "scope": "Cluster"}]}, NODES, "CREATE", True),
        ({"rules": [{**EVERYTHING, "scope": "Namespaced"}]}, NODES, "CREATE", False),
        ({}, PODS, "CREATE", False),
    ],
)
def test_rules_name_what_is_asked(hook: Manifest, resource: ResourceType, operation: str, *, asked: bool) -> None:
    """A rule matches by group, version, resource, operation and scope; a subresource is another resource."""
    assert concerns(hook, resource, operation) is asked


@pytest.mark.parametrize(
    ("hook", "matched"),
    [
        ({}, True),
        ({"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "shop"}}}, True),
        ({"namespaceSelector": {"matchExpressions": [{"key": "mesh", "operator": "Exists"}]}}, False),
        ({"objectSelector": {"matchLabels": {"app": "web"}}}, True),
        ({"objectSelector": {"matchExpressions": [{"key": "app", "operator": "NotIn", "values": ["web"]}]}}, False),
    ],
)
def test_selectors_narrow_a_webhook(hook: Manifest, *, matched: bool) -> None:
    """By the labels of the object and those of its namespace."""
    assert selects(hook, {"app": "web"}, {"kubernetes.io/metadata.name": "shop"}) is matched


def test_backends_of_webhooks_that_may_fail_are_not_waited_for() -> None:
    """Ignore: what the webhook does not answer is admitted as it is."""
    other = {"service": {"namespace": "shop", "name": "lenient"}}
    hooks = [{"clientConfig": CLIENT}, {"clientConfig": other, "failurePolicy": "Ignore"}]
    assert strict_backends(made("admissionregistration.k8s.io/v1", "MutatingWebhookConfiguration", "h", webhooks=hooks)) == [
        SERVICE
    ]
    aggregated = made("apiregistration.k8s.io/v1", "APIService", "v1.x", spec=CLIENT)
    assert strict_backends(aggregated) == [SERVICE]


def hooks(**more: Any) -> Manifest:
    """Return a configuration that changes pods."""
    hook = {"name": "a.example.com", "clientConfig": CLIENT, "rules": [ON_PODS], **more}
    return made("admissionregistration.k8s.io/v1", "MutatingWebhookConfiguration", "hooks", webhooks=[hook])


def mutations(*manifests: Manifest, unready: str = "") -> PodMutations:
    """Return what these objects mean for the order; `unready`: the name of one that is not ready on blue."""
    items = {}
    for manifest in manifests:
        ref = ref_of(manifest)
        items[ref] = PlanItem(
            ref,
            ref,
            Decision.MOVE,
            body=orjson.dumps(manifest),
            unready="no" if ref.name == unready and ref.kind == "Deployment" else "",
        )
    return pod_mutations(items)


ANSWERED = (in_shop(service("hook")), in_shop(deployment("hook")))


def test_what_answers_comes_first_then_the_configuration_then_the_pods() -> None:
    """The workload behind the Service is not a pod to wait for; those that the webhook changes are."""
    found = mutations(hooks(), *ANSWERED, in_shop(deployment("app")), in_shop(config_map("c")))
    assert found.ranks == {BACKEND: Rank.PLAIN, CONFIGURATION: Rank.MUTATING}
    assert found.after == {CONFIGURATION: (BACKEND,)}
    assert found.waits == {APP: (Wait(CONFIGURATION, SERVICE),)}


@pytest.mark.parametrize(
    ("manifests", "unready"),
    [
        ((hooks(rules=[{**ON_PODS, "resources": ["deployments"]}]), *ANSWERED), ""),
        ((hooks(), in_shop(deployment("hook"))), ""),
        ((hooks(), in_shop(service("hook"))), ""),
        ((hooks(), *ANSWERED), "hook"),
        ((hooks(), in_shop(service("hook")), in_shop({**deployment("hook", 0)})), ""),
        ((hooks(rules="of another form"), *ANSWERED), ""),
        ((), ""),
    ],
    ids=["not pods", "no Service", "no workload", "not ready on blue", "at zero", "strange", "no webhook"],
)
def test_who_does_not_change_pods_on_blue_is_not_waited_for(manifests: tuple[Manifest, ...], unready: str) -> None:
    """Nobody waits for what did no work on blue."""
    assert mutations(*manifests, in_shop(deployment("app")), unready=unready) == PodMutations({}, {}, {})


@pytest.mark.parametrize(
    "manifest",
    [
        in_shop(cron_job("app")),
        in_shop(deployment("app", 0)),
        {**deployment("app"), "metadata": {"name": "app", "namespace": "elsewhere"}},
        in_shop(deployment("app", mesh="no")),
        in_shop(made("apps/v1", "Deployment", "app", spec={"template": {"metadata": {"labels": ["strange"]}}})),
    ],
    ids=["CronJob", "at zero", "other namespace", "left out by a label", "strange"],
)
def test_what_makes_no_pod_that_is_changed_is_not_held(manifest: Manifest) -> None:
    """CronJobs come suspended; selectors of the webhook are obeyed."""
    narrow = {
        "namespaceSelector": {"matchLabels": {"mesh": "yes"}},
        "objectSelector": {"matchExpressions": [{"key": "mesh", "operator": "DoesNotExist"}]},
    }
    namespace = made("v1", "Namespace", "shop", labels={"mesh": "yes"})
    changed = in_shop(job("changed"))
    found = mutations(hooks(**narrow), *ANSWERED, namespace, manifest, changed)
    assert found.waits == {ref_of(changed): (Wait(CONFIGURATION, SERVICE),)}


def test_a_webhook_outside_of_the_clusters_is_written_before_the_pods() -> None:
    """It has no backend to wait for, but pods must not be there before it."""
    found = mutations(hooks(clientConfig={"url": "https://hooks.example.com/"}), in_shop(deployment("app")))
    assert (found.ranks, found.waits) == ({CONFIGURATION: Rank.MUTATING}, {APP: (Wait(CONFIGURATION),)})
