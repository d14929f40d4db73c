"""Programs that start work by themselves are known by their images and the words of their commands."""

from __future__ import annotations

import pytest

from migrator.model.manifest import Manifest
from migrator.rules.one_side.recognise import row_of
from tests.support.programs import workload


@pytest.mark.parametrize(
    ("manifest", "row"),
    [
        (workload("quay.io/argoproj/argo-events:v1.9", "controller"), "Argo Events"),
        (workload("quay.io/argoproj/argo-events:v1.9", "eventsource-service"), "Argo Events source"),
        (workload("quay.io/argoprojlabs/argocd-operator:v1"), "Argo CD operator"),
        (workload("ghcr.io/caas-team/py-kube-downscaler:1"), "kube-downscaler"),
        (workload("docker.io/jenkins/jenkins:lts", kind="StatefulSet"), "CI server"),
        (workload("ghcr.io/actions/gha-runner-scale-set-controller:0.13"), "CI runner"),
        (workload("apache/airflow:3", "bash", "-c", "exec \\\nairflow scheduler"), "Airflow"),
        (workload("bitnami/airflow:3", env=[{"name": "AIRFLOW_COMPONENT_TYPE", "value": "triggerer"}]), "Airflow"),
        (workload("registry.example.com/shop:1", command=["celery", "-A", "shop", "beat"]), "task scheduler"),
        (workload("temporalio/server:1.30"), "task scheduler"),
        (workload("mcuadros/ofelia:0.3", "daemon"), "task scheduler"),
        (workload("dkron/dkron:4", "agent", "--server", kind="StatefulSet"), "task scheduler"),
        (workload("ghcr.io/renovatebot/renovate:40"), "Renovate"),
        (workload("rancher/rancher:v2.9"), "management server"),
        (workload("apache/flink:1.20", "standalone-job", "--job-classname", "x"), "data flow"),
        (workload("dock.mau.dev/mautrix/telegram:v0.15"), "chat bridge"),
        (workload("ghcr.io/home-assistant/home-assistant:2026.7", kind="StatefulSet"), "automation"),
    ],
)
def test_a_program_is_known(manifest: Manifest, row: str) -> None:
    """As its project deploys it."""
    found = row_of(manifest)
    assert found is not None
    assert found.name == row


@pytest.mark.parametrize(
    "manifest",
    [
        workload("quay.io/argoproj/argo-events:v1.9", "webhook-service"),
        workload("apache/airflow:3", "bash", "-c", "exec airflow webserver"),
        workload("registry.example.com/shop:1", command=["celery", "-A", "shop", "worker"]),
        workload("apache/flink:1.20", "taskmanager"),
    ],
)
def test_others_of_its_kind_are_not(manifest: Manifest) -> None:
    """The same image answers requests, or waits for work of others."""
    assert row_of(manifest) is None


@pytest.mark.parametrize(
    ("image", "word", "first"),
    [
        ("quay.io/argoprojlabs/argocd-image-updater:v1", "run", True),
        ("quay.io/argoproj/argo-events:v1.9", "controller", True),
        ("ghcr.io/caas-team/py-kube-downscaler:1", "run", True),
        ("quay.io/argoproj/argo-events:v1.9", "eventsource-service", False),
        ("ghcr.io/actions/gha-runner-scale-set-controller:0.13", "run", False),
    ],
)
def test_what_starts_other_workloads_is_handed_over_before_them(image: str, word: str, first: bool) -> None:  # noqa: FBT001
    """It would start again on blue what is stopped there."""
    found = row_of(workload(image, word))
    assert found is not None
    assert found.first is first
