"""Hosts of a cluster from a file."""

from __future__ import annotations

from pathlib import Path

import pytest

from migrator.config.hosts import load_hosts
from migrator.errors import ConfigError

_FILE = """
config:
  migrator:cluster:
    ssh: {user: pi, port: 2222}
    nodes:
    - {name: a, address: 10.0.0.1}
    - {name: b, address: 10.0.0.2, sshAddress: b.example.com, user: root, port: 22}
"""


def test_hosts_need_nothing_but_nodes_and_ssh(tmp_path: Path) -> None:
    """A cluster that this tool did not make has no versions and packages here; a whole stack file is read as well."""
    path = tmp_path / "blue.yaml"
    path.write_text(_FILE)
    logins = load_hosts(path).logins
    assert (logins["a"][0].user, logins["a"][0].port, logins["a"][1]) == ("pi", 2222, "10.0.0.1")
    assert (logins["b"][0].address, logins["b"][0].user, logins["b"][1]) == ("b.example.com", "root", "10.0.0.2")
    assert "green-1" in load_hosts(Path(__file__).parents[3] / "stacks/Pulumi.green.yaml").logins


def test_mistakes_are_told_with_their_lines(tmp_path: Path) -> None:
    """A file that is missing, too."""
    path = tmp_path / "blue.yaml"
    path.write_text(_FILE.replace("sshAddress", "sshAdress"))
    with pytest.raises(ConfigError, match=r"blue.yaml:7: nodes\[1\].sshAdress: unknown key, did you mean sshAddress"):
        load_hosts(path)
    with pytest.raises(ConfigError, match="no such file"):
        load_hosts(tmp_path / "none.yaml")
