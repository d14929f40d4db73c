"""Reading blue decides what is moved; what this account may not read is said, and order does not matter."""

from __future__ import annotations

import pytest

from migrator.migration.discover import Discovery, discover, handed_over
from migrator.model.ref import ObjectRef
from migrator.rules.accounts import TOKEN_TYPE
from tests.support.fake_cluster.faults import Fault, forbidden
from tests.support.objects import config_map, crd, deployment, made, service
from tests.support.pairs import Pair, in_green, in_shop, owned_by, pair, shop


def read(both: Pair) -> Discovery:
    """Read blue, and what green serves."""
    return discover(both.blue, both.green, both.context, both.recorder)


def test_kinds_that_are_never_moved_are_not_read() -> None:
    """They are named with the reason, and no request is made."""
    both = pair(made("v1", "Node", "n1"))
    assert read(both).inventory.kinds_skipped["Node"] == "nodes belong to their cluster"
    assert not any(request.startswith("list Node ") for request in both.blue.requests)


def test_a_kind_that_a_person_leaves_out_is_not_read() -> None:
    """The reason names the setting."""
    inventory = read(pair(config="move: {kinds: {exclude: [ConfigMap]}}")).inventory
    assert inventory.kinds_skipped["ConfigMap"] == "kind left out by move.kinds"
    assert "ConfigMap" not in inventory.kinds_read


def test_a_kind_that_may_not_be_read_is_named() -> None:
    """All others are read; none of its objects is taken, not even of a list that failed in the middle."""
    both = pair(config_map("a", namespace="shop"), config_map("b", namespace="shop"))
    both.blue.faults.append(Fault("list", forbidden, kind="ConfigMap", after=1))
    found = read(both)
    assert [(item.type_name, item.reason) for item in found.inventory.unreadable] == [("ConfigMap", "green answered 403")]
    assert "ConfigMap" not in found.inventory.kinds_read
    assert [item.ref.name for item in found.objects if not item.skip] == ["shop"]


def test_a_kind_that_green_does_not_serve_is_unserved() -> None:
    """It is read at blue's preferred version, to be shown; a CRD of blue serves its kind soon."""
    both = pair(crd("widgets", "Widget", "example.com"))
    both.blue.hold(made("example.com/v1", "Widget", "w", namespace="shop"))
    both.green.stop_serving("apps", "Deployment")
    inventory = read(both).inventory
    assert {name: item.version for name, item in inventory.unserved.items()} == {"Deployment.apps": "v1"}
    assert "Deployment.apps" in inventory.kinds_read


@pytest.mark.parametrize("stored", ["v1", "v2"])
def test_custom_objects_are_read_at_the_version_they_are_stored_at(stored: str) -> None:
    """No conversion can lose a field then."""
    versions = (stored, "v2" if stored == "v1" else "v1")
    both = pair(crd("widgets", "Widget", "example.com", versions))
    inventory = read(both).inventory
    assert inventory.kinds_read["Widget.example.com"].version == stored
    assert inventory.crds[("example.com", "Widget")].name == "widgets.example.com"


def test_facts_of_blue_are_collected() -> None:
    """What rules need to know of other objects."""
    scaler = {"scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "front"}, "maxReplicas": 3}
    provisioned = {"pv.kubernetes.io/provisioned-by": "csi.example.com"}
    both = pair(
        in_shop(service("front")),
        in_shop(service("bare", selector=None)),
        in_shop(deployment("front")),
        made("autoscaling/v2", "HorizontalPodAutoscaler", "front", namespace="shop", spec=scaler),
        made("v1", "PersistentVolume", "by-hand", spec={"nfs": {"server": "nas", "path": "/"}}),
        made("v1", "PersistentVolume", "folder", spec={"hostPath": {"path": "/srv"}}),
        made("v1", "PersistentVolume", "provisioned", annotations=provisioned, spec={}),
        made("storage.k8s.io/v1", "StorageClass", "fast", provisioner="csi.example.com"),
        crd("widgets", "Widget", "example.com"),
    )
    facts = read(both).inventory.blue
    assert facts.selector_services == {("shop", "front")}
    assert facts.scaled == {ObjectRef("apps", "Deployment", "shop", "front")}
    assert facts.moving_volumes == {"by-hand", "folder"}
    assert facts.host_volumes == {"folder"}
    assert facts.storage_classes == {"fast"}
    assert facts.groups == {"example.com"}
    assert ObjectRef("", "PersistentVolume", "", "provisioned") in facts.staying
    assert ObjectRef("", "PersistentVolume", "", "by-hand") not in facts.staying
    assert ObjectRef("apps", "Deployment", "shop", "front") in facts.uids.values()


def test_facts_of_green_are_read() -> None:
    """Addresses and ports in use, ranges, classes, and groups."""
    both = pair()
    both.green.hold(
        made("networking.k8s.io/v1", "ServiceCIDR", "kubernetes", spec={"cidrs": ["10.96.0.0/16"]}),
        made("storage.k8s.io/v1", "StorageClass", "slow", provisioner="csi.example.com"),
        {**service("web", ports=[{"port": 80, "nodePort": 30080}]), "metadata": {"name": "web", "namespace": "default"}},
    )
    facts, web = read(both).inventory.green, ObjectRef("", "Service", "default", "web")
    assert [str(network) for network in facts.service_networks] == ["10.96.0.0/16"]
    assert facts.used_node_ports == {30080: web}
    assert set(facts.used_cluster_ips.values()) == {web}
    assert facts.storage_classes == {"slow"}
    assert {"apps", "batch"} <= facts.served_groups


def test_facts_of_green_that_may_not_be_read_are_empty() -> None:
    """A copy goes on with what is known."""
    both = pair()
    both.green.faults.append(Fault("list", forbidden))
    assert read(both).inventory.green.used_cluster_ips == {}


def test_groups_of_aggregated_servers_are_skipped() -> None:
    """Their objects are in another storage."""
    spec = {"group": "example.com", "version": "v1", "service": {"namespace": "shop", "name": "server"}}
    both = pair(
        crd("widgets", "Widget", "example.com"), made("apiregistration.k8s.io/v1", "APIService", "v1.example.com", spec=spec)
    )
    assert "aggregated API server" in read(both).inventory.kinds_skipped["Widget.example.com"]


def test_an_aggregated_server_that_does_not_answer_is_named() -> None:
    """Its kinds are not served then, and nobody would miss them (velero#6929)."""
    spec = {"group": "metrics.example.com", "version": "v1", "service": {"namespace": "shop", "name": "server"}}
    both = pair(made("apiregistration.k8s.io/v1", "APIService", "v1.metrics.example.com", spec=spec))
    skipped = read(both).inventory.kinds_skipped
    assert skipped["*.metrics.example.com"].endswith("aggregated API server: move that server's storage; it does not answer")


def test_objects_are_handed_over_in_order_and_not_kept() -> None:
    """Each one leaves the list as it is taken."""
    found = read(shop())
    expected = list(found.objects)
    taken = handed_over(found.objects)
    for number, item in enumerate(expected, start=1):
        assert next(taken) is item
        assert len(found.objects) == len(expected) - number
    assert next(taken, None) is None


@pytest.mark.parametrize("workers", [1, 2, 8])
def test_the_result_does_not_depend_on_who_answers_first(workers: int) -> None:
    """However many threads read, inventory and objects are the same."""
    both = shop()
    both.blue.workers = 1
    alone = read(both)
    both.blue.workers = workers
    for _ in range(5):
        many = read(both)
        assert many.inventory == alone.inventory
        assert many.objects == alone.objects
        assert many.moving == alone.moving


def test_moving_types_are_those_with_an_object_to_move() -> None:
    """Only these are read on green."""
    both = pair(config_map("a", namespace="shop"))
    assert {item.kind for item in read(both).moving} == {"ConfigMap", "Namespace"}


def test_a_skipped_object_keeps_no_content() -> None:
    """Only its name and the reason are needed."""
    both = pair(made("v1", "ConfigMap", "kube-root-ca.crt", namespace="shop", data={"ca.crt": "secret"}))
    found = next(item for item in read(both).objects if item.ref.kind == "ConfigMap")
    assert (found.skip, found.body) == ("published by green's own controller", b"")


def test_what_lives_and_dies_with_a_pod_that_stays_does_not_move() -> None:
    """A leader-for-life lock on green would have no holder; a person can include it all the same."""
    pod_owner = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "operator", "uid": "r", "controller": True}
    lock = "move: {objects: {include: [{kind: ConfigMap, name: lock}]}}"
    for config, reason in (("", "is deleted with its owner Pod operator-1, which stays on blue"), (lock, "")):
        both = pair(config_map("free", namespace="shop"), config=config)
        (pod,) = both.blue.hold(made("v1", "Pod", "operator-1", namespace="shop", spec={"containers": []}, owners=[pod_owner]))
        owner = {"apiVersion": "v1", "kind": "Pod", "name": "operator-1", "uid": pod["metadata"]["uid"]}
        both.blue.hold(config_map("lock", namespace="shop", owners=[owner]))
        found = read(both)
        assert {item.ref.name: item.skip for item in found.objects if item.ref.kind == "ConfigMap"} == {"lock": reason, "free": ""}
        assert ("lock" in {ref.name for ref in found.inventory.blue.staying}) is bool(reason)


def test_what_is_owned_by_what_is_being_deleted_does_not_move() -> None:
    """The operator is gone, so the finalizer of its custom resource stays, and the pods run on; green's would have no owner."""
    both = pair(crd("widgets", "Widget", "example.com"))
    (widget,) = both.blue.hold(made("example.com/v1", "Widget", "w", namespace="shop", finalizers=["example.com/clean"]))
    both.blue.hold(owned_by(widget, in_shop(deployment("of-widget"))))
    both.blue.delete(both.blue.type_of(widget), "shop", "w", uid=widget["metadata"]["uid"])
    found = {item.ref.kind: item.skip for item in read(both).objects}
    assert found["Widget"] == "being deleted on blue"
    assert found["Deployment"] == "is deleted with its owner Widget.example.com w, which stays on blue"


def test_tokens_that_blue_generated_are_left_behind_with_the_references_to_them() -> None:
    """Green's account would refer to Secrets that never come; a person's own Secret stays named."""
    account = in_shop(made("v1", "ServiceAccount", "robot", secrets=[{"name": "robot-token-x7k2p"}, {"name": "own"}]))
    both = pair(account, in_shop(made("v1", "Secret", "own", type="Opaque")))
    both.blue.hold(in_shop(made("v1", "Secret", "robot-token-x7k2p", type=TOKEN_TYPE)), manager="kube-controller-manager")
    both.copy()
    assert in_green(both.green, ObjectRef("", "ServiceAccount", "shop", "robot"))["secrets"] == [{"name": "own"}]
