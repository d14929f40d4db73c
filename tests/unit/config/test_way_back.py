"""What a rollback reads of migration.yaml first."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from migrator.config.way_back import load_way_back
from migrator.errors import ConfigError


def test_what_a_way_back_needs_is_read_whatever_else_is_wrong(tmp_path: Path) -> None:
    """A mistake in a hook must not keep traffic on green; one in how traffic goes is told."""
    path = tmp_path / "migration.yaml"
    haproxy = "{socket: s, backend: b, blue: [x], green: [y], stateFile: f}"
    path.write_text(f"name: shop\nhooks: much\nblue: 1\ntraffic: {{steps: [3], haproxy: {haproxy}}}\n")
    found = load_way_back(path)
    assert (found.name, [item.haproxy.green for item in found.switches if item.haproxy]) == ("shop", [("y",)])
    path.write_text(f"name: shop\ntraffic: {{haproxy: {haproxy.replace('socket', 'sokcet')}}}\n")
    with pytest.raises(ConfigError, match=r"migration.yaml:2: traffic.haproxy.sokcet: unknown key"):
        load_way_back(path)


@pytest.mark.parametrize("more", ["hooks: {}\nhooks: {}", 'probes: [{name: "\\0"}]'])
def test_what_is_wrong_with_the_yaml_elsewhere_waits_too(tmp_path: Path, more: str) -> None:
    """A key that stands there twice is a mistake of the whole file, but not of its traffic."""
    path = tmp_path / "migration.yaml"
    traffic = "traffic: {haproxy: {socket: s, backend: b, blue: [x], green: [y], stateFile: f}}\n"
    path.write_text(f"name: shop\n{traffic}{more}\n")
    assert load_way_back(path).name == "shop"
    path.write_text(f"name: shop\n{traffic}{traffic}")
    with pytest.raises(ConfigError, match=r"migration.yaml:3: traffic: is given twice"):
        load_way_back(path)


def test_it_imports_nothing_of_the_rest() -> None:
    """A rollback begins with it and with logins on hosts: the whole schema, the ports and the journal's records come later."""
    program = "import sys, migrator.config.way_back, migrator.wiring.switches, migrator.traffic.haproxy, migrator.ssh.session\n"
    program += "print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()
    late = ("migrator.config.schema", "migrator.config.stack", "migrator.ports", "migrator.journal", "migrator.kube", "kubernetes")
    assert [name for name in loaded if name.startswith(late)] == []
