"""All nodes are waited for at once, and what each waits for is told while it does."""

from __future__ import annotations

import json
from typing import Any

import pytest

from migrator.errors import MigratorError
from migrator.nodes.await_ready import await_ready, is_ready, waits_for
from tests.support.hosts import FakeHost


def node(name: str, **conditions: str) -> dict[str, Any]:
    """Return a node's object."""
    found = [{"type": kind, "status": status, "message": f"{kind} message"} for kind, status in conditions.items()]
    return {"metadata": {"name": name}, "spec": {}, "status": {"conditions": found}}


def pod(name: str, *, host_network: bool = True, **status: Any) -> dict[str, Any]:
    """Return a pod of a node with one init container and one container."""
    spec = {
        "hostNetwork": host_network,
        "initContainers": [{"name": "init", "image": "weave-kube:2.9.0"}],
        "containers": [{"name": "weave", "image": "weave-kube:2.9.0"}],
    }
    return {"metadata": {"name": name, "namespace": "kube-system"}, "spec": spec, "status": {"phase": "Pending", **status}}


def init(state: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Return the status of a pod whose init container is in this state."""
    return {"initContainerStatuses": [{"name": "init", "state": state, **more}]}


def plane(items: list[dict[str, Any]], pods: list[dict[str, Any]]) -> FakeHost:
    """Return a control plane of a cluster with these nodes, each with these pods."""
    host = FakeHost("green-1")
    host.answers = {f"get node {item['metadata']['name']} ": json.dumps(item) for item in items}
    host.answers["get pods -A"] = json.dumps({"items": pods})
    return host


@pytest.mark.parametrize(
    ("conditions", "expected"),
    [
        ({"Ready": "True"}, True),
        ({"Ready": "False"}, False),
        ({"Ready": "Unknown"}, False),
        ({"Ready": "True", "NetworkUnavailable": "True"}, False),
        ({"Ready": "True", "NetworkUnavailable": "False"}, True),
        ({}, False),
    ],
)
def test_a_node_is_ready_by_its_own_condition_and_its_network_s(conditions: dict[str, str], expected: bool) -> None:  # noqa: FBT001
    """Unknown is what a node whose kubelet is silent has."""
    assert is_ready(node("a", **conditions)) is expected
    assert not is_ready({"metadata": {"name": "a"}})


def test_what_nodes_wait_for_is_told_once_each_time_it_changes() -> None:
    """And the wait ends when all are Ready; none is waited for alone."""
    host = plane([node("a", Ready="False"), node("b", Ready="True")], [pod("weave-1", **init({"running": {}}))])
    host.answers["logs weave-1 -c init"] = "no answer from the API server yet\n"

    def later(_: str) -> str:
        if host.clock.monotonic() > 100:
            return json.dumps(node("a", Ready="True"))
        if host.clock.monotonic() > 50:
            host.answers["get pods -A"] = json.dumps({"items": []})
        return json.dumps(node("a", Ready="False"))

    host.answers["get node a "] = later
    said: list[str] = []
    await_ready(["a", "b"], host, 1800, said.append)
    assert [text.partition(" s: ")[2] for text in said] == [
        "kube-system/weave-1: init container init runs, its last log lines: no answer from the API server yet",
        "Ready message",
    ]
    assert all(text.startswith("a waits after ") for text in said)


def test_time_that_is_up_names_what_every_late_node_waits_for() -> None:
    """With what to do; a node that the cluster does not know is one, too."""
    waits = {"waiting": {"reason": "ImagePullBackOff", "message": "Back-off pulling image"}}
    host = plane([node("a", Ready="False")], [pod("weave-1", **init(waits))])
    host.answers["get node b "] = ""
    with pytest.raises(MigratorError) as caught:
        await_ready(["a", "b"], host, 60, lambda _: None)
    assert caught.value.message.splitlines() == [
        "a is not Ready after 60 s: kube-system/weave-1: image weave-kube:2.9.0 of init container init: Back-off pulling image",
        "b is not Ready after 60 s: the cluster does not know it",
    ]
    assert "readyTimeout" in caught.value.hint


def test_an_image_that_is_being_pulled_is_told_by_the_pod_s_events() -> None:
    """Its container's state does not tell it from one that is about to start."""
    host = plane([node("a", Ready="False")], [pod("weave-1", **init({"waiting": {"reason": "PodInitializing"}}))])
    event = {
        "reason": "Pulling",
        "involvedObject": {"fieldPath": "spec.initContainers{init}"},
        "lastTimestamp": "2026-01-01T00:00:00Z",
    }
    host.answers["get events"] = json.dumps({"items": [event]})
    assert waits_for(host, "a") == "kube-system/weave-1: image weave-kube:2.9.0 is being pulled"
    host.answers["get events"] = json.dumps({"items": []})
    assert waits_for(host, "a") == "kube-system/weave-1: init container init is about to start"
    host.fails("get events")
    assert waits_for(host, "a") == "kube-system/weave-1: init container init is about to start"


def test_pods_that_wait_for_the_node_are_not_what_it_waits_for() -> None:
    """CoreDNS needs the pod network; a pod that is ready is waited for by nobody."""
    ready = pod("kube-proxy", conditions=[{"type": "Ready", "status": "True"}])
    host = plane([node("a", Ready="False")], [pod("coredns", host_network=False), ready])
    assert waits_for(host, "a") == "Ready message"
    host.fails("get pods -A", "forbidden")
    assert "its pods cannot be read" in waits_for(host, "a")


def test_last_words_are_short_and_names_are_words_of_the_shell() -> None:
    """Both come from the cluster; a password in an address is not shown."""
    host = plane([node("a", Ready="False")], [pod("x;reboot", **init({"terminated": {"exitCode": 1}}))])
    host.answers["logs"] = f"GET https://me:secret@10.96.0.1/ {'x' * 999}"
    text = waits_for(host, "a")
    assert "secret" not in text
    assert len(text) < 400
    assert "logs 'x;reboot' -c init" in host.commands[-1]
