"""`migrator data`, on two real control planes and two hosts with real sshd, rsync and tar."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from migrator.model.manifest import get
from tests.support import trees
from tests.support.data_stand import BLUE_NODE, GREEN_NODE, local_volume, reached_by_ssh
from tests.support.objects import made
from tests.support.sandbox import Sandbox, one_line, until
from tests.support.trees import described
from tests.support.volume_hosts import VolumePair, volume_pair


@pytest.fixture
def hosts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[VolumePair]:
    """Make two hosts that the tool reaches."""
    with volume_pair() as pair:
        reached_by_ssh(pair, tmp_path, monkeypatch, blue=BLUE_NODE, green=GREEN_NODE)
        yield pair


def bound(cluster: Any) -> bool:
    """Return whether the claim of a cluster is bound."""
    return bool(get(cluster("PersistentVolumeClaim", "data"), "status", "phase") == "Bound")


@pytest.fixture
def shop(sandbox: Sandbox, hosts: VolumePair) -> tuple[Sandbox, Path, Path]:
    """Return a claim that is bound on both sides, with everything in blue's volume."""
    blue, green = hosts.volume("data", kind="ext4")
    trees.fill(blue)
    sandbox.configure(volumes={"hosts": {"blue": "b.yaml", "green": "g.yaml"}})
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}, "storageClassName": ""}
    sandbox.on_blue(
        local_volume(sandbox, f"{sandbox.namespace}-b", blue, BLUE_NODE), made("v1", "PersistentVolumeClaim", "data", spec=spec)
    )
    until(lambda: bound(sandbox.blue))
    assert sandbox.run("copy").code == 0
    sandbox.on_green(local_volume(sandbox, f"{sandbox.namespace}-g", green, GREEN_NODE))
    until(lambda: bound(sandbox.green))
    return sandbox, blue, green


def data_findings(sandbox: Sandbox) -> list[str]:
    """Return what validate says about the claim's data."""
    findings = sandbox.json("validate").document["findings"]
    return [item["reason"] for item in findings if item["check"] == "data"]


def test_a_volume_moves_is_proven_and_comes_back(shop: tuple[Sandbox, Path, Path], hosts: VolumePair) -> None:
    """The whole way, by the verbs: plan, copy, copy again, finish, validate, proof, back; and nothing is left on a host."""
    sandbox, blue, green = shop
    claim = f"{sandbox.namespace}/data"
    (planned,) = sandbox.run("data", "plan", "-o", "json").document
    assert (planned["claim"], planned["way"], planned["ready"], planned["fileSystem"]) == (claim, "copy", True, "ext4")
    assert data_findings(sandbox) == ["data is NOT copied: the claim had a volume on blue and is empty on green"]
    assert "was not copied yet" in one_line(sandbox.run("data", "finish", "--yes"))
    copied = sandbox.run("data", "copy")
    assert (copied.code, "both sides were equal" in copied.out) == (0, True)
    (blue / "written while it serves").write_bytes(b"new")
    finished = sandbox.run("data", "finish", "--yes")
    assert (finished.code, "blue and green are equal" in finished.out) == (0, True)
    assert described(green) == described(blue)
    assert data_findings(sandbox) == []
    (proof,) = (sandbox.journal.parent / "proofs").iterdir()
    verified = sandbox.run("proof", "verify", "--tree", str(green), str(proof))
    assert verified.code == 0
    (green / "written on green").write_bytes(b"newer")
    assert sandbox.run("data", "back", "--yes").code == 0
    assert (blue / "written on green").read_bytes() == b"newer"
    assert described(blue) == described(green)
    assert "blue has what green had" in sandbox.run("data", "status").out
    assert sandbox.run("data", "clean", "--yes").code == 0
    left = [
        path
        for host in (hosts.blue, hosts.green)
        for part in ("run", "lib", "log", "units")
        for path in (host.folder / part).iterdir()
    ]
    assert left == []


def test_a_claim_that_cannot_be_copied_says_why(shop: tuple[Sandbox, Path, Path], hosts: VolumePair) -> None:
    """A pod that uses it on green, hosts that no file names, a claim that does not exist: one line each, nothing changed."""
    sandbox, _, green = shop
    sandbox.configure()
    assert "volumes.hosts: is missing" in one_line(sandbox.run("data", "copy"))
    sandbox.configure(volumes={"hosts": {"blue": "b.yaml", "green": "g.yaml"}})
    containers = [{"name": "c", "image": "registry.example.com/a:1"}]
    volumes = [{"name": "v", "persistentVolumeClaim": {"claimName": "data"}}]
    sandbox.on_green(made("v1", "Pod", "early", spec={"containers": containers, "volumes": volumes}))
    result = sandbox.run("data", "copy")
    assert "pod early uses it on green" in result.err
    assert list(green.iterdir()) == [green / "lost+found"]
    assert "is named shop/x" in one_line(sandbox.run("data", "copy", "--claim", "shop/x"))
    assert (hosts.blue.units, hosts.green.units) == ([], [])
