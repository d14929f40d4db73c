"""References become waves."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from migrator.model.ref import ObjectRef
from migrator.rules.order import Graph, into_waves
from migrator.rules.references import references
from tests.support.objects import deployment, made


def ref(name: str, kind: str = "ConfigMap", group: str = "") -> ObjectRef:
    """Return a reference."""
    return ObjectRef(group, kind, "n", name)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.tuples(st.integers(0, 15), st.integers(0, 15), st.booleans()), max_size=60))
def test_waves_respect_every_hard_reference(edges: list[tuple[int, int, bool]]) -> None:
    """Each object is in one wave or in one cycle, and what it must have stands in an earlier wave."""
    graph: Graph = {ref(str(number)): {} for number in range(16)}
    for left, right, hard in edges:
        graph[ref(str(left))][ref(str(right))] = hard
    original = {key: dict(value) for key, value in graph.items()}
    order = into_waves(graph)
    position = {item: number for number, wave in enumerate(order.waves) for item in wave}
    cyclic = {item for cycle in order.cycles for item in cycle}
    assert len(position) + len(cyclic) == 16
    assert not position.keys() & cyclic
    for source, targets in original.items():
        for target, needed in targets.items():
            if needed and source != target and source in position and target in position:
                assert position[target] < position[source]
    assert graph == original


def test_a_soft_reference_gives_way() -> None:
    """A Secret owned by the Deployment that mounts it: the owner comes first, nothing is blocked."""
    order = into_waves(
        {ref("d", "Deployment", "apps"): {ref("s", "Secret"): False}, ref("s", "Secret"): {ref("d", "Deployment", "apps"): True}}
    )
    assert order.waves == [[ref("d", "Deployment", "apps")], [ref("s", "Secret")]]


def test_a_hard_cycle_is_named_in_full() -> None:
    """Owners in a circle are blocked, the rest goes on."""
    order = into_waves({ref("a"): {ref("b"): True}, ref("b"): {ref("c"): True}, ref("c"): {ref("a"): True}, ref("d"): {}})
    assert [sorted(cycle) for cycle in order.cycles] == [[ref("a"), ref("b"), ref("c")]]
    assert order.waves == [[ref("d")]]


def test_what_judges_others_comes_last() -> None:
    """Budgets, quotas, policies and webhooks follow everything that they could get in the way of."""
    late = [
        ref("b", "PodDisruptionBudget", "policy"),
        ref("q", "ResourceQuota"),
        ref("p", "ValidatingAdmissionPolicy", "admissionregistration.k8s.io"),
        ref("w", "ValidatingWebhookConfiguration", "admissionregistration.k8s.io"),
    ]
    chain: Graph = {ref("x"): {}, ref("y"): {ref("x"): False}, ref("z"): {ref("y"): False}, **{item: {} for item in late}}
    waves = into_waves(chain).waves
    assert [item for wave in waves[-4:] for item in wave] == late


def test_references_of_a_workload() -> None:
    """Account, settings, secrets, claims, priority: all read from the pod spec."""
    manifest = deployment("web")
    spec = manifest["spec"]["template"]["spec"]
    spec |= {
        "serviceAccountName": "robot", "priorityClassName": "high", "imagePullSecrets": [{"name": "login"}],
        "volumes": [{"persistentVolumeClaim": {"claimName": "data"}}, {"projected": {"sources": [{"configMap": {"name": "cm"}}]}}, {"secret": {"secretName": "tls"}}],
    }  # fmt: skip
    spec["containers"][0]["env"] = [{"valueFrom": {"secretKeyRef": {"name": "key"}}}]
    found = {str(item.ref) for item in references(manifest, ref("web", "Deployment", "apps"), {})}
    expected = {
        "Namespace/n",
        "ServiceAccount/n/robot",
        "PriorityClass.scheduling.k8s.io/high",
        "Secret/n/login",
        "Secret/n/tls",
        "Secret/n/key",
        "ConfigMap/n/cm",
        "PersistentVolumeClaim/n/data",
    }
    assert found == expected


def test_hard_references() -> None:
    """Namespace, CRD and owner are hard."""
    manifest = made("x.io/v1", "Widget", "w", owners=[{"apiVersion": "v1", "kind": "ConfigMap", "name": "o", "uid": "u"}])
    crd = ObjectRef("apiextensions.k8s.io", "CustomResourceDefinition", "", "widgets.x.io")
    hard = {
        str(item.ref)
        for item in references(manifest, ObjectRef("x.io", "Widget", "n", "w"), {("x.io", "Widget"): crd})
        if item.hard
    }
    assert hard == {"Namespace/n", "CustomResourceDefinition.apiextensions.k8s.io/widgets.x.io", "ConfigMap/n/o", "ConfigMap/o"}
