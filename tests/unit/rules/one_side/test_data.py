"""What uses a claim whose data moves runs on one side only, whatever it is."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from migrator.model.manifest import Manifest
from migrator.model.ref import ObjectRef, ResourceType
from migrator.rules.context import RuleContext
from migrator.rules.one_side.data import claims_of_workload
from migrator.rules.one_side.recognise import one_sided, row_of_pod
from tests.support.contexts import PLAIN, configured
from tests.support.objects import cron_job, deployment, made

MOVES = replace(PLAIN, data_moves=frozenset({"ns/data", "ns/www-web-0", "ns/www-web-12", "other/data"}))
VOLUMES = [{"name": "v", "persistentVolumeClaim": {"claimName": "data"}}, {"name": "c", "configMap": {"name": "x"}}]


def resource(kind: str) -> ResourceType:
    """Return a kind's type."""
    return ResourceType("apps", "v1", kind.lower() + "s", kind, namespaced=True, verbs=frozenset())


def workload(kind: str, name: str = "web", volumes: Any = VOLUMES, image: str = "app:1", **spec: Any) -> Manifest:
    """Return a workload with volumes."""
    manifest = deployment(name, 2)
    manifest["kind"] = kind
    manifest["metadata"]["namespace"] = "ns"
    manifest["spec"] |= spec
    manifest["spec"]["template"]["spec"] = {"containers": [{"name": "c", "image": image}], "volumes": volumes}
    return manifest


@pytest.mark.parametrize("kind", ["Deployment", "StatefulSet", "DaemonSet", "ReplicaSet"])
def test_each_kind_of_workload_with_such_a_claim_is_held(kind: str) -> None:
    """All of a namespace together, since they may share claims."""
    one = one_sided(workload(kind), resource(kind), MOVES)
    assert one is not None
    assert one.part is not None
    assert (one.row, one.part.claims) == ("data of ns", ("ns/data",))
    assert one_sided(workload(kind), resource(kind), PLAIN) is None
    assert one_sided(workload(kind, volumes=[]), resource(kind), MOVES) is None


def test_claims_of_templates_are_found_by_their_names() -> None:
    """A StatefulSet's own, of each ordinal, and not those of another one whose name begins alike."""
    template = [{"metadata": {"name": "www"}}]
    assert claims_of_workload(workload("StatefulSet", volumes=[], volumeClaimTemplates=template), MOVES) == (
        "ns/www-web-0",
        "ns/www-web-12",
    )
    other = workload("StatefulSet", "web-1", volumes=[], volumeClaimTemplates=template)
    assert claims_of_workload(other, MOVES) == ()


def test_a_cronjob_and_a_known_program_keep_how_they_are_held() -> None:
    """They go with the group of their data; what could start others stays first."""
    job = cron_job("backup")
    job["metadata"]["namespace"] = "ns"
    job["spec"]["jobTemplate"]["spec"]["template"]["spec"]["volumes"] = VOLUMES
    one = one_sided(job, resource("CronJob"), MOVES)
    assert one is not None
    assert (one.row, one.how) == ("data of ns", "spec.suspend: true")
    argo = workload("StatefulSet", image="quay.io/argoproj/argocd:v3")
    argo["spec"]["template"]["spec"]["containers"][0]["command"] = ["argocd-application-controller"]
    one = one_sided(argo, resource("StatefulSet"), MOVES)
    assert one is not None
    assert one.part is not None
    assert (one.row, one.part.first, one.part.claims) == ("Argo CD", True, ("ns/data",))


def test_a_bare_pod_with_such_a_claim_cannot_be_handed_over() -> None:
    """It is blocked with the reason; without the claim it moves."""
    pod = made("v1", "Pod", "p", namespace="ns", spec={"containers": [{"name": "c", "image": "a:1"}], "volumes": VOLUMES})
    assert "it uses ns/data, whose data moves" in row_of_pod(pod, MOVES)
    assert row_of_pod(pod, PLAIN) == ""


def test_a_person_may_say_that_it_runs_on_both_sides() -> None:
    """The cutover then refuses as long as it uses the claim; `way: own` is for that."""
    text = "cutover: {oneSide: [{name: w, target: {kind: Deployment}, hold: both}]}"
    context = RuleContext(configured(text), data_moves=MOVES.data_moves)
    assert one_sided(workload("Deployment"), resource("Deployment"), context) is None


def test_what_was_handed_over_keeps_its_claims() -> None:
    """When its pods are gone, nobody tells any more on which host a folder without affinity lies."""
    one = one_sided(workload("Deployment"), resource("Deployment"), MOVES)
    assert one is not None
    assert one.part is not None
    handed = replace(PLAIN, handed={ObjectRef("apps", "Deployment", "ns", "web"): one.part})
    again = one_sided(workload("Deployment"), resource("Deployment"), handed)
    assert again is not None
    assert again.part == one.part
