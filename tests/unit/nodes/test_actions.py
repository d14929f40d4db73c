"""The actions that make a host a node: which, and in which order."""

from __future__ import annotations

import pytest

from migrator.nodes.actions import actions
from migrator.nodes.kubeadm import Init, Join
from migrator.nodes.spec import ClusterSpec, NodeSpec
from migrator.nodes.system import Kernel
from tests.support.hosts import FakeHost
from tests.support.nodes import FIRST, WORKER, spec


def kinds(node: NodeSpec, cluster: ClusterSpec) -> list[str]:
    """Return the classes of a node's actions."""
    return [type(item).__name__ for item in actions(node, cluster, control_plane_host=FakeHost(), bridged=True)]


def test_a_host_is_prepared_before_it_joins() -> None:
    """Packages bring CRI-O and kubeadm; labels need a node."""
    assert kinds(WORKER, spec()) == [
        *(
            "SwapOff",
            "Kernel",
            "LinksLeftAlone",
            "Packages",
            "SandboxImage",
            "Service",
            "Join",
            "Marked",
            "KubeletSettings",
            "Service",
        ),
        "LabelsAndTaints",
    ]


def test_only_the_first_control_plane_is_initialised() -> None:
    """Every other node joins it."""
    other = NodeSpec("green-3", "10.0.0.3", "control-plane")
    for node, kind, absent in ((FIRST, Init, Join), (WORKER, Join, Init), (other, Join, Init)):
        found = actions(node, spec(), control_plane_host=FakeHost(), bridged=True)
        assert sum(isinstance(item, kind) for item in found) == 1
        assert not any(isinstance(item, absent) for item in found)


@pytest.mark.parametrize(("cni", "last"), [("bridge", "Ready"), ("weave", "LabelsAndTaints"), ("none", "LabelsAndTaints")])
def test_ready_is_waited_for_only_with_a_network_of_ours(cni: str, last: str) -> None:
    """One that comes as a workload makes nodes Ready after all are there."""
    assert kinds(WORKER, spec(cni=cni))[-1] == last
    assert ("PodNetwork" in kinds(WORKER, spec(cni=cni))) is (cni == "bridge")


def test_swap_stays_where_the_kubelet_is_told_to_live_with_it() -> None:
    """`failSwapOn: false` is the person's word; true, or nothing, turns swap off."""
    assert "SwapOff" not in kinds(WORKER, spec(kubelet={"failSwapOn": False}))
    assert "SwapOff" in kinds(WORKER, spec(kubelet={"failSwapOn": True}))


@pytest.mark.parametrize("bridged", [True, False])
def test_settings_of_br_netfilter_are_asked_only_of_a_kernel_that_has_it(bridged: bool) -> None:  # noqa: FBT001
    """Forwarding is needed always."""
    found = actions(WORKER, spec(), control_plane_host=FakeHost(), bridged=bridged)
    (kernel,) = (item for item in found if isinstance(item, Kernel))
    assert ("br_netfilter" in kernel.modules) is bridged
    assert ("net.bridge.bridge-nf-call-iptables", "1") in kernel.sysctls or not bridged
    assert any("bridge" in key for key, _ in kernel.sysctls) is bridged
    assert ("net.ipv4.ip_forward", "1") in kernel.sysctls
