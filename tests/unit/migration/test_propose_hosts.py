"""The file of hosts that `init` proposes."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from migrator.config.hosts import load_hosts
from migrator.errors import ConfigError
from migrator.migration.propose_hosts import propose_hosts
from migrator.model.manifest import Manifest
from tests.support.objects import made


def node(name: str, *addresses: tuple[str, str]) -> Manifest:
    """Return a node with addresses of these types."""
    return made("v1", "Node", name, status={"addresses": [{"type": kind, "address": text} for kind, text in addresses]})


def test_the_file_is_one_that_the_copy_of_data_takes(tmp_path: Path) -> None:
    """The address by which the cluster reaches a node, another one as a comment; a node without one is a comment."""
    path = tmp_path / "hosts.blue.yaml"
    nodes = [
        node("b2", ("InternalIP", "10.0.0.2"), ("ExternalIP", "203.0.113.2")),
        node("b1", ("Hostname", "b1"), ("InternalIP", "10.0.0.1")),
        node("b3", ("ExternalIP", "203.0.113.3")),
        node("b4", ("Hostname", "b4")),
    ]
    path.write_text(propose_hosts("blue", nodes))
    found = {name: (login.user, address) for name, (login, address) in load_hosts(path).logins.items()}
    assert found == {"b1": ("root", "10.0.0.1"), "b2": ("root", "10.0.0.2"), "b3": ("root", "203.0.113.3")}
    assert "# also ExternalIP 203.0.113.2" in path.read_text()
    assert "# - {name: b4" in path.read_text()


def test_a_cluster_whose_nodes_report_nothing_gets_a_file_that_says_so(tmp_path: Path) -> None:
    """The copy then says that nodes are missing, and no more."""
    path = tmp_path / "hosts.yaml"
    path.write_text(propose_hosts("blue", [node("b")]))
    with pytest.raises(ConfigError, match="nodes"):
        load_hosts(path)


@given(name=st.text(max_size=30), address=st.text(max_size=30))
def test_no_text_of_a_node_adds_anything_to_the_file(name: str, address: str) -> None:
    """What cannot be a host's name or address stays a comment."""
    text = propose_hosts("blue", [node("good", ("InternalIP", "10.0.0.1")), node(name, ("InternalIP", address))])
    lines = [line for line in text.splitlines() if line.lstrip().startswith("- ")]
    assert (
        lines[0].strip() == '- {name: "good", address: "10.0.0.1"}' or lines[-1].strip() == '- {name: "good", address: "10.0.0.1"}'
    )
    assert len(lines) <= 2
