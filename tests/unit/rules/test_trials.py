"""A dry run passes through a webhook when the API server would ask it about the object."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from migrator.model.kinds import CONFIG_MAPS, DEPLOYMENTS, NAMESPACES, SERVICES
from migrator.model.manifest import Manifest, get, ref_of
from migrator.model.plan import Decision, PlanItem
from migrator.model.ref import ObjectRef, ResourceType
from migrator.rules.trials import Trial, trials
from tests.support.objects import config_map, deployment, made, service
from tests.support.pairs import in_shop

TYPES = {item.kind: item for item in (CONFIG_MAPS, DEPLOYMENTS, NAMESPACES, SERVICES)}
WIDGETS = ResourceType("example.com", "v1", "widgets", "Widget", True, frozenset({"create"}))
SHOP = made("v1", "Namespace", "shop", labels={"team": "a"})


def hook(*resources: str, operations: str = "CREATE", group: str = "", **more: Any) -> Manifest:
    """Return a webhook on resources."""
    rule = {"apiGroups": [group], "apiVersions": ["*"], "operations": [operations], "resources": list(resources)}
    return {"name": "a", "rules": [rule], **more}


def moved(*manifests: Manifest) -> dict[ObjectRef, PlanItem]:
    """Return objects that move."""
    refs = {ref_of(manifest): manifest for manifest in manifests}
    return {
        ref: PlanItem(ref, ref, Decision.MOVE, resource=TYPES.get(ref.kind), body=orjson.dumps(manifest))
        for ref, manifest in refs.items()
    }


def whats(found: list[Trial]) -> list[str]:
    """Return what each dry run is of."""
    return [trial.what for trial in found]


def of(asked: Manifest, *manifests: Manifest) -> list[Trial]:
    """Return the dry runs of objects that move."""
    return list(trials(asked, moved(SHOP, *manifests)))


def test_an_update_without_a_change_is_the_surest() -> None:
    """The object is valid, since it is there."""
    found = of(hook("configmaps", operations="*"), in_shop(config_map("a")))
    assert whats(found) == ["an update of ConfigMap/shop/a", "a copy of ConfigMap/shop/a"]
    assert (found[0].name, found[0].body) == ("a", b"")


def test_a_pod_is_made_of_a_template() -> None:
    """Pods are made by controllers, and do not move."""
    (found,) = of(hook("pods"), in_shop(deployment("web", mesh="yes")))
    body = orjson.loads(found.body)
    assert found.what == "a pod of Deployment.apps/shop/web"
    assert (found.resource.kind, found.namespace, body["metadata"]["generateName"]) == ("Pod", "shop", "migrator-asks-")
    assert (body["metadata"]["labels"]["mesh"], bool(body["spec"]["containers"])) == ("yes", True)


def test_a_pod_of_a_stateful_set_has_the_volumes_of_its_claims() -> None:
    """Validation refuses a mount of what is not there, before a webhook that validates is asked."""
    web = {**in_shop(deployment("web")), "kind": "StatefulSet"}
    web["spec"]["volumeClaimTemplates"] = [{"metadata": {"name": "data"}}]
    web["spec"]["template"]["spec"]["volumes"] = [{"name": "data", "emptyDir": {}}, {"name": "tmp", "emptyDir": {}}]
    (found,) = of(hook("pods"), web)
    claim = {"name": "data", "persistentVolumeClaim": {"claimName": "data-web-0"}}
    assert orjson.loads(found.body)["spec"]["volumes"] == [{"name": "tmp", "emptyDir": {}}, claim]


def test_a_copy_asks_for_nothing_that_only_one_may_have() -> None:
    """Addresses and node ports are taken already."""
    (found,) = of(hook("services"), in_shop(service("web", clusterIP="10.96.0.9", clusterIPs=["10.96.0.9"])))
    body = orjson.loads(found.body)
    assert body["metadata"].keys() == {"namespace", "generateName"}
    assert body["spec"].keys() == {"selector", "ports"}


@pytest.mark.parametrize(
    ("more", "passes"),
    [
        ({"namespaceSelector": {"matchLabels": {"team": "a"}}}, True),
        ({"namespaceSelector": {"matchLabels": {"team": "b"}}}, False),
        ({"objectSelector": {"matchLabels": {"app": "web"}}}, True),
        ({"objectSelector": {"matchLabels": {"app": "other"}}}, False),
        ({"objectSelector": {"matchExpressions": [{"key": 1}]}}, False),
    ],
)
def test_selectors_are_obeyed(more: Manifest, *, passes: bool) -> None:
    """An object that they leave out would tell nothing."""
    assert bool(of(hook("pods", **more), in_shop(deployment("web")))) is passes


def test_a_namespace_is_judged_by_its_own_labels() -> None:
    """It lies in none."""
    found = of(hook("namespaces", operations="UPDATE", namespaceSelector={"matchLabels": {"team": "a"}}))
    assert whats(found) == ["an update of Namespace/shop"]


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        (hook("*"), ["a ConfigMap that was made up", "a Pod that was made up"]),
        (hook("widgets", group="example.com"), ["a Widget.example.com that was made up"]),
        (hook("pods/exec", operations="CONNECT"), []),
        (hook("*", namespaceSelector={"matchLabels": {"team": "b"}}), []),
    ],
    ids=["everything", "custom", "subresource", "other namespaces"],
)
def test_small_objects_are_made_up(asked: Manifest, expected: list[str]) -> None:
    """Only where the caller knows what green serves."""
    served = list(trials(asked, moved(SHOP), lambda: (WIDGETS,)))
    assert [what for what in whats(served) if "made up" in what] == expected
    assert not any("made up" in what for what in whats(list(trials(asked, moved(SHOP)))))


def test_what_is_made_up_has_the_labels_that_are_asked_for() -> None:
    """As far as the selector says which."""
    expressions = [
        {"key": "tier", "operator": "In", "values": ["web", "api"]},
        {"key": "team", "operator": "Exists"},
        {"key": "skip", "operator": "DoesNotExist"},
    ]
    selector = {"matchLabels": {"guarded": "yes"}, "matchExpressions": expressions}
    (found,) = trials(hook("pods", objectSelector=selector), moved(SHOP), lambda: ())
    assert get(orjson.loads(found.body), "metadata", "labels") == {"guarded": "yes", "tier": "web", "team": ""}
