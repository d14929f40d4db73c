"""Neighbours of the field cases: what other people's clusters hold of the same kinds."""

from __future__ import annotations

from typing import Any

from migrator.model.manifest import Manifest
from migrator.model.ref import ResourceType
from tests.support.objects import crd, made
from tests.support.sandbox import Sandbox, until


def with_kind(sandbox: Sandbox, definition: Manifest, *objects: Manifest) -> ResourceType:
    """Have a kind and objects of it on blue, and move them with their definition; return the kind's type."""
    names, group = definition["spec"]["names"], definition["spec"]["group"]
    sandbox.configure(
        move={
            "clusterScoped": True,
            "kinds": {"include": ["Namespace", "CustomResourceDefinition", names["kind"]]},
            "objects": {"include": [{"kind": "CustomResourceDefinition", "name": f"*.{group}"}]},
        }
    )
    sandbox.on_blue(definition, *objects)
    return ResourceType(group, "v1", names["plural"], names["kind"], namespaced=True, verbs=frozenset())


def with_schema(definition: Manifest, **schema: Any) -> Manifest:
    """Return the definition with a schema of its objects' spec."""
    spec = {"type": "object", "x-kubernetes-preserve-unknown-fields": True, **schema}
    whole = {"type": "object", "properties": {"spec": spec}}
    versions = [{**item, "schema": {"openAPIV3Schema": whole}} for item in definition["spec"]["versions"]]
    return {**definition, "spec": {**definition["spec"], "versions": versions}}


def test_a_custom_resource_older_than_its_schema_is_blocked_before_and_after_its_definition_is_there(sandbox: Sandbox) -> None:
    """First by the definition that moves with it, then by green's own words; a neighbour that fits moves."""
    group = f"{sandbox.namespace}.example.com"
    definition = crd("probes", "Probe", group)
    old, new = (made(f"{group}/v1", "Probe", name, spec=spec) for name, spec in (("old", {}), ("new", {"owner": "a"})))
    kind = with_kind(sandbox, definition, old, new)
    stricter = with_schema(definition, required=["owner"])["spec"]["versions"]
    sandbox.pair.blue.patch(
        ResourceType("apiextensions.k8s.io", "v1", "customresourcedefinitions", "CustomResourceDefinition", False, frozenset()),
        "",
        f"probes.{group}",
        {"spec": {"versions": stricter}},
        manager="kubectl-patch",
    )
    name = f"Probe.{group}/{sandbox.namespace}/old"
    entry = sandbox.json("plan").object(name)
    assert (entry["decision"], entry["reason"]) == (
        "blocked",
        "does not match the present schema of its CRD: spec.owner is required",
    )
    sandbox.run("copy")
    assert sandbox.pair.green.get(kind, sandbox.namespace, "new")["spec"] == {"owner": "a"}

    def told() -> bool:
        entry = sandbox.json("plan").object(name)
        return entry["decision"] == "blocked" and "spec.owner: Required value" in entry["reason"]

    until(told)


def test_a_restore_that_tells_its_end_by_a_time_alone_is_not_restored_again(sandbox: Sandbox) -> None:
    """Its kind is called like a run; its conditions tell of its controller."""
    group = f"{sandbox.namespace}.example.com"
    restore = made(f"{group}/v1", "Restore", "after-loss", spec={"prune": True})
    kind = with_kind(sandbox, crd("restores", "Restore", group, status=True), restore)
    status = {"restoreCompletionTs": "2026-01-05T03:04:00Z", "conditions": [{"type": "Ready", "status": "True"}]}
    sandbox.pair.blue.patch(kind, sandbox.namespace, "after-loss", {"status": status}, manager="restores", subresource="status")
    sandbox.run("copy")
    assert sandbox.pair.green.get(kind, sandbox.namespace, "after-loss")["status"] == status
    assert "changed" not in sandbox.json("copy").document["counts"]
