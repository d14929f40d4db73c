"""What servers and controllers own is removed, what a person wrote stays."""

from __future__ import annotations

from migrator.rules import server_fields
from migrator.rules.context import BlueFacts, RuleContext
from tests.support.contexts import PLAIN, configured
from tests.support.objects import config_map, made


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
