"""Pod ranges of a cluster are addresses before they reach a host's shell."""

from __future__ import annotations

import json

import pytest

from migrator.errors import MigratorError
from migrator.nodes.pod_network import pod_ranges
from tests.support.hosts import FakeHost


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
