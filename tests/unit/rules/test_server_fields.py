"""What servers and controllers own is removed, what a person wrote stays."""

from __future__ import annotations

from migrator.model.ref import ObjectRef
from migrator.rules import server_fields
from migrator.rules.context import BlueFacts, RuleContext
from tests.support.contexts import PLAIN, configured
from tests.support.objects import config_map, crd, made
from tests.support.pairs import in_green, pair


def test_server_fields_go_and_the_persons_stay() -> None:
    """Status and server-owned metadata go; labels, annotations, finalizers and owners stay."""
    manifest = config_map("a", labels={"l": "1"}, annotations={"a": "1"}, finalizers=["f"])
    manifest["metadata"] |= {
        "uid": "u",
        "resourceVersion": "1",
        "generation": 1,
        "creationTimestamp": "t",
        "selfLink": "s",
        "generateName": "g",
        "deletionTimestamp": "d",
        "managedFields": [],
    }
    done = server_fields.strip_server_fields({**manifest, "status": {"x": 1}}, PLAIN)
    assert done == config_map("a", labels={"l": "1"}, annotations={"a": "1"}, finalizers=["f"])


def test_controller_annotations_go() -> None:
    """What controllers keep their books in is written anew on green."""
    books = (
        *("deployment.kubernetes.io/revision", "pv.kubernetes.io/bind-completed", "rollout.argoproj.io/workload-generation"),
        *("volume.kubernetes.io/storage-resizer", "lifecycle.cattle.io/create.namespace-auth", "k8s.ovn.org/pod-networks"),
    )
    manifest = config_map("a", annotations=dict.fromkeys(books, "4") | {"mine": "1"})
    assert server_fields.strip_controller_annotations(manifest, PLAIN)["metadata"]["annotations"] == {"mine": "1"}
    untouched = config_map("a", annotations={"mine": "1"})
    assert server_fields.strip_controller_annotations(untouched, PLAIN) is untouched


def test_a_status_that_is_a_plain_field_stays() -> None:
    """A kind without the subresource keeps data there, such as how a Workflow ended."""
    manifest = made("argoproj.io/v1alpha1", "Workflow", "a", status={"phase": "Succeeded"})
    plain = RuleContext(configured(), blue=BlueFacts(plain_status=frozenset({"Workflow.argoproj.io"})))
    assert server_fields.strip_server_fields(manifest, plain) == manifest
    assert "status" not in server_fields.strip_server_fields(manifest, PLAIN)


def test_elasticsearch_of_green_elects_its_master() -> None:
    """Its operator sets no `cluster.initial_master_nodes` where the annotation says that there is a cluster."""
    both = pair(crd("elasticsearches", "Elasticsearch", "elasticsearch.k8s.elastic.co", status=True))
    cluster = made("elasticsearch.k8s.elastic.co/v1", "Elasticsearch", "logs", namespace="shop", spec={"version": "9.1.0"})
    prefix = "elasticsearch.k8s.elastic.co"
    cluster["metadata"]["annotations"] = {f"{prefix}/cluster-uuid": "xyz", f"{prefix}/suspend": "logs-es-default-0"}
    both.blue.hold(cluster)
    assert not both.copy().problems
    copied = in_green(both.green, ObjectRef("elasticsearch.k8s.elastic.co", "Elasticsearch", "shop", "logs"))
    assert copied["metadata"]["annotations"] == {f"{prefix}/suspend": "logs-es-default-0"}
    patch = {"metadata": {"annotations": {f"{prefix}/cluster-uuid": "abc"}}}
    both.green.patch(both.green.type_of(copied), "shop", "logs", patch, manager="elastic-operator")
    assert both.next_run().copy().counts["unchanged"] == 3
