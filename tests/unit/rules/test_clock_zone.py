"""A CronJob runs at the hours that its cluster's controller manager has."""

from __future__ import annotations

from typing import Any

import pytest

from migrator.model.ref import ObjectRef
from migrator.rules.clock_zone import other_hours, zones
from migrator.rules.context import BlueFacts, RuleContext
from tests.support.contexts import PLAIN
from tests.support.objects import made
from tests.support.pairs import pair

LOCALTIME = [{"name": "tz", "mountPath": "/etc/localtime"}]
BERLIN = RuleContext(PLAIN.config, blue=BlueFacts(time_zones=frozenset({"Europe/Berlin"})))


def told(*, env: Any = None, mounts: Any = None, path: str = "", labels: Any = None, namespace: str = "kube-system") -> list[str]:
    """Return the zones that a pod like kubeadm's tells."""
    spec: dict[str, Any] = {"containers": [{"name": "kube-controller-manager", "env": env, "volumeMounts": mounts}]}
    if path:
        spec["volumes"] = [
            {"name": "k8s-certs", "hostPath": {"path": "/etc/kubernetes/pki"}},
            {"name": "tz", "hostPath": {"path": path}},
        ]
    labels = labels or {"component": "kube-controller-manager", "tier": "control-plane"}
    pod = made("v1", "Pod", "kube-controller-manager-cp", namespace=namespace, labels=labels, spec=spec)
    return list(zones(pod, ObjectRef("", "Pod", namespace, "kube-controller-manager-cp")))


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, []),
        ({"env": [{"name": "TZ", "value": "Asia/Seoul"}]}, ["Asia/Seoul"]),
        ({"env": [{"name": "TZ", "value": ":/usr/share/zoneinfo/Asia/Seoul"}]}, ["Asia/Seoul"]),
        ({"env": [{"name": "TZ", "value": "UTC"}]}, []),
        ({"env": [{"name": "TZ", "valueFrom": {}}]}, []),
        ({"mounts": LOCALTIME, "path": "/etc/localtime"}, ["that of its host"]),
        ({"mounts": LOCALTIME, "path": "/usr/share/zoneinfo/Europe/Berlin"}, ["Europe/Berlin"]),
        ({"mounts": LOCALTIME, "path": "/usr/share/zoneinfo/Etc/UTC"}, []),
        ({"env": [{"name": "TZ", "value": "UTC"}], "mounts": LOCALTIME, "path": "/etc/localtime"}, []),
        ({"mounts": [{"name": "tz", "mountPath": "/etc/other"}], "path": "/etc/localtime"}, []),
        ({"env": [{"name": "TZ", "value": "Asia/Seoul"}], "labels": {"component": "etcd"}}, []),
        ({"env": [{"name": "TZ", "value": "Asia/Seoul"}], "namespace": "shop"}, []),
    ],
)
def test_a_controller_manager_tells_its_zone(given: dict[str, Any], expected: list[str]) -> None:
    """By its variable, or by the file that people mount (kubernetes#80577)."""
    assert told(**given) == expected


@pytest.mark.parametrize(
    ("spec", "warned"),
    [
        ({"schedule": "0 3 * * *"}, True),
        ({"schedule": "0 3 * * *", "timeZone": "Etc/UTC"}, False),
        ({"schedule": "TZ=Asia/Seoul 0 3 * * *"}, False),
    ],
)
def test_a_cron_job_without_a_zone_is_warned_of(spec: dict[str, Any], *, warned: bool) -> None:
    """Not where blue runs by UTC."""
    job = made("batch/v1", "CronJob", "backup", namespace="shop", spec=spec)
    assert ("(Europe/Berlin)" in other_hours(job, "CronJob.batch", BERLIN)) is warned
    assert not other_hours(job, "CronJob.batch", PLAIN)
    assert not other_hours(job, "Deployment.apps", BERLIN)


def test_a_plan_warns_of_the_cron_jobs_of_a_cluster_with_another_clock() -> None:
    """The pods of kubeadm's control plane stay, and tell it."""
    spec = {"containers": [{"name": "kube-controller-manager", "image": "x", "env": [{"name": "TZ", "value": "Asia/Seoul"}]}]}
    labels = {"component": "kube-controller-manager"}
    both = pair(
        made("v1", "Pod", "kube-controller-manager-cp", namespace="kube-system", labels=labels, spec=spec),
        made("batch/v1", "CronJob", "backup", namespace="shop", spec={"schedule": "0 3 * * *", "jobTemplate": {}}),
    )
    assert "(Asia/Seoul)" in both.item(ObjectRef("batch", "CronJob", "shop", "backup")).danger
