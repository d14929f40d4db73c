"""A guard names exactly what is held, and refuses exactly one thing: that it is held no more."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from migrator.migration.one_side.sides import cron_job
from migrator.model.kinds import DAEMON_SETS, DEPLOYMENTS
from migrator.model.manifest import Manifest
from migrator.model.one_side import HeldField, Part
from migrator.model.ref import ObjectRef, ResourceType
from migrator.rules.context import RuleContext
from migrator.rules.one_side.guard import LABEL, guards
from migrator.rules.one_side.table import NODES
from migrator.rules.skip import skip_reason
from tests.support.contexts import configured

DNS = ObjectRef("apps", "Deployment", "shop", "dns")
NIGHTLY = ObjectRef("batch", "CronJob", "shop", "nightly")


def dns(name: str = "dns", row: str = "external-dns") -> Part:
    """Return a Deployment that is held by its replicas."""
    ref = DNS._replace(name=name)
    return Part(ref, ref._replace(namespace="store"), row, DEPLOYMENTS, (HeldField(("spec", "replicas"), 0, 2, 2),))


def only(part: Part, where: str = "green") -> Manifest:
    """Return the one policy of one object."""
    (guard,) = guards([part], "green" if where == "green" else "blue", "t")
    return guard.policy


def test_a_policy_names_the_objects_of_its_group_on_its_side() -> None:
    """Under the names that they have there, and by its scale, too."""
    policy = only(dns())
    constraints = policy["spec"]["matchConstraints"]
    assert constraints["namespaceSelector"]["matchExpressions"][0]["values"] == ["store"]
    assert constraints["resourceRules"] == [
        {
            "apiGroups": ["apps"],
            "apiVersions": ["v1"],
            "operations": ["CREATE", "UPDATE"],
            "resources": ["deployments", "deployments/scale"],
            "resourceNames": ["dns"],
            "scope": "*",
        }
    ]
    assert only(dns(), "blue")["spec"]["matchConstraints"]["namespaceSelector"]["matchExpressions"][0]["values"] == ["shop"]


def test_its_words_tell_why_and_the_verb() -> None:
    """Who is refused learns what to do, from the API server."""
    green, blue = (only(dns(), where)["spec"]["validations"][0]["message"] for where in ("green", "blue"))
    assert "external-dns runs on one side only (writes DNS records" in green
    assert green.endswith("that is blue now: held here by migration t with spec.replicas: 0. To start it here: migrator cutover")
    assert "that is green now" in blue
    assert blue.endswith("To start it here: migrator rollback")
    assert "(migration.yaml says so)" in only(replace(dns(), row="mailer"))["spec"]["validations"][0]["message"]


@pytest.mark.parametrize(
    ("path", "held", "said"),
    [
        (("spec", "replicas"), 0, "object.?spec.?replicas.orValue(request.?subResource.orValue('') == 'scale' ? 0 : 1) == 0"),
        (("spec", "suspend"), True, "object.?spec.?suspend.orValue(false) == true"),
        (("spec", "enabled"), False, "object.?spec.?enabled.orValue(true) == false"),
        (NODES[0], "one-side", '.?template.?spec.?nodeSelector[?"migrator/held"].orValue("not one-side") == "one-side"'),
        (("spec", "namespace", "in"), "x", 'object.?spec[?"namespace"][?"in"].orValue("not x") == "x"'),
        (("spec", 'a"] || true || ["'), "x\n", 'object.?spec[?"a\\"] || true || [\\""].orValue("not x\\n") == "x\\n"'),
    ],
)
def test_what_holds_is_told_in_cel(path: tuple[str, ...], held: bool | int | str, said: str) -> None:  # noqa: FBT001
    """A field that is not there does not hold; words of CEL and strange keys are quoted."""
    part = Part(DNS, DNS, "r", DAEMON_SETS, (HeldField(path, held),))
    expression = only(part)["spec"]["validations"][0]["expression"]
    assert said in expression
    assert expression.endswith("))")


def test_groups_have_policies_of_their_own_and_another_content_another_name() -> None:
    """So one is removed with its group, and a policy that stands says what its name says."""
    found = guards([dns(), cron_job(NIGHTLY, NIGHTLY), dns("other")], "green", "t")
    assert [guard.row for guard in found] == ["CronJob", "external-dns"]
    assert all(guard.policy["metadata"] == guard.binding["metadata"] for guard in found)
    assert all(guard.binding["spec"] == {"policyName": guard.name, "validationActions": ["Deny"]} for guard in found)
    assert all(re.fullmatch(r"migrator-t-(cronjob|external-dns)-[0-9a-f]{10}", guard.name) for guard in found)
    names = {guard.name for parts in ([dns()], [dns("other")], [dns(), dns("other")]) for guard in guards(parts, "green", "t")}
    assert len(names) == 3
    assert guards([dns("other"), dns()], "green", "t") == guards([dns(), dns("other")], "green", "t")


def test_many_objects_are_several_policies() -> None:
    """An expression has a longest length in cel-go."""
    found = guards([dns(f"dns-{number}") for number in range(700)], "green", "t")
    assert [len(guard.policy["spec"]["matchConstraints"]["resourceRules"][0]["resourceNames"]) for guard in found] == [
        300,
        300,
        100,
    ]
    assert all(len(item["expression"]) < 100_000 for guard in found for item in guard.policy["spec"]["validations"])


def test_an_object_without_namespace_is_guarded() -> None:
    """A person's entry may name one; a selector for namespaces does not leave it out."""
    resource = ResourceType("example.org", "v1", "importers", "Importer", False, frozenset())
    ref = ObjectRef("example.org", "Importer", "", "i")
    policy = only(Part(ref, ref, "r", resource, (HeldField(("spec", "paused"), held=True),)))
    assert '"importers.example.org//i"' in policy["spec"]["validations"][0]["expression"]
    assert policy["spec"]["matchConstraints"]["namespaceSelector"]["matchExpressions"][0]["values"] == ["none"]


def test_a_guard_does_not_move() -> None:
    """Blue's stands after a cutover, and green would refuse to run what it was given."""
    guard = guards([dns()], "blue", "t")[0]
    for manifest, kind in ((guard.policy, "ValidatingAdmissionPolicy"), (guard.binding, "ValidatingAdmissionPolicyBinding")):
        ref = ObjectRef("admissionregistration.k8s.io", kind, "", guard.name)
        assert "guard of a hand-over" in skip_reason(manifest, ref, RuleContext(configured()))
        persons = {**manifest, "metadata": {"name": "mine", "labels": {"a": "b"}}}
        assert skip_reason(persons, ref._replace(name="mine"), RuleContext(configured())) == ""
    assert guard.policy["metadata"]["labels"] == {LABEL: "t"}
