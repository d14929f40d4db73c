"""Who writes to folders of hosts is told: what lies there stays on blue's."""

from __future__ import annotations

from typing import Any

import pytest

from migrator.model.manifest import Manifest
from migrator.rules.host_folders import written
from tests.support.objects import deployment


def with_folder(path: str, *, read_only: bool = False, kind: str = "", **volume: Any) -> Manifest:
    """Return a Deployment that mounts a folder of its host."""
    manifest = deployment("shop")
    spec = manifest["spec"]["template"]["spec"]
    spec["volumes"] = [volume or {"name": "v", "hostPath": {"path": path, **({"type": kind} if kind else {})}}]
    spec["containers"][0]["volumeMounts"] = [{"name": "v", "mountPath": "/data", **({"readOnly": True} if read_only else {})}]
    return manifest


@pytest.mark.parametrize("path", ["/data/shop", "/srv", "/var/lib/mysql", "/etcetera", "/mnt/../data"])
def test_a_folder_with_data_is_told(path: str) -> None:
    """By its path."""
    assert f"folder {path} of its host" in written(with_folder(path), "Deployment.apps")


@pytest.mark.parametrize(
    "manifest",
    [
        with_folder("/etc/localtime"),
        with_folder("/var/run/docker.sock", kind="Socket"),
        with_folder("/run/containerd/containerd.sock"),
        with_folder("/data", read_only=True),
        with_folder("/dev/kvm/x"),
        with_folder("/srv/socket", kind="Socket"),
        with_folder("/"),
        with_folder("", name="v", emptyDir={}),
        deployment("shop"),
    ],
)
def test_what_every_host_has_and_what_is_read_is_not(manifest: Manifest) -> None:
    """Nor is what is no folder."""
    assert not written(manifest, "Deployment.apps")


def test_a_daemon_set_is_for_its_hosts() -> None:
    """What it writes there is of its node, as a rule."""
    assert not written(with_folder("/data/shop"), "DaemonSet.apps")
