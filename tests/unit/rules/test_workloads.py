"""Bare pods."""

from __future__ import annotations

from migrator.model.manifest import Manifest
from migrator.rules import workloads
from tests.support.contexts import PLAIN, owned
from tests.support.objects import made


def test_bare_pod_loses_its_node_and_token() -> None:
    """Node, priority and the injected token volume are green's to set."""
    mount = {"name": "kube-api-access-abcde", "mountPath": "/var/run"}
    spec = {
        "nodeName": "n1",
        "priority": 0,
        "volumes": [{"name": "kube-api-access-abcde"}, {"name": "own"}],
        "containers": [{"name": "m", "volumeMounts": [mount, {"name": "own"}]}, {"name": "n", "volumeMounts": [{"name": "own"}]}],
    }
    done = workloads.unschedule_pod(made("v1", "Pod", "p", spec=spec), PLAIN)
    own = {"volumeMounts": [{"name": "own"}]}
    assert done["spec"] == {"volumes": [{"name": "own"}], "containers": [{"name": "m", **own}, {"name": "n", **own}]}


def test_what_held_nothing_but_the_token_goes() -> None:
    """An empty list would be another thing to compare."""
    mounts = {"volumeMounts": [{"name": "kube-api-access-abcde"}]}
    spec = {"volumes": [{"name": "kube-api-access-abcde"}], "containers": [{"name": "m", **mounts}]}
    assert workloads.unschedule_pod(made("v1", "Pod", "p", spec=spec), PLAIN)["spec"] == {"containers": [{"name": "m"}]}


FIELDS = {
    "f:metadata": {"f:labels": {".": {}, "f:app": {}}},
    "f:spec": {"f:containers": {'k:{"name":"main"}': {".": {}, "f:name": {}}}, "f:restartPolicy": {}},
}


def admitted() -> Manifest:
    """Return a pod as blue's servers have left it."""
    token = {"name": "kube-api-access-abcde", "mountPath": "/var/run"}
    spec = {
        "containers": [{"name": "main", "volumeMounts": [token]}, {"name": "mesh"}],
        "restartPolicy": "Always",
        "priorityClassName": "default-of-blue",
        "preemptionPolicy": "PreemptLowerPriority",
        "volumes": [{"name": "kube-api-access-abcde", "projected": {}}],
        "tolerations": [{"key": "node.kubernetes.io/not-ready"}],
    }
    return made("v1", "Pod", "p", labels={"app": "p", "topology.kubernetes.io/zone": "rack-1"}, annotations={"cni": "x"}, spec=spec)


def test_a_pod_moves_as_it_was_submitted() -> None:
    """Zone, token, class, tolerations, and a container that was injected have no owner: blue's servers wrote them."""
    done = workloads.as_submitted(owned(admitted(), FIELDS), PLAIN)
    assert done["spec"] == {"containers": [{"name": "main"}], "restartPolicy": "Always"}
    assert (done["metadata"]["labels"], "annotations" in done["metadata"]) == ({"app": "p"}, False)


def test_labels_of_a_pod_that_had_none_stay_on_blue() -> None:
    """Nobody owns a part of its metadata."""
    done = workloads.as_submitted(owned(admitted(), {"f:spec": FIELDS["f:spec"]}), PLAIN)
    assert done["metadata"].keys() & {"labels", "annotations"} == set()


def test_a_pod_whose_owners_are_not_known_stays_as_it_is() -> None:
    """Nobody can tell who wrote what; what admission computes goes in any case."""
    pod = owned(admitted(), {"f:metadata": {}})
    assert workloads.as_submitted(pod, PLAIN) is pod
    assert "preemptionPolicy" not in workloads.unschedule_pod(pod, PLAIN)["spec"]


def test_what_only_blue_would_inject_is_told() -> None:
    """A person sees which container green's admission has to add."""
    (note,) = workloads.notes(owned(admitted(), FIELDS), PLAIN)
    assert note.startswith("container mesh was put in by blue's admission")
    assert workloads.notes(admitted(), PLAIN) == []
