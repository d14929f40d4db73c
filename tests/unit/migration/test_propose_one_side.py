"""`init` proposes what runs on one side only by the rules that `plan` uses."""

from __future__ import annotations

from collections.abc import Callable

from migrator.config.schema import Migration
from migrator.migration.propose_one_side import propose_one_side
from migrator.model.manifest import Manifest
from migrator.model.ref import ResourceType
from tests.support.contexts import PLAIN
from tests.support.objects import deployment, made
from tests.support.programs import workload

MEANING: Migration = PLAIN.config


def listing(*objects: Manifest) -> Callable[[ResourceType], list[Manifest]]:
    """Return what lists these objects by their kind."""
    return lambda kind: [item for item in objects if (item["apiVersion"], item["kind"]) == (kind.api_version, kind.kind)]


def own(name: str, account: str) -> Manifest:
    """Return a Deployment of a person's own program, with an account."""
    manifest = deployment(name)
    manifest["metadata"]["namespace"] = "shop"
    manifest["spec"]["template"]["spec"]["serviceAccountName"] = account
    return manifest


def test_an_account_that_may_act_outside_is_asked_about_as_the_plan_does() -> None:
    """A role that cannot be read costs only itself."""
    rule = {"apiGroups": [""], "resources": ["services/status"], "verbs": ["patch"]}
    api = "rbac.authorization.k8s.io/v1"
    role, strange = made(api, "ClusterRole", "lb", rules=[rule]), made(api, "ClusterRole", "odd", rules=7)
    subject = {"kind": "ServiceAccount", "namespace": "shop", "name": "balancer"}
    reference = {"kind": "ClusterRole", "name": "lb"}
    binding = made(api, "ClusterRoleBinding", "lb", subjects=[subject], roleRef=reference)
    lines = propose_one_side(MEANING, listing(own("own", "balancer"), own("web", "web"), strange, role, binding))
    (asked,) = lines[2:]
    assert asked.startswith("#   shop/own may write the addresses of Services: may it run on both sides?  - {name: own, target: ")


def test_a_program_in_an_argo_rollout_is_named() -> None:
    """It is held as a Deployment is."""
    rollout = workload("x/external-dns:1", kind="Rollout") | {"apiVersion": "argoproj.io/v1alpha1"}
    assert propose_one_side(MEANING, listing(rollout))[0].endswith("programs: external-dns (ns/any-name)")
