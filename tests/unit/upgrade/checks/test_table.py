"""The table of checks: all of them are asked, and a person may go on in spite of one."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from migrator.model.facts import Certificate, KubeadmReading, Refusal
from migrator.model.verdict import CheckName, Severity
from migrator.upgrade.checks.table import check
from tests.support.facts import (
    NOW,
    budget,
    definition,
    facts,
    findings,
    hop,
    host,
    local_volume,
    node,
    pod,
    webhook,
    with_claim,
)
from tests.support.hostile import MARK, VALUES

ALL_WRONG = facts(
    hosts=(
        host(
            "cp",
            "control-plane",
            facts={"cgroup": 1, "disk": 100, "skew": 90.0, "machine_id": "bb", "swaps": ("/dev/zram0",), "page_size": 16384},
            certificates=(Certificate("/x.crt", NOW - 1, authority=False),),
            edited=("kube-apiserver has `- --v=4`",),
            kubelet={"cgroupDriver": "systemd", "maxPods": 40},
            refused={"kubelet": ("unrecognized feature gate: OldGate",)},
        ),
        host("w1", error="w1: connection refused", hint="is it on?"),
    ),
    nodes=(node("cp", machine="aa"), node("w1", version="1.38.0"), node("w2")),
    local_etcd=False,
    hops=(hop(cri_o="1.34.0"),),
    available={},
    cluster_config={},
    requested={"networking.k8s.io/v1beta1 ipaddresses": "1.37"},
    definitions=(definition(["v1alpha1"], "v1"),),
    pods=(pod("web", "w1", memory="8Gi"), pod("alone", "w1", owner=None), with_claim("db")),
    budgets=(budget(),),
    deployments=({"metadata": {"name": "web", "namespace": "shop"}, "spec": {"replicas": 1}},),
    volumes=(local_volume("disk"),),
    webhooks=(webhook(),),
    unread=("Secret: forbidden",),
    missing_addons=frozenset({"kube-proxy"}),
    kubeadm=KubeadmReading(refusals=(Refusal("kubeadm upgrade plan", "CoreDNSMigration", "no"),)),
)
"""A cluster in which each check finds something."""


def test_a_cluster_without_faults_has_no_findings() -> None:
    """What is fine is not spoken of."""
    assert findings() == []


def test_every_name_is_of_a_check_that_finds_something() -> None:
    """`--ignore` offers no name that means nothing, and no check is forgotten."""
    assert {item.check for item in check(ALL_WRONG)} == set(CheckName)


def test_every_failure_has_a_hint() -> None:
    """It stops the upgrade, so it says what a person can do next."""
    assert [item for item in check(ALL_WRONG) if item.severity is Severity.FAILURE and not item.hint] == []


@pytest.mark.parametrize("name", sorted(set(CheckName) - {CheckName.IDENTITY}))
def test_every_check_can_be_ignored_and_stays_in_sight(name: CheckName) -> None:
    """An ignored failure becomes a warning that says so; the others stay failures."""
    before, after = check(ALL_WRONG), check(ALL_WRONG, [name])
    for old, new in zip(before, after, strict=True):
        ignored = old.check == name and old.severity is Severity.FAILURE
        expected = (Severity.WARNING, f"{old.reason} (ignored)") if ignored else (old.severity, old.reason)
        assert (new.severity, new.reason) == expected


def test_another_machine_is_never_ignored() -> None:
    """What is wrong would be done to somebody else's."""
    found = [item for item in check(ALL_WRONG, list(CheckName)) if item.severity is Severity.FAILURE]
    assert [(item.check, item.subject) for item in found] == [(CheckName.IDENTITY, "cp")]


def test_what_may_not_be_read_is_a_failure() -> None:
    """What cannot be read cannot be judged."""
    (found,) = findings("unread", unread=("Secret: forbidden",))
    assert (found.severity, found.reason) == (Severity.FAILURE, "Secret: forbidden")


_SETTINGS = ("featureGates", "etcd", "networking", "apiServer", "proxy", "scheduler", "dns", "imageRepository", "apiVersion")
_PARTS = ("local", "external", "imageTag", "dataDir", "extraArgs", "podSubnet", "disabled", "name", "value")
_STRANGE = st.dictionaries(
    st.sampled_from(_SETTINGS), VALUES | st.dictionaries(st.sampled_from(_PARTS), VALUES, max_size=3), max_size=5
)


@settings(suppress_health_check=list(HealthCheck), deadline=None)
@given(_STRANGE)
@example({"featureGates": [[1]]})
def test_settings_of_any_form_end_no_plan(config: dict[str, Any]) -> None:
    """A ConfigMap holds what somebody wrote; what cannot be judged is a failure, and every other check is made."""
    found = check(replace(ALL_WRONG, cluster=replace(ALL_WRONG.cluster, cluster_config=config)))
    assert {CheckName.WEBHOOKS, CheckName.BUDGETS, CheckName.IDENTITY} <= {item.check for item in found}
    assert not any(MARK in item.reason for item in found if item.check is CheckName.UNREAD)


def test_what_cannot_be_judged_is_a_failure_with_its_check() -> None:
    """And nothing of the value is told."""
    found = findings("unread", cluster_config={"featureGates": [["hunter2"]]})
    assert {item.severity for item in found} == {Severity.FAILURE}
    words = "what the check kubeadm.refusals reads is not of the form that its kind has (TypeError at upgrade/checks/kubeadm.py:"
    assert any(item.reason.startswith(words) for item in found)


def test_without_hosts_only_the_cluster_is_judged() -> None:
    """Advice asks no host; what only hosts tell is not guessed."""
    names = {item.check for item in findings(hosts=(), local_etcd=False, available={}, requested={"a/v1 b": "1.37"})}
    assert names == {"removed-apis"}


def test_a_pod_without_a_place_is_found() -> None:
    """The scheduler's own filters are tested by themselves."""
    pods = (pod("big", "w1", memory="3Gi"), *(pod(f"full-{n}", n, memory="3Gi") for n in ("cp", "w2")))
    assert any("not enough memory" in item.reason for item in findings("scheduling", pods=pods))
