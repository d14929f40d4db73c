"""What kubeadm takes for an endpoint and for ranges of addresses."""

from __future__ import annotations

from typing import Any

import pytest

from migrator.config.ranges import endpoint, require_kubeadms, require_room


@pytest.mark.parametrize("text", ["10.0.0.100:6443", "api.home.arpa:6443", "api:1", "k8s-1.example:65535"])
def test_an_endpoint_is_an_address_or_a_name_and_a_port(text: str) -> None:
    """As kubeadm reads controlPlaneEndpoint."""
    assert endpoint(text) == text


@pytest.mark.parametrize("text", ["10.0.0.100", ":6443", "api:0", "api:65536", "https://api:6443", "-api:6443", "api_1:6443"])
def test_what_is_no_endpoint_is_refused_with_an_example(text: str) -> None:
    """It would end in a traceback, or in kubeadm's own words after hosts were changed."""
    with pytest.raises(ValueError, match=r"such as 10\.0\.0\.100:6443"):
        endpoint(text)


@pytest.mark.parametrize(("services", "taken"), [("10.0.0.0/11", False), ("10.96.0.0/12", True), ("10.96.0.0/28", True)])
def test_a_range_of_services_has_the_size_that_kubeadm_takes(services: str, *, taken: bool) -> None:
    """Not more than 20 bits (kubernetes#95723)."""
    if taken:
        require_kubeadms(services)
        return
    with pytest.raises(ValueError, match="/12 to /28"):
        require_kubeadms(services)


@pytest.mark.parametrize(
    ("pods", "mask", "nodes"),
    [("10.244.0.0/25", "", 1), ("10.244.0.0/24", "", 2), ("10.244.0.0/23", "", 3), ("10.244.0.0/24", "25", 3)],
)
def test_a_range_of_pods_that_is_too_small_is_told_with_what_each_node_gets(pods: str, mask: str, nodes: int) -> None:
    """A node without a range never becomes Ready (kubeadm#2327)."""
    arguments: dict[str, Any] = {"node-cidr-mask-size": mask} if mask else {}
    with pytest.raises(ValueError, match=f"no room for a /{mask or 24} for each of {nodes} nodes"):
        require_room(pods, {"controllerManager": {"extraArgs": arguments}}, nodes)
    require_room("10.244.0.0/16", {"controllerManager": {"extraArgs": arguments}}, nodes)
