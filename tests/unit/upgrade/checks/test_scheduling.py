"""The scheduler's filters, one by one: a pod fits, and with one thing changed it does not."""

from __future__ import annotations

from typing import Any

import pytest

from migrator.model.manifest import Manifest
from migrator.model.quantity import amount
from migrator.upgrade.checks.scheduling import Place, places, why_not
from tests.support.facts import facts, node, pod

ZONE = "topology.kubernetes.io/zone"
APART = [{"topologyKey": "kubernetes.io/hostname", "labelSelector": {"matchLabels": {"app": "web"}}}]
SPREAD = {"maxSkew": 1, "topologyKey": "kubernetes.io/hostname", "labelSelector": {"matchLabels": {"app": "web"}}}


def apart() -> dict[str, Any]:
    """Return a spec that refuses the company of other web pods."""
    return {"affinity": {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": APART}}}


def together() -> dict[str, Any]:
    """Return a spec that wants to be where a cache is."""
    term = {"topologyKey": "kubernetes.io/hostname", "labelSelector": {"matchLabels": {"app": "cache"}}}
    return {"affinity": {"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}}


def affine(operator: str, *values: str) -> dict[str, Any]:
    """Return a spec that asks for nodes by their disk label."""
    expression = {"key": "disk", "operator": operator, "values": list(values)}
    terms = {"nodeSelectorTerms": [{"matchExpressions": [expression]}]}
    return {"affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": terms}}}


def refusal(wanted: Manifest, there: Manifest, *pods: Manifest, others: tuple[Place, ...] = ()) -> str:
    """Return why a pod cannot go to a node with these pods."""
    place = Place(there, list(pods))
    return why_not(wanted, place, [place, *others], {})


TAINT = [{"key": "night", "value": "yes", "effect": "NoSchedule"}]
NUMBER = [{"key": "sla", "value": "95", "effect": "NoSchedule"}]
WEB: dict[str, Any] = {"labels": {"app": "web"}}


ANY = "0.0.0.0"  # noqa: S104 - compared, not bound
"""All addresses of a node."""


def above(operator: str, value: str) -> dict[str, Any]:
    """Return the spec of a pod that tolerates taint sla by a number (KEP-5471)."""
    return {"tolerations": [{"key": "sla", "operator": operator, "value": value}]}


@pytest.mark.parametrize(
    ("wanted", "there", "pods", "reason"),
    [
        (pod("a", ""), node("n"), (), ""),
        (pod("a", "", cpu="3"), node("n"), (pod("b", "n", cpu="1500m"),), "not enough cpu"),
        (pod("a", "", memory="3Gi"), node("n"), (pod("b", "n", memory="1500Mi"),), "not enough memory"),
        (pod("a", ""), node("n", taints=TAINT), (), "taint night"),
        (pod("a", "", spec={"tolerations": [{"key": "night", "operator": "Exists"}]}), node("n", taints=TAINT), (), ""),
        (pod("a", "", spec={"tolerations": [{"key": "night", "value": "no"}]}), node("n", taints=TAINT), (), "taint night"),
        (pod("a", "", spec=above("Gt", "90")), node("n", taints=NUMBER), (), ""),
        (pod("a", "", spec=above("Gt", "95")), node("n", taints=NUMBER), (), "taint sla"),
        (pod("a", "", spec=above("Lt", "96")), node("n", taints=NUMBER), (), ""),
        (pod("a", "", spec=above("Gt", "much")), node("n", taints=NUMBER), (), "taint sla"),
        (pod("a", "", spec={"nodeSelector": {"disk": "ssd"}}), node("n"), (), "its node selector or affinity does not match"),
        (pod("a", "", spec={"nodeSelector": {"disk": "ssd"}}), node("n", labels={"disk": "ssd"}), (), ""),
        (pod("a", "", spec=affine("In", "ssd")), node("n", labels={"disk": "ssd"}), (), ""),
        (pod("a", "", spec=affine("NotIn", "ssd")), node("n", labels={"disk": "ssd"}), (), "its node selector or affinity does not match"),
        (pod("a", "", spec=affine("Gt", "5")), node("n", labels={"disk": "7"}), (), ""),
        (pod("a", "", spec=affine("Lt", "5")), node("n", labels={"disk": "7"}), (), "its node selector or affinity does not match"),
        (pod("a", "", spec=apart(), **WEB), node("n"), (pod("b", "n", **WEB),), "anti-affinity by kubernetes.io/hostname"),
        (pod("a", "", **WEB), node("n"), (pod("b", "n", spec=apart(), **WEB),), "anti-affinity of shop/b"),
        (pod("a", "", spec=apart(), **WEB), node("n"), (pod("b", "n", namespace="other", **WEB),), ""),
        (pod("a", "", spec={"containers": [{"name": "m", "ports": [{"hostPort": 80}]}]}), node("n"),
         (pod("b", "n", spec={"containers": [{"name": "m", "ports": [{"hostPort": 80}]}]}),), "host port taken"),
        (pod("a", "", spec=together()), node("n"), (), ""),
    ],
)  # fmt: skip
def test_a_filter_says_no_for_its_own_reason(wanted: Manifest, there: Manifest, pods: tuple[Manifest, ...], reason: str) -> None:
    """Taints, selectors, affinity both ways, room, ports."""
    assert refusal(wanted, there, *pods) == reason


@pytest.mark.parametrize(
    ("one", "other", "taken"),
    [
        ({"hostIP": "10.0.0.1"}, {"hostIP": "10.0.0.2"}, False),
        ({"hostIP": "10.0.0.1"}, {"hostIP": ANY}, True),
        ({"hostIP": "10.0.0.1"}, {}, True),
        ({}, {"protocol": "UDP"}, False),
        ({"hostIP": "10.0.0.1"}, {"hostIP": "10.0.0.1"}, True),
    ],
)
def test_a_host_port_is_taken_on_its_own_address(one: dict[str, str], other: dict[str, str], *, taken: bool) -> None:
    """Two load balancers of one node, each on an address of its own, are no conflict; a sidecar's port counts."""
    wanted = pod("a", "", spec={"containers": [{"name": "m", "ports": [{"hostPort": 53, **one}]}]})
    sidecar = {"name": "s", "restartPolicy": "Always", "ports": [{"hostPort": 53, **other}]}
    there = pod("b", "n", spec={"initContainers": [sidecar], "containers": [{"name": "m"}]})
    assert refusal(wanted, node("n"), there) == ("host port taken" if taken else "")


@pytest.mark.parametrize(
    ("toleration", "tolerated"),
    [
        ({"operator": "Exists"}, True),
        ({"operator": "Exists", "effect": "NoSchedule"}, True),
        ({"operator": "Exists", "effect": "NoExecute"}, False),
        ({"key": "night", "operator": "Exists", "effect": "NoSchedule"}, True),
        ({"key": "night", "value": "yes"}, True),
        ({"key": "night", "operator": "Equal", "value": "yes"}, True),
        ({"key": "night"}, False),
        ({"key": "day", "operator": "Exists"}, False),
        ({}, False),
        ({"value": "yes"}, False),
        ({"key": "", "operator": "Equal", "value": "yes"}, False),
        ({"key": "night", "operator": "Lt", "value": "5"}, False),
    ],
)
def test_a_taint_is_tolerated_by_key_value_and_effect(toleration: dict[str, str], *, tolerated: bool) -> None:
    """As the scheduler compares them; without a key only `Exists` tolerates (core/v1, Toleration)."""
    wanted = pod("a", "", spec={"tolerations": [toleration]})
    assert refusal(wanted, node("n", taints=TAINT)) == ("" if tolerated else "taint night")


@pytest.mark.parametrize("effect", ["PreferNoSchedule", "SomethingNew"])
def test_a_taint_that_only_asks_holds_nobody_back(effect: str) -> None:
    """Nor does one that this scheduler does not know."""
    assert refusal(pod("a", ""), node("n", taints=[{"key": "night", "effect": effect}])) == ""


def selecting(selector: dict[str, Any] | None, kind: str) -> dict[str, Any]:
    """Return a spec with a term of this selector, or with none."""
    term = {"topologyKey": "kubernetes.io/hostname", **({} if selector is None else {"labelSelector": selector})}
    return {"affinity": {kind: {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}}


@pytest.mark.parametrize(
    ("selector", "reason"),
    [
        (None, ""),
        ({}, "anti-affinity by kubernetes.io/hostname"),
        ({"matchLabels": {"app": "b"}}, "anti-affinity by kubernetes.io/hostname"),
        ({"matchLabels": {"app": "c"}}, ""),
        ({"matchExpressions": [{"key": "app", "operator": "Exists"}]}, "anti-affinity by kubernetes.io/hostname"),
        ({"matchExpressions": [{"key": "app", "operator": "NotIn", "values": ["b"]}]}, ""),
    ],
)
def test_a_term_without_a_selector_is_about_no_pod_and_one_with_an_empty_one_about_all(
    selector: dict[str, Any] | None, reason: str
) -> None:
    """core/v1, PodAffinityTerm: null matches no pods."""
    assert refusal(pod("a", "", spec=selecting(selector, "podAntiAffinity")), node("n"), pod("b", "n")) == reason
    elsewhere = Place(node("m"), [pod("b", "m")])
    wanted = pod("a", "", spec=selecting(selector, "podAffinity"))
    assert refusal(wanted, node("n"), others=(elsewhere,)) == reason.replace("anti-", "")


ZONES = {**SPREAD, "topologyKey": ZONE}


@pytest.mark.parametrize(
    ("constraint", "labels", "reason"),
    [
        (ZONES, {"app": "web"}, f"spread by {ZONE} would be uneven"),
        ({**ZONES, "maxSkew": 2}, {"app": "web"}, ""),
        ({**ZONES, "whenUnsatisfiable": "ScheduleAnyway"}, {"app": "web"}, ""),
        ({**ZONES, "whenUnsatisfiable": "DoNotSchedule"}, {"app": "web"}, f"spread by {ZONE} would be uneven"),
        # A pod that its own constraint does not count makes nothing uneven.
        (ZONES, {"app": "api"}, ""),
        ({**ZONES, "labelSelector": {}}, {"app": "api"}, f"spread by {ZONE} would be uneven"),
        ({**ZONES, "labelSelector": None}, {"app": "web"}, ""),
        ({**ZONES, "topologyKey": "rack"}, {"app": "web"}, "no label rack to spread by"),
    ],
)
def test_what_must_be_spread_counts_what_its_selector_takes(
    constraint: dict[str, Any], labels: dict[str, str], reason: str
) -> None:
    """As the scheduler does (PodTopologySpread), the pod itself among them."""
    wanted = pod("a", "", labels=labels, spec={"topologySpreadConstraints": [constraint]})
    other = Place(node("m", labels={ZONE: "two"}), [pod("c", "m", namespace="other", **WEB)])
    assert refusal(wanted, node("n", labels={ZONE: "one"}), pod("b", "n", **WEB), others=(other,)) == reason


@pytest.mark.parametrize(
    ("spec", "status"),
    [
        ({"unschedulable": True}, {}),
        ({}, {"conditions": [{"type": "Ready", "status": "Unknown"}]}),
        ({}, {"conditions": [{"type": "MemoryPressure", "status": "True"}]}),
        ({}, {"conditions": None}),
    ],
)
def test_a_node_that_is_closed_takes_nobody(spec: dict[str, Any], status: dict[str, Any]) -> None:
    """Whatever taints the pod tolerates, but for that of a cordon; one that says nothing of itself is not Ready."""
    there = node("w2")
    closed = {**there, "spec": {**there.get("spec", {}), **spec}, "status": {**there["status"], **status}}
    wanted = pod("a", "w1", spec={"tolerations": [{"operator": "Exists", "effect": "NoExecute"}]})
    (found,) = places(facts(nodes=(node("w1"), closed), pods=(wanted,), hosts=()))
    assert "w2: cordoned or not Ready" in found.reason


def test_a_volume_that_lies_on_another_node_holds_back() -> None:
    """A local volume, or a disk of another zone; one that lies anywhere does not."""
    wanted = pod("a", "", spec={"volumes": [{"name": "v", "persistentVolumeClaim": {"claimName": "data"}}]})
    place = Place(node("n", labels={ZONE: "one"}), [])
    for zone, reason in (("one", ""), ("two", "its volume data lies elsewhere")):
        terms = [{"matchExpressions": [{"key": ZONE, "operator": "In", "values": [zone]}]}]
        volume = {"spec": {"nodeAffinity": {"required": {"nodeSelectorTerms": terms}}}}
        assert why_not(wanted, place, [place], {("shop", "data"): volume}) == reason
    assert why_not(wanted, place, [place], {("shop", "data"): {"spec": {}}}) == ""
    assert why_not(wanted, place, [place], {}) == ""


def test_affinity_to_a_pod_elsewhere_holds_back() -> None:
    """The cache runs on another node."""
    elsewhere = Place(node("m"), [pod("cache", "m", labels={"app": "cache"})])
    assert refusal(pod("a", "", spec=together()), node("n"), others=(elsewhere,)) == "affinity by kubernetes.io/hostname"


def test_an_emptied_node_holds_back_what_must_be_spread_evenly() -> None:
    """Two replicas on two nodes, maxSkew 1: the drained node counts as empty, so the other may not have both."""
    web = [
        pod(name, on, labels={"app": "web"}, spec={"topologySpreadConstraints": [SPREAD]})
        for name, on in (("a", "w1"), ("b", "w2"))
    ]
    nodes = (node("w1"), node("w2"))
    found = list(places(facts(nodes=nodes, pods=tuple(web), hosts=())))
    assert [item.subject for item in found] == ["shop/a", "shop/b"]
    assert "would be uneven" in found[0].reason
    honor = {**SPREAD, "nodeTaintsPolicy": "Honor"}
    free = [{**item, "spec": {**item["spec"], "topologySpreadConstraints": [honor]}} for item in web]
    assert list(places(facts(nodes=nodes, pods=tuple(free), hosts=()))) == []


def test_a_hard_anti_affinity_needs_a_spare_node() -> None:
    """Three replicas that refuse each other on three nodes: none may move (D2); with a fourth node all may."""
    web = tuple(pod(f"web-{name}", name, labels={"app": "web"}, spec=apart()) for name in ("cp", "w1", "w2"))
    assert {item.subject for item in places(facts(pods=web))} == {"shop/web-cp", "shop/web-w1", "shop/web-w2"}
    nodes = (node("cp"), node("w1"), node("w2"), node("spare"))
    assert list(places(facts(pods=web, nodes=nodes))) == []


@pytest.mark.parametrize(
    ("toleration", "found"),
    [
        ({"operator": "Exists"}, 0),
        ({"key": "node.kubernetes.io/unschedulable", "operator": "Exists"}, 0),
        ({"operator": "Exists", "effect": "NoExecute"}, 2),
        ({"key": "node-role.kubernetes.io/control-plane", "operator": "Exists"}, 2),
    ],
)
def test_a_pod_that_tolerates_a_cordon_comes_back_to_its_node(toleration: dict[str, str], found: int) -> None:
    """Two replicas of an operator that refuse each other on two nodes, as Cilium's (cilium#28549, tetragon#3484): no run waits."""
    spec = {**apart(), "tolerations": [toleration]}
    pods = tuple(pod(f"web-{name}", name, labels={"app": "web"}, spec=spec) for name in ("w1", "w2"))
    assert len(list(places(facts(nodes=(node("w1"), node("w2")), pods=pods, hosts=())))) == found


def test_a_pod_that_is_made_for_its_node_needs_no_other() -> None:
    """As Longhorn's: its controller names the node, and no scheduler is asked."""
    manager = pod("manager", "w1", memory="3Gi", owner="InstanceManager")
    assert len(list(places(facts(nodes=(node("w1"), node("w2", memory="1Gi")), pods=(manager,), hosts=())))) == 1
    manager["metadata"]["ownerReferences"][0]["apiVersion"] = "longhorn.io/v1beta2"
    assert list(places(facts(nodes=(node("w1"), node("w2", memory="1Gi")), pods=(manager,), hosts=()))) == []


def test_room_is_used_up_by_those_that_came_before() -> None:
    """Two pods of 1.5 GiB from one node: the first takes the room that the second would need."""
    nodes = (node("w1", memory="4Gi"), node("w2", memory="2Gi"))
    pods = (pod("a", "w1", memory="1536Mi"), pod("b", "w1", memory="1536Mi"))
    found = list(places(facts(nodes=nodes, pods=pods, hosts=())))
    assert len(found) == 1


@pytest.mark.parametrize(
    ("text", "value"), [("250m", 0.25), ("2", 2), ("1Ki", 1024), ("1.5Gi", 1.5 * 2**30), ("1e3", 1000), ("5k", 5000)]
)
def test_quantities_are_read_as_the_api_writes_them(text: str, value: float) -> None:
    """Binary and decimal suffixes, thousandths, exponents."""
    assert amount(text) == pytest.approx(value)


@pytest.mark.parametrize(
    "spec",
    [
        {"initContainers": [{"name": "s", "restartPolicy": "Always", "resources": {"requests": {"memory": "2Gi"}}}]},
        {"resources": {"requests": {"memory": "3Gi"}}},
    ],
    ids=["sidecar", "request of the pod"],
)
def test_what_a_pod_asks_for_beside_its_containers_needs_room_too(spec: dict[str, Any]) -> None:
    """128 MiB of its container would fit."""
    pods = (pod("web", "w1", spec=spec), pod("db", "w2", memory="2Gi"))
    found = [item for item in places(facts(pods=pods, nodes=(node("w1"), node("w2")))) if item.subject == "shop/web"]
    assert ["not enough memory" in item.reason for item in found] == [True]
