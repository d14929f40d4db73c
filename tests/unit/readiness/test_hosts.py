"""What makes a host unfit: one set of limits for `pulumi up` and for an upgrade."""

from __future__ import annotations

import pytest

from migrator.model.host import HostFacts
from migrator.model.verdict import CheckName, Severity
from migrator.readiness import hosts


@pytest.mark.parametrize(("skew", "found"), [(0.0, []), (30.0, []), (-30.0, []), (31.0, ["+31 s"]), (-31.0, ["-31 s"])])
def test_a_clock_that_is_off_is_found_in_both_directions(skew: float, found: list[str]) -> None:
    """Half a minute is where certificates and leases begin to fail; how far and which way is told."""
    reasons = [item.reason for item in hosts.clock("a", HostFacts(skew=skew))]
    assert reasons == [f"its clock is {text} off this machine's" for text in found]


@pytest.mark.parametrize(("free", "found"), [(3000, 0), (2999, 1), (0, 1)])
def test_too_little_room_is_found(free: int, found: int) -> None:
    """With what is there, what is needed, and the caller's hint."""
    seen = list(hosts.disk("a", HostFacts(disk=free), hosts.NEW_NODE_MIB, "sweep"))
    assert [(item.check, item.subject, item.severity, item.hint) for item in seen] == [
        (CheckName.DISK, "a", Severity.FAILURE, "sweep")
    ] * found
    assert all(f"has {free} MiB free below /var/lib, 3000 are needed" == item.reason for item in seen)


@pytest.mark.parametrize(
    ("cgroup", "minor", "accepted", "severity"),
    [
        (1, 35, False, Severity.FAILURE),
        (1, 36, True, Severity.WARNING),
        (1, 34, False, None),
        (2, 36, False, None),
    ],
)
def test_cgroup_v1_is_found_where_kubelets_do_not_start_on_it(
    cgroup: int, minor: int, severity: Severity | None, *, accepted: bool
) -> None:
    """From 1.35 on (KEP-5573); a kubelet that is told to live with it is a warning."""
    found = list(hosts.cgroup("a", HostFacts(cgroup=cgroup), minor, accepted=accepted))
    assert [item.severity for item in found] == ([severity] if severity else [])
    assert all("systemd.unified_cgroup_hierarchy=1" in item.hint for item in found)


@pytest.mark.parametrize(
    ("one", "other", "same"), [("ab", "ab", True), ("AB", "a-b\n", True), ("ab", "ac", False), ("ab", "", False)]
)
def test_a_machine_is_known_by_its_id(one: str, other: str, *, same: bool) -> None:
    """In either way to write it; a host without one is not the node."""
    assert hosts.same_machine(one, other) is same


def test_a_node_that_has_not_told_its_machine_has_none() -> None:
    """Its kubelet does so a moment after it joins."""
    assert hosts.machine_of({"status": {"nodeInfo": {"machineID": "ab"}}}) == "ab"
    assert hosts.machine_of({"metadata": {}}) == ""


def test_two_machines_are_told_apart_in_words() -> None:
    """An empty id is said to be that, and a strange one cannot reach the terminal."""
    assert hosts.another_machine("", "ab").endswith("its machine-id is empty, the node's ab")
    assert "\x1b" not in hosts.another_machine("\x1b[2J", "ab")


@pytest.mark.parametrize(
    ("route", "strict", "words"),
    [
        ("10.244.3.0/24@cni0", False, ["has a route to 10.244.3.0/24 by cni0, and the cluster's pods get 10.244.0.0/16"]),
        ("10.244.0.0/16@eth1", False, ["has a route to 10.244.0.0/16 by eth1, and the cluster's pods get 10.244.0.0/16"]),
        ("10.0.0.0/8@wg0", False, []),
        ("10.0.0.0/8@wg0", True, ["has a route to 10.0.0.0/8 by wg0, and the cluster's pods get 10.244.0.0/16"]),
        ("10.100.1.0/24@eth1", False, ["has a route to 10.100.1.0/24 by eth1, and the cluster's Services get 10.96.0.0/12"]),
        ("192.168.1.0/24@eth0", True, []),
        ("unreachable@", True, []),
        ("fd00::/8@eth0", True, []),
    ],
)
def test_a_route_into_a_range_of_the_cluster_is_found(route: str, words: list[str], *, strict: bool) -> None:
    """Pods there could not be reached, or would hide the network; a wider route hides nothing, and only some networks mind it."""
    facts = HostFacts(routes=(route,))
    found = list(hosts.ranges("a", facts, "10.244.0.0/16", "10.96.0.0/12", strict=strict))
    assert [item.reason for item in found] == words
    assert list(hosts.ranges("a", HostFacts(routes=(route,), marked=True), "10.244.0.0/16", "10.96.0.0/12", strict=strict)) == []
