"""What the checks of an upgrade read of a cluster; what may not be read, or cannot be, is named and does not end the reading."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from migrator.errors import ApiError
from migrator.model.facts import StaleUse
from migrator.model.kinds import NAMESPACES, PODS
from migrator.model.manifest import Manifest
from migrator.model.ref import ResourceType
from migrator.model.upgrade import DrainRules
from migrator.model.version import parse_version
from migrator.upgrade.read_cluster import examine_cluster, with_evictions
from tests.support.facts import node, pod, webhook
from tests.support.fake_cluster import FakeCluster
from tests.support.fake_cluster.faults import Fault, forbidden, not_found, unavailable
from tests.support.objects import config_map, crd, deployment, made

OLD = "networking.k8s.io/v1beta1"
METRIC = 'apiserver_requested_deprecated_apis{{group="{group}",removed_release="{release}",resource="{resource}",subresource="{sub}",version="{version}"}} {count}'


@pytest.fixture
def cluster() -> FakeCluster:
    """Return a cluster of kubeadm at 1.36.3."""
    found = FakeCluster(version="v1.36.3")
    found.hold(
        node("cp"),
        made("v1", "Namespace", "shop"),
        config_map("kubelet-config", {"kubelet": "cgroupDriver: systemd\n"}, namespace="kube-system"),
        config_map("kubeadm-config", {"ClusterConfiguration": "apiVersion: kubeadm.k8s.io/v1beta4\n"}, namespace="kube-system"),
    )
    return found


def written(cluster: FakeCluster, manifest: Manifest, manager: str, version: str) -> None:
    """Hold an object that a program wrote at a version of its group."""
    (made_one,) = cluster.hold(manifest)
    entry = {"manager": manager, "operation": "Update", "apiVersion": version, "fieldsType": "FieldsV1", "fieldsV1": {"f:spec": {}}}
    found = cluster.type_of(manifest)
    name, namespace = manifest["metadata"]["name"], made_one["metadata"].get("namespace", "")
    cluster.patch(found, namespace, name, {"metadata": {"managedFields": [entry]}}, manager=manager)


def metric(
    resource: str, release: str, *, group: str = "networking.k8s.io", version: str = "v1beta1", sub: str = "", count: int = 1
) -> str:
    """Return a line of the API server's metrics."""
    return METRIC.format(group=group, release=release, resource=resource, sub=sub, version=version, count=count)


def test_what_webhooks_and_kube_proxy_depend_on_is_read(cluster: FakeCluster) -> None:
    """Labels of kube-system, and kube-proxy's own settings."""
    cluster.hold(config_map("kube-proxy", {"config.conf": "featureGates: {A: true}\n"}, namespace="kube-system"))
    cluster.patch(NAMESPACES, "", "kube-system", {"metadata": {"labels": {"a": "b"}}}, manager="person")
    read = examine_cluster(cluster, 37)
    assert (read.proxy_config, dict(read.system_labels)["a"]) == ({"featureGates": {"A": True}}, "b")


def test_a_cluster_is_read_whole(cluster: FakeCluster) -> None:
    """Its version, its objects, and kubeadm's settings as they are, not as text."""
    cluster.hold(pod("web", "cp"), deployment("front") | {"metadata": {"name": "front", "namespace": "shop"}})
    seen = examine_cluster(cluster, 37)
    assert seen.version == parse_version("1.36.3")
    assert [[item["metadata"]["name"] for item in found] for found in (seen.nodes, seen.pods, seen.deployments)] == [
        ["cp"],
        ["web"],
        ["front"],
    ]
    assert (seen.kubelet_config, seen.cluster_config) == ({"cgroupDriver": "systemd"}, {"apiVersion": "kubeadm.k8s.io/v1beta4"})
    assert "apps/v1/Deployment" in seen.served
    assert seen.unread == ()


def test_nothing_is_changed(cluster: FakeCluster) -> None:
    """Reading is all that a plan does."""
    examine_cluster(cluster, 37)
    assert {request.split()[0] for request in cluster.requests} <= {"get", "list"}


@pytest.mark.parametrize("kind", ["Node", "Pod", "PodDisruptionBudget", "PersistentVolume", "ValidatingWebhookConfiguration"])
def test_a_kind_that_may_not_be_read_is_named_and_the_others_are_read(cluster: FakeCluster, kind: str) -> None:
    """With the server's words."""
    cluster.faults.append(Fault("list", forbidden, kind=kind))
    seen = examine_cluster(cluster, 37)
    assert [item.split(":")[0].split(".")[0] for item in seen.unread] == [kind]
    assert seen.cluster_config


def test_settings_that_may_not_be_read_are_named_once(cluster: FakeCluster) -> None:
    """Whatever asks for them, and how often."""
    cluster.faults.append(Fault("get", forbidden, kind="ConfigMap"))
    named = [item.split(":")[0] for item in examine_cluster(cluster, 37).unread]
    assert sorted(named) == ["ConfigMap kube-proxy", "ConfigMap kubeadm-config", "ConfigMap kubelet-config"]


def test_a_kind_that_is_not_served_has_no_objects(cluster: FakeCluster) -> None:
    """That is not a gap in what was read."""
    cluster.faults.append(Fault("list", not_found, kind="PodDisruptionBudget"))
    seen = examine_cluster(cluster, 37)
    assert (seen.budgets, seen.unread) == ((), ())


def test_a_server_that_does_not_answer_is_an_error(cluster: FakeCluster) -> None:
    """An empty list would be taken for a cluster without pods."""
    cluster.faults.append(Fault("list", unavailable, kind="Pod"))
    with pytest.raises(ApiError):
        examine_cluster(cluster, 37)


def test_settings_that_are_not_there_are_empty() -> None:
    """Whether kubeadm made the cluster is for the checks to say."""
    seen = examine_cluster(FakeCluster(version="v1.36.3"), 37)
    assert (seen.kubelet_config, seen.cluster_config, seen.unread) == ({}, {}, ())


@pytest.mark.parametrize("text", ["a: [", "a: {b", "\t\tx", "[" * 1000, "!!python/object:os.system {}"])
def test_settings_that_are_no_yaml_are_named(text: str) -> None:
    """A person has edited them; the other settings are read all the same."""
    cluster = FakeCluster(version="v1.36.3")
    cluster.hold(
        config_map("kubelet-config", {"kubelet": text}, namespace="kube-system"),
        config_map("kubeadm-config", {"ClusterConfiguration": "apiVersion: kubeadm.k8s.io/v1beta4\n"}, namespace="kube-system"),
    )
    seen = examine_cluster(cluster, 37)
    assert seen.kubelet_config == {}
    assert [item.split(":")[0] for item in seen.unread] == ["ConfigMap kubelet-config"]
    assert seen.cluster_config == {"apiVersion": "kubeadm.k8s.io/v1beta4"}


def test_settings_that_are_no_mapping_are_empty() -> None:
    """A list or a word says nothing of a setting."""
    cluster = FakeCluster(version="v1.36.3")
    cluster.hold(config_map("kubelet-config", {"kubelet": "- a\n"}, namespace="kube-system"))
    assert examine_cluster(cluster, 37).kubelet_config == {}


def test_clients_of_versions_that_go_are_read_from_the_metrics(cluster: FakeCluster) -> None:
    """Only those that have asked, for a version that has an end; a subresource is named."""
    cluster.metrics_text = "\n".join(
        (
            metric("ipaddresses", "1.37"),
            metric("servicecidrs", "1.37", sub="status"),
            metric("leases", "1.38", group="coordination.k8s.io", version="v1alpha2", count=0),
            metric("componentstatuses", "", group="", version="v1"),
        )
    )
    assert examine_cluster(cluster, 37).requested == {f"{OLD} ipaddresses": "1.37", f"{OLD} servicecidrs/status": "1.37"}


class NewOnly(FakeCluster):
    """Is not to be asked for objects at the version that goes, which it names first."""

    def resources(self) -> tuple[ResourceType, ...]:
        """Return the types in the other order."""
        return tuple(reversed(super().resources()))

    def list(self, resource: ResourceType, namespace: str = "", label_selector: str = "", **more: Any) -> Iterator[Manifest]:
        """Return what is asked for."""
        assert resource.version != "v1beta1"
        return super().list(resource, namespace, label_selector, **more)


def old_version(cluster: FakeCluster) -> None:
    """Serve the version that goes, beside the one that stays."""
    definition = crd("servicecidrs", "ServiceCIDR", "networking.k8s.io", ("v1beta1",))
    definition["spec"]["scope"] = "Cluster"
    cluster.hold(definition)


def test_objects_of_versions_that_go_are_counted_and_read_at_one_that_stays() -> None:
    """Asking for the other would make us its client."""
    cluster = NewOnly(version="v1.36.3")
    old_version(cluster)
    written(cluster, made("networking.k8s.io/v1", "ServiceCIDR", "more", spec={"cidrs": ["10.97.0.0/24"]}), "helm", OLD)
    seen = examine_cluster(cluster, 37)
    assert seen.counts == {f"{OLD}/ServiceCIDR": 1}
    assert seen.stale == (StaleUse("ServiceCIDR.networking.k8s.io/more", OLD, "helm"),)
    assert examine_cluster(cluster, 36).counts == {}


def test_writers_of_other_objects_at_versions_that_go_are_seen_once_in_what_is_read_anyway(cluster: FakeCluster) -> None:
    """A Deployment that a program wrote at a version that stays is none."""
    front = deployment("front") | {"metadata": {"name": "front", "namespace": "shop"}}
    written(cluster, front, "helm", "apps/v1")
    assert examine_cluster(cluster, 37).stale == ()


def test_backends_of_webhooks_are_counted(cluster: FakeCluster) -> None:
    """Ready addresses only; one that may not be read is named."""
    cluster.hold(made("v1", "Namespace", "policy"))
    configuration = webhook() | {"apiVersion": "admissionregistration.k8s.io/v1"}
    slices = [{"addresses": ["10.0.0.1", "10.0.0.2"]}, {"addresses": ["10.0.0.3"], "conditions": {"ready": False}}]
    labels = {"kubernetes.io/service-name": "hook"}
    cluster.hold(
        configuration,
        made("discovery.k8s.io/v1", "EndpointSlice", "hook-1", namespace="policy", labels=labels, endpoints=slices),
    )
    assert examine_cluster(cluster, 37).backends == {"policy/hook": 2}
    cluster.faults.append(Fault("list", forbidden, kind="EndpointSlice"))
    seen = examine_cluster(cluster, 37)
    assert seen.backends == {"policy/hook": 0}
    assert seen.unread == ("endpoints of Service/policy/hook: green answered 403",)


def test_metrics_that_may_not_be_read_are_named() -> None:
    """A role may have forgotten them."""

    class Silent(FakeCluster):
        """Gives out no metrics."""

        def metrics(self) -> str:
            """Refuse."""
            raise forbidden()

    assert examine_cluster(Silent(version="v1.36.3"), 37).unread == ("metrics: green answered 403",)


def test_evictions_are_asked_for_and_nothing_is_evicted() -> None:
    """Only those that a drain would ask for; one that cannot be asked for is left to the rules."""
    cluster = FakeCluster(version="v1.36.3")
    budget = made("policy/v1", "PodDisruptionBudget", "web", namespace="shop", spec={"selector": {"matchLabels": {"app": "web"}}})
    cluster.hold(
        made("v1", "Namespace", "shop"),
        budget,
        pod("web", "w1"),
        pod("db", "w1"),
        pod("agent", "w1", owner="DaemonSet"),
        pod("far", "w9"),
    )
    read = with_evictions(examine_cluster(cluster, 37), cluster, ["w1"], DrainRules())
    names = {item["metadata"]["uid"]: item["metadata"]["name"] for item in cluster.list(PODS)}
    assert {names[uid]: answer for uid, answer in read.evictions.items()} == {
        "web": "The disruption budget web needs more healthy pods",
        "db": "",
    }
    assert len(list(cluster.list(PODS))) == 4
    cluster.faults.append(Fault("evict", unavailable))
    assert with_evictions(read, cluster, ["w1"], DrainRules()).evictions == {}
