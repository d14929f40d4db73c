"""Bare pods."""

from __future__ import annotations

from migrator.rules import workloads
from tests.support.contexts import PLAIN
from tests.support.objects import made


def test_bare_pod_loses_its_node_and_token() -> None:
    """Node, priority and the injected token volume are green's to set."""
    mount = {"name": "kube-api-access-abcde", "mountPath": "/var/run"}
    spec = {
        "nodeName": "n1",
        "priority": 0,
        "volumes": [{"name": "kube-api-access-abcde"}, {"name": "own"}],
        "containers": [{"name": "m", "volumeMounts": [mount, {"name": "own"}]}],
    }
    done = workloads.unschedule_pod(made("v1", "Pod", "p", spec=spec), PLAIN)
    assert done["spec"] == {"volumes": [{"name": "own"}], "containers": [{"name": "m", "volumeMounts": [{"name": "own"}]}]}
