"""What the manifests of the static pods are made of: kubeadm restarts nothing while it is the same; a real shell tells."""

from __future__ import annotations

from pathlib import Path

import pytest

from migrator.model.kubeadm import CONTROL_PLANE
from migrator.nodes.hop import made_of
from migrator.nodes.hop.kubeadm import PATCHES, forget_marks
from migrator.nodes.paths import MANIFESTS
from tests.support.shell_host import ShellHost

FLAG = "--emulated-version"
CONFIGURATION = "kubernetesVersion: v1.36.3\napiServer: {}\n"


def manifest(*flags: str) -> bytes:
    """Return a static pod."""
    return "".join(f"    - {flag}\n" for flag in ("--secure-port=6443", *flags)).encode()


@pytest.fixture
def host(tmp_path: Path) -> ShellHost:
    """Return a control plane of which it is remembered, and whose emulated version was raised since."""
    made = ShellHost(tmp_path)
    made.program("kubectl", '#!/bin/sh\ncat "$HOST/configuration"\n')
    made.write("/configuration", CONFIGURATION.encode())
    for component in CONTROL_PLANE:
        made.write(f"{MANIFESTS}/{component}.yaml", manifest(f"{FLAG}=1.36"))
    made_of.remember(made, "1.37.2", FLAG)
    for component in CONTROL_PLANE:
        made.write(f"{MANIFESTS}/{component}.yaml", manifest())
    return made


@pytest.mark.parametrize(
    ("path", "text", "same"),
    [
        ("/configuration", CONFIGURATION.replace("1.36.3", "1.37.2"), True),
        ("/configuration", CONFIGURATION + "scheduler: {}\n", False),
        ("/configuration", "", False),
        (f"{PATCHES}/etcd0+merge.yaml", "kept: true\n", False),
        (f"{MANIFESTS}/kube-scheduler.yaml", manifest("--v=4").decode(), False),
    ],
)
def test_it_is_the_same_until_something_was_changed(host: ShellHost, path: str, text: str, *, same: bool) -> None:
    """A soak may last hours, and kubeadm's second run would write what a person has changed meanwhile."""
    assert made_of.is_same(host, "1.37.2", FLAG)
    assert not made_of.is_same(host, "1.37.3", FLAG)
    host.write(path, text.encode())
    assert made_of.is_same(host, "1.37.2", FLAG) is same


def test_after_a_way_back_nothing_is_remembered(host: ShellHost) -> None:
    """The manifests are those of before."""
    forget_marks(host)
    assert not made_of.is_same(host, "1.37.2", FLAG)
