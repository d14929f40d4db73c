"""The rules in their order, and what is said of an object as a whole."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from migrator.model.manifest import Manifest
from migrator.rules.context import RuleContext
from migrator.rules.namespaces import map_namespaces
from migrator.rules.table import RULES, hindrance, notes, rules_for, transform
from tests.support.contexts import PLAIN, configured, owned
from tests.support.objects import config_map, cron_job, job, made, service


def test_field_ownership_is_read_before_it_is_removed() -> None:
    """A chosen node port survives the whole table, although managedFields do not."""
    ports = [{"port": 80, "nodePort": 30080}]
    fields: dict[str, Any] = {"f:spec": {"f:ports": {'k:{"port":80,"protocol":"TCP"}': {"f:nodePort": {}}}}}
    manifest = owned(made("v1", "Service", "s", namespace="n", spec={"ports": ports, "clusterIP": "10.0.0.1"}), fields)
    done = transform(manifest, PLAIN, rules_for("Service"))
    assert done.manifest["spec"] == {"ports": ports}
    assert "managedFields" not in done.manifest["metadata"]


def test_only_rules_that_changed_something_are_named() -> None:
    """Removing server fields is done to all objects and is not named."""
    manifest = config_map("a", finalizers=["gone.example.org/x"])
    manifest["metadata"]["uid"] = "u"
    assert transform(manifest, PLAIN, rules_for("ConfigMap")).touched == ("finalizers",)
    assert transform(config_map("a"), PLAIN, rules_for("ConfigMap")).touched == ()


def test_a_rule_of_one_kind_is_not_asked_of_another() -> None:
    """Rules without kinds apply to all."""
    assert {rule.name for rule in rules_for("ConfigMap")} == {rule.name for rule in RULES if rule.types is None}
    assert "job-identity" in {rule.name for rule in rules_for("Job.batch")}


@pytest.mark.parametrize(
    ("manifest", "blocked"),
    [(job("j"), True), (cron_job("c"), False), (service("s"), False), (made("x.example/v1", "Job", "j", spec={}), False)],
)
def test_a_running_job_does_not_move(manifest: Manifest, *, blocked: bool) -> None:
    """It would run twice; a custom resource that is called Job is none."""
    assert bool(hindrance(manifest, PLAIN)) is blocked


def once(policy: str | None, **metadata: Any) -> Manifest:
    """Return a bare pod."""
    spec = {"containers": [{"name": "c", "image": "a.example/build:1"}], **({"restartPolicy": policy} if policy else {})}
    return made("v1", "Pod", "runner-1", namespace="ci", spec=spec, **metadata)


@pytest.mark.parametrize(("policy", "blocked"), [("Never", True), ("OnFailure", True), ("Always", False), (None, False)])
def test_a_pod_that_ends_does_not_run_twice(policy: str | None, *, blocked: bool) -> None:
    """Pods of CI jobs have no owner; a person may say that it does no harm."""
    found = hindrance(once(policy), PLAIN)
    assert bool(found) is blocked
    rule = "cutover: {oneSide: [{name: ci, target: {kind: Pod}, hold: both}]}"
    assert not hindrance(once(policy), RuleContext(configured(rule)))


def test_a_machine_of_nobody_does_not_run_twice() -> None:
    """It is to KubeVirt what a bare pod is."""
    machine = made("kubevirt.io/v1", "VirtualMachineInstance", "vm", namespace="n", spec={}, status={"phase": "Running"})
    assert hindrance(machine, PLAIN)


def test_a_person_is_told_what_a_move_changes() -> None:
    """Owners that stay, and names in DNS that nobody rewrites."""
    manifest = cron_job("c")
    manifest["metadata"] |= {"namespace": "shop", "ownerReferences": [{"kind": "App", "name": "a", "uid": "u"}]}
    manifest["spec"]["url"] = "http://db.shop.svc"
    context = RuleContext(configured("map: {namespaces: {shop: store}}"))
    found = notes(manifest, orjson.dumps(map_namespaces(manifest, context)), context)
    assert [text.split(":")[0] for text in found] == [
        "mentions a DNS name in namespace shop (.shop.svc)",
        "owner App/a is not moved",
    ]


def test_what_kubectl_keeps_for_itself_is_no_string_to_list() -> None:
    """It repeats the whole object, as it was applied on blue."""
    context = RuleContext(configured("map: {registries: {registry.example.com: m}}"))
    kept = {"kubectl.kubernetes.io/last-applied-configuration": '{"image":"registry.example.com/a:1"}'}
    applied = made("v1", "ConfigMap", "c", namespace="n", annotations=kept, data={"a": "b"})
    assert notes(applied, orjson.dumps(applied), context) == ()
    named = {**applied, "data": {"a": "registry.example.com/a:1"}}
    assert notes(named, orjson.dumps(named), context) == (
        "holds a string with registry registry.example.com: not rewritten, use a transform",
    )
