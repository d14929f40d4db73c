"""Objects through which operators act outside, or run machines and streams, are held by the field that stops them."""

from __future__ import annotations

from typing import Any

import pytest

from migrator.model.manifest import get
from migrator.rules.one_side.operated import OPERATED, TOLD_OPERATED
from migrator.rules.one_side.recognise import for_green, one_sided, row_of
from tests.support.contexts import PLAIN
from tests.support.objects import made, resource


@pytest.mark.parametrize(
    ("api", "kind", "spec", "path", "held"),
    [
        ("kubevirt.io/v1", "VirtualMachine", {"running": True}, ("spec", "running"), False),
        ("kubevirt.io/v1", "VirtualMachine", {"runStrategy": "Always"}, ("spec", "runStrategy"), "Halted"),
        ("pool.kubevirt.io/v1alpha1", "VirtualMachinePool", {"replicas": 2}, ("spec", "replicas"), 0),
        ("flink.apache.org/v1beta1", "FlinkDeployment", {"job": {"state": "running"}}, ("spec", "job", "state"), "suspended"),
        ("sources.knative.dev/v1", "KafkaSource", {}, ("spec", "consumers"), 0),
        ("stork.libopenstorage.org/v1alpha1", "MigrationSchedule", {"suspend": False}, ("spec", "suspend"), True),
        ("protect.trident.netapp.io/v1", "Schedule", {"enabled": True}, ("spec", "enabled"), False),
        ("metal3.io/v1alpha1", "BareMetalHost", {}, ("metadata", "annotations", "baremetalhost.metal3.io/paused"), "migrator"),
        ("numaflow.numaproj.io/v1alpha1", "Pipeline", {"lifecycle": {}}, ("spec", "lifecycle", "desiredPhase"), "Paused"),
        ("lib.projectsveltos.io/v1beta1", "SveltosCluster", {}, ("spec", "paused"), True),
        ("execution.furiko.io/v1alpha1", "JobConfig", {"schedule": {"cron": {}}}, ("spec", "schedule", "disabled"), True),
        ("hypershift.openshift.io/v1beta1", "HostedCluster", {}, ("spec", "pausedUntil"), "true"),
    ],
)
def test_the_field_that_stops_it_holds_it(api: str, kind: str, spec: dict[str, Any], path: tuple[str, ...], held: object) -> None:
    """On green, by that field alone; it runs on blue."""
    manifest = made(api, kind, "x", namespace="shop", spec=spec)
    group, _, version = api.partition("/")
    found = one_sided(manifest, resource(group, version, kind), PLAIN)
    assert found is not None
    assert found.runs
    found, green = for_green(found, manifest, manifest, PLAIN)
    assert get(green, *path) == held
    assert get(green, "spec").keys() - spec.keys() <= {path[-1]}


@pytest.mark.parametrize("spec", [{"running": False}, {"runStrategy": "Halted"}])
def test_a_machine_that_is_off_runs_on_no_side(spec: dict[str, Any]) -> None:
    """It is neither stopped nor started."""
    found = one_sided(
        made("kubevirt.io/v1", "VirtualMachine", "x", namespace="n", spec=spec), resource("kubevirt.io", "v1", "x"), PLAIN
    )
    assert found is not None
    assert not found.active


def test_a_session_of_flink_without_a_job_processes_nothing() -> None:
    """Its jobs are objects of their own."""
    assert row_of(made("flink.apache.org/v1beta1", "FlinkDeployment", "session", namespace="n", spec={})) is None


@pytest.mark.parametrize("name", sorted(name for row in TOLD_OPERATED for name in row.types))
def test_what_nobody_can_hold_is_told(name: str) -> None:
    """Nothing is written."""
    kind, _, group = name.partition(".")
    found = one_sided(made(f"{group}/v1", kind, "x", namespace="n", spec={}), resource(group, "v1", kind), PLAIN)
    assert found is not None
    assert found.part is None


def test_rows_of_one_type_ask_for_different_fields() -> None:
    """Else the second would never be found."""
    needs = [(name, row.needs) for row in OPERATED for name in row.types]
    assert len(set(needs)) == len(needs)
