"""Every object of blue gets a decision."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from migrator.errors import ConfigError
from migrator.model.manifest import Manifest
from migrator.model.plan import DataPlan, Decision
from migrator.model.ref import ObjectRef
from tests.support.objects import config_map, crd, deployment, made, service
from tests.support.pairs import finished_job, in_green, in_shop, owned_by, pair, shop

A = ObjectRef("", "ConfigMap", "shop", "a")


def claim(name: str, **spec: Any) -> Manifest:
    """Return a bound claim."""
    return made("v1", "PersistentVolumeClaim", name, namespace="shop", spec=spec, status={"phase": "Bound"})


def test_each_object_moves_or_is_skipped_with_a_reason() -> None:
    """Nothing of blue is without a decision."""
    both = pair(config_map("a", namespace="shop"), made("v1", "ConfigMap", "kube-root-ca.crt", namespace="shop", data={}))
    assert both.item(A).decision is Decision.MOVE
    skipped = both.item(A._replace(name="kube-root-ca.crt"))
    assert (skipped.decision, skipped.reason) == (Decision.SKIP, "published by green's own controller")


def test_namespaces_are_mapped() -> None:
    """The namespace itself, and all that is in it."""
    both = pair(config_map("a", namespace="shop"), config="map: {namespaces: {shop: store}}")
    assert both.item(A).green == A._replace(namespace="store")
    assert both.item(ObjectRef("", "Namespace", "", "shop")).green.name == "store"


@pytest.mark.parametrize("names", ["{shop: one, store: one}", "{shop: store}"])
def test_two_namespaces_cannot_become_one(names: str) -> None:
    """Objects of the same name would overwrite each other without a word."""
    both = pair(made("v1", "Namespace", "store"), config_map("a", namespace="store"), config=f"map: {{namespaces: {names}}}")
    with pytest.raises(ConfigError, match=r"shop and store of blue would both be (one|store) on green"):
        both.read()


def test_namespaces_may_change_places_and_one_that_stays_is_in_nobodys_way() -> None:
    """What counts is what moves."""
    swapped = pair(made("v1", "Namespace", "store"), config="map: {namespaces: {shop: store, store: shop}}")
    assert {item.green.name for item in swapped.read()[0].of(Decision.MOVE)} == {"shop", "store"}
    config = "map: {namespaces: {shop: store}}\nmove: {namespaces: {exclude: [store]}}"
    alone = pair(made("v1", "Namespace", "store"), config_map("a", namespace="shop"), config=config)
    assert alone.item(A).green.namespace == "store"


def test_the_namespace_that_every_cluster_has_moves_what_a_person_gave_it() -> None:
    """And what blue has under another name on green moves in any case."""
    default = ObjectRef("", "Namespace", "", "default")
    both = pair(config="map: {namespaces: {default: legacy}}")
    assert both.item(default).green.name == "legacy"
    both = pair()
    assert both.item(default).decision is Decision.SKIP
    both.blue.patch(
        both.blue.type_of(made("v1", "Namespace", "x")), "", "default", {"metadata": {"labels": {"mesh": "on"}}}, manager="k"
    )
    assert both.item(default).decision is Decision.MOVE
    both.copy()
    assert in_green(both.green, default)["metadata"]["labels"] == {"mesh": "on"}


def test_a_cycle_of_owners_is_blocked() -> None:
    """Neither could be written first; both are named, and what is beside them moves."""
    both = pair(config_map("c", namespace="shop"))
    first, second = both.blue.hold(config_map("a", namespace="shop"), config_map("b", namespace="shop"))
    for owner, manifest in ((second, first), (first, second)):
        body = orjson.dumps(owned_by(owner, manifest))
        both.blue.replace(both.blue.type_of(manifest), "shop", manifest["metadata"]["name"], body, manager="kubectl")
    blocked = {item.blue.name: item for item in both.read()[0].of(Decision.BLOCKED)}
    assert set(blocked) == {"a", "b"}
    assert blocked["a"].reason.startswith("needs itself: ")
    assert str(A) in blocked["b"].reason
    assert both.item(A._replace(name="c")).decision is Decision.MOVE


def test_an_unserved_kind_is_blocked_with_its_hint() -> None:
    """A person is told what would help."""
    both = pair(in_shop(deployment("front")))
    both.green.stop_serving("apps", "Deployment")
    item = both.item(ObjectRef("apps", "Deployment", "shop", "front"))
    assert item.decision is Decision.BLOCKED
    assert item.reason
    assert item.hint


def test_the_data_of_each_claim_is_decided() -> None:
    """No data, data that stays, data accounted for, and volumes that move: a share with its data, a folder of a host without."""
    both = pair(
        {**claim("none"), "status": {"phase": "Pending"}},
        claim("left", volumeName="gone"),
        claim("told", volumeName="gone"),
        claim("same", volumeName="by-hand"),
        claim("folder", volumeName="of-host"),
        made("v1", "PersistentVolume", "by-hand", spec={"nfs": {"server": "nas", "path": "/"}}),
        made("v1", "PersistentVolume", "of-host", spec={"hostPath": {"path": "/srv"}}),
        config="volumes: {dataMoved: [shop/told]}",
    )
    data = {item.blue.name: item.data for item in both.read()[0].items if item.blue.kind == "PersistentVolumeClaim"}
    expected = [DataPlan.NONE, DataPlan.NOT_COPIED, DataPlan.ACCOUNTED_FOR, DataPlan.SAME_VOLUME, DataPlan.NOT_COPIED]
    assert data == dict(zip(("none", "left", "told", "same", "folder"), expected, strict=True))


def test_a_finished_job_has_its_end_and_status() -> None:
    """They are written after it was created suspended."""
    item = pair(finished_job("done")).item(ObjectRef("batch", "Job", "shop", "done"))
    assert item.ended is not None
    assert item.ended.how == "Complete"
    assert orjson.loads(item.status)["succeeded"] == 1


def test_the_token_of_a_secret_tells_nothing_of_its_content() -> None:
    """It is a resourceVersion; that of others is a digest."""
    both = shop()
    ref = ObjectRef("", "Secret", "shop", "password")
    assert both.item(ref).token == f"r{in_green(both.blue, ref)['metadata']['resourceVersion']}"


def test_equal_content_has_an_equal_token() -> None:
    """A new resourceVersion alone is not a change."""
    tokens = {pair(*before, config_map("a", namespace="shop")).item(A).token for before in ((), (finished_job("x"),))}
    assert len(tokens) == 1


def test_all_mistakes_of_a_transform_are_told_at_once() -> None:
    """A person corrects the file once."""
    patch = "transforms: [{name: cut, target: {kind: ConfigMap}, jsonPatch: [{op: remove, path: /data/missing}]}]"
    both = pair(config_map("a", namespace="shop"), config_map("b", namespace="shop"), config=patch)
    with pytest.raises(ConfigError) as refusal:
        both.read()
    assert [name for name in ("a", "b") if any(name in issue for issue in refusal.value.issues)] == ["a", "b"]
    assert len(refusal.value.issues) == 2


def test_limits_that_what_is_there_exceeds_are_written_last_and_say_so() -> None:
    """On blue the claim was there before the LimitRange; on green it must be, too."""
    limits = [{"type": "PersistentVolumeClaim", "max": {"storage": "10Gi"}}]
    claim = made("v1", "PersistentVolumeClaim", "c", namespace="shop", spec={"resources": {"requests": {"storage": "20Gi"}}})
    both = pair(made("v1", "LimitRange", "limits", namespace="shop", spec={"limits": limits}), claim)
    plan, _ = both.read()
    wave = {item.blue.kind: number for number, items in enumerate(plan.waves) for item in items}
    assert wave["LimitRange"] > wave["PersistentVolumeClaim"]
    note = next(item.notes for item in plan.items if item.blue.kind == "LimitRange")
    assert note == ("is written last: objects that are there already exceed it",)


def test_an_owner_in_a_namespace_comes_before_the_cluster_scoped_object_that_it_owns() -> None:
    """Kubernetes does not allow such an owner; operators make them all the same."""
    both = pair(crd("widgets", "Widget", "example.com"))
    (widget,) = both.blue.hold(made("example.com/v1", "Widget", "a-owner", namespace="shop"))
    owner = {"apiVersion": "example.com/v1", "kind": "Widget", "name": "a-owner", "uid": widget["metadata"]["uid"]}
    both.blue.hold(made("rbac.authorization.k8s.io/v1", "ClusterRole", "owned", owners=[owner]))
    plan, _ = both.read()
    wave = {item.blue.kind: number for number, items in enumerate(plan.waves) for item in items}
    assert wave["ClusterRole"] > wave["Widget"]


def test_a_service_with_a_chosen_port_is_written_before_those_that_are_given_one() -> None:
    """Else green could give the port away."""
    ports = [{"name": "http", "port": 80, "nodePort": 31000}]
    both = pair(in_shop(service("a-given", type="NodePort")))
    both.blue.hold(in_shop(service("z-chosen", type="NodePort", ports=ports)))
    plan, _ = both.read()
    wave = {item.blue.name: number for number, items in enumerate(plan.waves) for item in items}
    assert wave["z-chosen"] < wave["a-given"]


def test_a_custom_object_comes_after_secrets_also_where_its_kind_does_not_move() -> None:
    """Green's own cert-manager would order what it finds no Secret for."""
    definition = crd("certificates", "Certificate", "cert-manager.io")
    clusters = pair(definition, config="move: {clusterScoped: false}")
    clusters.green.hold(definition)
    clusters.blue.hold(
        made("v1", "Secret", "tls", namespace="shop"),
        made("cert-manager.io/v1", "Certificate", "a", namespace="shop", spec={"secretName": "tls"}),
    )
    waves = [[item.green.kind for item in wave] for wave in clusters.read()[0].waves]
    assert waves == [["Namespace"], ["Secret"], ["Certificate"]]


def test_what_a_person_put_into_kube_system_is_found_and_needed() -> None:
    """It stays, with the reason and the line that brings it; the plan warns of what moves and needs it; green's own is no difference."""
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "extension-apiserver-authentication-reader"}
    subjects = [{"kind": "ServiceAccount", "name": "api", "namespace": "shop"}]
    reader = made("rbac.authorization.k8s.io/v1", "RoleBinding", "reader", namespace="kube-system", roleRef=role, subjects=subjects)
    both = pair(made("v1", "ServiceAccount", "api", namespace="shop", secrets=[{"name": "s"}]), reader)
    both.blue.hold(config_map("shared", namespace="kube-system"), config_map("mine", namespace="kube-system"))
    both.blue.hold(config_map("kubeadm-config", namespace="kube-system"), manager="kubeadm")
    both.green.hold(config_map("shared", namespace="kube-system"))
    plan, _ = both.read()
    found = {item.blue.name: (item.reason, item.hint) for item in plan.items if item.blue.namespace == "kube-system"}
    persons = "in a system namespace, but made by no part of Kubernetes, and green has none"
    assert found["mine"] == (persons, 'move.objects.include: [{kind: ConfigMap, namespace: kube-system, name: "mine"}]')
    assert found["reader"][0] == persons
    assert {found[name] for name in ("shared", "kubeadm-config")} == {
        ("system namespace: include single objects with move.objects.include", "")
    }
    (warning,) = (text for text in plan.warnings if "stays on blue" in text)
    assert warning.startswith("RoleBinding.rbac.authorization.k8s.io/kube-system/reader stays on blue and is not on green")
    both.green.hold(reader)
    assert not any("stays on blue" in text for text in both.read()[0].warnings)


def test_defaults_come_after_what_asks_for_none() -> None:
    """An Ingress without a class would be published by the default one; one that names a class need not wait."""
    annotations = {"ingressclass.kubernetes.io/is-default-class": "true"}
    default = made("networking.k8s.io/v1", "IngressClass", "public", annotations=annotations, spec={})
    internal = in_shop(made("networking.k8s.io/v1", "Ingress", "internal", spec={}))
    waves = pair(default, internal).read()[0].waves
    order = [item.blue.kind for wave in waves for item in wave]
    assert order.index("Ingress") < order.index("IngressClass")
    named = in_shop(made("networking.k8s.io/v1", "Ingress", "named", spec={"ingressClassName": "public"}))
    order = [item.blue.kind for wave in pair(default, named).read()[0].waves for item in wave]
    assert order.index("IngressClass") < order.index("Ingress")
