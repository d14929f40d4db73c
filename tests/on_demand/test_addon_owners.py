"""Add-ons made by the real engine, changed by an upgrade in place or a person, and then by the engine again."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from migrator.adapters.commands import run
from migrator.cluster.pod_networks import WEAVE, roll_weave
from migrator.config.stack import WeaveConfig
from migrator.kube.cluster import KubeCluster
from migrator.model.kinds import DAEMON_SETS
from migrator.model.manifest import Manifest
from migrator.testbed.binaries import Store
from migrator.testbed.planes import pair as bed
from migrator.testbed.planes.control_plane import ControlPlane, Recipe
from migrator.testbed.pulumi.engine import Engine, make_engine
from migrator.testbed.versions import GREEN
from tests.integration.conftest import store
from tests.support.project import ROOT
from tests.support.recorder import Recorder
from tests.support.stack_nodes import STACK

__all__ = ["store"]
SYSTEM = "kube-system"
PROGRAM = """
from pathlib import Path

import pulumi

from migrator.config.stack import load_stack
from migrator.provision.addons import install

here = Path(__file__).parent
of_hosts = {"IPTABLES_BACKEND": pulumi.Output.from_input("nft"), "WEAVE_NO_FASTDP": pulumi.Output.from_input("")}
kubeconfig = pulumi.Output.from_input((here / "kubeconfig").read_text())
install("green", load_stack(here / "stack.yaml"), kubeconfig, here / "deploy", of_hosts, pulumi.ResourceOptions())
"""


@pytest.fixture
def plane(tmp_path: Path, store: Store) -> Iterator[ControlPlane]:
    """Start an API server of its own."""
    made = bed.Testbed(tmp_path / "planes", store, lambda _: None)
    yield made.up((Recipe("green", GREEN, controllers=False),))["green"]
    made.down()


@pytest.fixture
def engine(tmp_path: Path, store: Store, plane: ControlPlane) -> Engine:
    """Return the engine with a program that has the add-ons of a stack and no hosts."""
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "Pulumi.yaml").write_text("{name: migrator, runtime: {name: python, options: {virtualenv: .venv}}}\n")
    (folder / "__main__.py").write_text(PROGRAM)
    (folder / ".venv").symlink_to(ROOT / ".venv")
    shutil.copytree(ROOT / "deploy", folder / "deploy")
    (folder / "kubeconfig").write_bytes(plane.kubeconfig.read_bytes())
    made = make_engine(store, folder, tmp_path / "pulumi")
    made.run("stack", "init", "green")
    return made


def up(engine: Engine, version: str) -> None:
    """Run `pulumi up` for a version of Weave Net."""
    settings = {**yaml.safe_load(STACK), "cni": "weave", "weave": {"version": version}}
    (engine.project / "stack.yaml").write_text(yaml.safe_dump({"config": {"migrator:cluster": settings}}))
    engine.run("up", "--yes", "--skip-preview", "--stack", "green")


def images(cluster: KubeCluster) -> set[str]:
    """Return the tags of the DaemonSet's images."""
    spec: Manifest = cluster.get(DAEMON_SETS, SYSTEM, WEAVE)["spec"]["template"]["spec"]
    return {item["image"].rpartition(":")[2] for item in (*spec["initContainers"], *spec["containers"])}


def test_the_engine_changes_what_an_upgrade_has_changed(engine: Engine, plane: ControlPlane) -> None:
    """`migrator upgrade` and a person with kubectl are managers of the image, too; the stack's file has the last word (pulumi-kubernetes#2352)."""
    cluster = plane.cluster(patience=30)
    up(engine, "2.8.9")
    assert images(cluster) == {"2.8.9"}
    assert roll_weave(cluster, WeaveConfig(version="2.9.0"), reporter=Recorder())
    up(engine, "2.9.0")
    assert images(cluster) == {"2.9.0"}
    assert roll_weave(cluster, WeaveConfig(version="2.9.1"), reporter=Recorder())
    # The stack's file was not changed after that upgrade, and now names a third version.
    up(engine, "2.9.2")
    assert images(cluster) == {"2.9.2"}


def test_the_engine_changes_a_role_that_a_person_has_changed(engine: Engine, plane: ControlPlane, store: Store) -> None:
    """What the next `up` brings holds, also where kubectl was the last to write."""
    up(engine, "2.9.0")
    kubectl: list[str | Path] = [store.kubernetes(GREEN, ("kubectl",))["kubectl"], f"--kubeconfig={plane.kubeconfig}", "-n", SYSTEM]
    less = json.dumps([{"op": "replace", "path": "/rules/0/verbs", "value": ["get"]}])
    run([*kubectl, "patch", "role", WEAVE, "--type=json", f"--patch={less}"])
    file = engine.project / "deploy/weave-net.yaml"
    file.write_text(file.read_text().replace("verbs: [get, update]", "verbs: [get, update, patch]"))
    up(engine, "2.9.0")
    found = json.loads(run([*kubectl, "get", "role", WEAVE, "-o", "json"]))
    assert found["rules"][0]["verbs"] == ["get", "update", "patch"]
