"""Pods' own network: a node's range, and routes to those of the others."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from migrator.errors import MigratorError
from migrator.nodes.pod_network import PodNetwork, Routes, forget_routes, pod_ranges
from tests.support.hosts import FakeHost
from tests.support.nodes import WORKER
from tests.support.shell_host import ShellHost

CONFLIST = "/etc/cni/net.d/10-migrator.conflist"


def plane(**spec: Any) -> FakeHost:
    """Return a control plane of a cluster without kube-proxy; green-2 has this spec."""
    host = FakeHost("green-1", accepts=["get daemonset kube-proxy", "wait --for=jsonpath"])
    host.answers["get node green-2"] = json.dumps({"metadata": {"name": "green-2"}, "spec": spec})
    return host


@pytest.mark.parametrize(("bridged", "plugin"), [(True, "bridge"), (False, "ptp")])
def test_pods_get_addresses_of_the_range_that_the_cluster_gave_the_node(bridged: bool, plugin: str) -> None:  # noqa: FBT001
    """Without br_netfilter each pod has a link of its own, so that packets meet the rules of Services."""
    host = FakeHost("green-2", accepts=["test -d /proc/sys/net/bridge"] if bridged else [])
    if not bridged:
        host.fails("test -d /proc/sys/net/bridge")
    PodNetwork(WORKER, plane(podCIDR="10.244.1.0/24")).run(host)
    main = json.loads(host.files[CONFLIST])["plugins"][0]
    assert main["type"] == plugin
    # The bridge itself has the gateway's address; of a pair of links each host's end has it by itself.
    assert main.get("isGateway") is (True if bridged else None)
    assert main["ipMasq"] is True
    assert main["ipam"]["ranges"] == [[{"subnet": "10.244.1.0/24", "gateway": "10.244.1.1"}]]


def test_rules_of_services_are_waited_for_where_kube_proxy_makes_them() -> None:
    """Before them a pod asks in vain."""
    host, control_plane_host = FakeHost("green-2", accepts=["test -d /proc", "grep -q KUBE-SVC"]), plane(podCIDR="10.244.1.0/24")
    control_plane_host.answers["get daemonset kube-proxy"] = "daemonset.apps/kube-proxy\n"
    PodNetwork(WORKER, control_plane_host).run(host)
    assert "KUBE-SVC" in host.commands[0]
    assert CONFLIST in host.files


def test_a_node_without_a_range_is_an_error_after_it_was_waited_for() -> None:
    """The range of all pods may be used up."""
    control_plane_host = plane()
    with pytest.raises(MigratorError, match="green-2 was given no range") as caught:
        PodNetwork(WORKER, control_plane_host).run(FakeHost("green-2"))
    assert "podSubnet" in caught.value.hint
    assert any("wait --for=jsonpath" in command for command in control_plane_host.commands)


def test_routes_are_a_unit_that_brings_them_back_after_a_boot() -> None:
    """They are in force at once, and what the unit of before would set meanwhile is not among them."""
    host = FakeHost(accepts=["ip route del", "systemctl restart migrator-routes"])
    Routes({"10.244.2.0/24": "10.0.0.3", "10.244.1.0/24": "10.0.0.2"}).run(host)
    lines = [line for line in host.files["/etc/systemd/system/migrator-routes.service"].splitlines() if "ExecStart" in line]
    assert lines[:2] == [
        "ExecStartPre=/usr/bin/ip route replace 10.244.1.0/24 via 10.0.0.2",
        "ExecStartPre=/usr/bin/ip route replace 10.244.2.0/24 via 10.0.0.3",
    ]
    assert host.commands[0].startswith("systemctl stop migrator-routes")
    assert "systemctl enable -q migrator-routes" in host.commands[-1]


def test_routes_that_go_with_a_link_come_back(tmp_path: Path) -> None:
    """The kernel drops them with the link's last address, as networkd has it while a switch is away (systemd#26721)."""
    host = ShellHost(tmp_path)
    Routes({"10.244.1.0/24": "10.0.0.2", "10.244.2.0/24": "10.0.0.3"})._unit.run(host)
    text = host.path("/etc/systemd/system/migrator-routes.service").read_text()
    again = re.search(r"^ExecStart=/usr/bin/(sh -c .*)$", text, re.MULTILINE)
    assert again
    host.program("sleep", '#!/bin/sh\ntest ! -e "$HOST/asked"\n')  # one look, and the end
    host.program("ip", '#!/bin/sh\necho "$*" >> "$HOST/asked"\nexit 2\n')
    host.ok(again[1])
    assert (tmp_path / "asked").read_text().splitlines() == [
        "route replace 10.244.1.0/24 via 10.0.0.2",
        "route replace 10.244.2.0/24 via 10.0.0.3",
    ]


@pytest.mark.parametrize("line", ["ExecStart", "ExecStartPre"])
def test_the_routes_of_a_unit_are_taken_away_by_it(tmp_path: Path, line: str) -> None:
    """Also by that of 0.1.0; those to keep are left in force."""
    host = ShellHost(tmp_path)
    listed = "".join(f"{line}=/usr/bin/ip route replace 10.244.{number}.0/24 via 10.0.0.{number}\n" for number in (1, 2))
    host.write("/etc/systemd/system/migrator-routes.service", f"[Service]\n{listed}".encode())
    host.program("ip", '#!/bin/sh\necho "$*" >> "$HOST/asked"\n')
    host.run(forget_routes(["10.244.1.0/24 via 10.0.0.1"]))
    assert (tmp_path / "asked").read_text() == "route del 10.244.2.0/24 via 10.0.0.2\n"


def test_routes_that_are_written_and_not_in_force_are_not_done() -> None:
    """Somebody may have taken one away, or ended the unit."""
    host, routes = FakeHost(accepts=["sha256sum --check", "ip route show"]), Routes({"10.244.1.0/24": "10.0.0.2"})
    assert routes.done(host)
    assert "is-active -q migrator-routes.service && ip route show 10.244.1.0/24" in host.commands[-1]
    host.fails("ip route show 10.244.1.0/24")
    assert not routes.done(host)


def test_a_single_node_needs_no_route() -> None:
    """The unit still starts."""
    host = FakeHost(accepts=["ip route del", "systemctl restart migrator-routes", "sha256sum --check", "is-active"])
    Routes({}).run(host)
    assert "do true; done" in host.files["/etc/systemd/system/migrator-routes.service"]
    assert Routes({}).done(host)


def test_ranges_of_nodes_that_have_none_yet_are_left_out() -> None:
    """So are nodes whose kubelet has not told an address."""
    host, addresses = FakeHost(), [{"type": "InternalIP", "address": "10.0.0.1"}]
    nodes = [
        {"spec": {"podCIDR": "10.244.0.0/24"}, "status": {"addresses": addresses}},
        {"spec": {}, "status": {"addresses": addresses}},
        {"spec": {"podCIDR": "10.244.1.0/24"}},
    ]
    host.answers["get nodes"] = json.dumps({"items": nodes})
    assert pod_ranges(host) == {"10.244.0.0/24": "10.0.0.1"}


def asked(pods: str, address: str = "10.0.0.1") -> FakeHost:
    """Return a control plane whose one node has this range and address."""
    host = FakeHost("cp")
    node = {
        "spec": {"podCIDR": pods},
        "status": {"addresses": [{"type": "InternalIP", "address": address}]},
        "metadata": {"name": "w"},
    }
    host.answers["get nodes"] = json.dumps({"items": [node]})
    return host


def test_a_range_is_returned_with_the_address_of_its_node() -> None:
    """Both as the cluster has them."""
    assert pod_ranges(asked("10.244.1.0/24")) == {"10.244.1.0/24": "10.0.0.1"}


@pytest.mark.parametrize(
    ("pods", "address"),
    [
        ("10.244.1.0/24; id;", "10.0.0.1"),
        ("10.244.1.0/24\nExecStart=/bin/sh -c 'id >/pwned'", "10.0.0.1"),
        ("10.244.1.0/24", "10.0.0.1$(id)"),
    ],
)
def test_what_is_no_range_is_refused(pods: str, address: str) -> None:
    """A hostile API server adds no line to a unit and no command to a shell."""
    with pytest.raises(MigratorError, match="is none"):
        pod_ranges(asked(pods, address))
