"""What an API server tells of a pod that does not run: the warnings about that pod, and no others."""

from __future__ import annotations

from migrator.migration.holders import warnings_about
from migrator.model.manifest import Manifest
from migrator.readiness.starting import why_waiting
from tests.support.objects import made
from tests.support.sandbox import Sandbox


def event(sandbox: Sandbox, name: str, uid: str, kind: str, reason: str) -> Manifest:
    """Return an event about a pod."""
    about = {"kind": "Pod", "namespace": sandbox.namespace, "name": "holder", "uid": uid}
    body = made("v1", "Event", name, namespace=sandbox.namespace)
    return body | {"involvedObject": about, "type": kind, "reason": reason, "message": f"{name}\nin two lines"}


def test_the_warnings_of_one_pod_are_found(sandbox: Sandbox) -> None:
    """The server selects them by the pod's UID and their type."""
    sandbox.on_blue(
        event(sandbox, "ours", "u1", "Warning", "FailedMount"),
        event(sandbox, "normal", "u1", "Normal", "Scheduled"),
        event(sandbox, "of-another", "u2", "Warning", "FailedMount"),
    )
    pod = made("v1", "Pod", "holder", namespace=sandbox.namespace)
    pod["metadata"]["uid"] = "u1"
    found = warnings_about(sandbox.pair.blue, pod)
    assert [item["metadata"]["name"] for item in found] == ["ours"]
    assert why_waiting(pod, found) == "FailedMount: ours in two lines"
