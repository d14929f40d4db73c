"""References become waves."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from migrator.model.ref import ObjectRef
from migrator.rules.order import Graph, Rank, into_waves
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


class Counted(ObjectRef):
    """A reference that counts how often it is looked up."""

    looked_up = 0

    def __hash__(self) -> int:
        """Count, and be the same key as any equal reference."""
        Counted.looked_up += 1
        return super().__hash__()


def circles(count: int, size: int) -> Graph:
    """Return objects that own each other in this many circles."""
    names = [[Counted("", "ConfigMap", "n", f"{circle}-{number}") for number in range(size)] for circle in range(count)]
    return {name: {circle[number - 1]: True} for circle in names for number, name in enumerate(circle)}


def lookups(graph: Graph) -> int:
    """Return how much work an order is."""
    Counted.looked_up = 0
    assert not into_waves(graph).waves
    return Counted.looked_up


def test_many_circles_are_sorted_in_linear_time() -> None:
    """4,000 objects in 40 circles cost ten times what 400 objects in 4 circles cost."""
    few, many = circles(4, 100), circles(40, 100)
    assert lookups(many) < 11 * lookups(few)
    assert [len(cycle) for cycle in into_waves(many).cycles] == [100] * 40


def test_a_long_line_of_owners_is_no_recursion() -> None:
    """One object in each wave, however many there are."""
    line: Graph = {ref(str(number)): {ref(str(number - 1)): True} for number in range(5000)}
    assert len(into_waves(line).waves) == 5000


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


POLICY = ref("mesh", "MutatingAdmissionPolicy", "admissionregistration.k8s.io")
WEB, SETTINGS, SCALER = ref("web", "Deployment", "apps"), ref("settings"), ref("web", "HorizontalPodAutoscaler", "autoscaling")
PODS = {WEB: Rank.PODS}


def test_what_changes_pods_is_there_before_what_makes_them() -> None:
    """What the workload needs comes before it, what needs the workload after it; other objects need not wait."""
    graph: Graph = {POLICY: {}, WEB: {SETTINGS: False}, SETTINGS: {}, SCALER: {WEB: False}, ref("child"): {WEB: True}}
    assert into_waves(graph, PODS).waves == [[SETTINGS], [POLICY], [WEB], [ref("child"), SCALER]]
    del graph[POLICY]
    assert into_waves(graph, PODS).waves == [[SETTINGS], [WEB], [ref("child"), SCALER]]


def test_custom_resources_come_after_what_they_would_make_anew() -> None:
    """A certificate would be ordered anew without its Secret; a policy of an operator changes pods that come after it."""
    certificate, secret, web = ref("tls", "Certificate", "cert-manager.io"), ref("tls", "Secret"), ref("web", "Deployment", "apps")
    ranks = {certificate: Rank.CUSTOM, web: Rank.PODS}
    assert into_waves({certificate: {}, secret: {}, web: {}}, ranks).waves == [[secret], [certificate], [web]]
    owned = ref("owned", "Secret")
    assert into_waves({certificate: {}, owned: {certificate: True}, web: {owned: False}}, ranks).waves == [
        [certificate],
        [owned],
        [web],
    ]


def test_what_asks_for_a_number_gets_it_before_others_are_given_one() -> None:
    """A Service that a person gave a port is early, unless its owner is not there yet."""
    chosen, given, owner = ref("z-chosen", "Service"), ref("a-given", "Service"), ref("o", "Widget", "example.com")
    early = {chosen: Rank.EARLY}
    assert into_waves({given: {}, chosen: {}}, early).waves == [[chosen], [given]]
    assert into_waves({owner: {}, given: {}, chosen: {owner: True}}, early).waves == [[given, owner], [chosen]]


def test_limits_come_after_what_exceeds_them() -> None:
    """A LimitRange gives pods their defaults, so that it is early; one that would refuse what is there is not."""
    limits, pod = ref("limits", "LimitRange"), ref("p", "Pod")
    assert into_waves({pod: {}, limits: {}}).waves == [[limits], [pod]]
    assert into_waves({pod: {}, limits: {}}, {limits: Rank.LIMIT}).waves == [[pod], [limits]]


def test_an_owner_of_any_rank_comes_before_what_it_owns() -> None:
    """An object that a webhook configuration owns is written after it."""
    hook = ref("hook", "ValidatingWebhookConfiguration", "admissionregistration.k8s.io")
    assert into_waves({ref("owned"): {hook: True}, hook: {}, ref("free"): {}}).waves == [[ref("free")], [hook], [ref("owned")]]
