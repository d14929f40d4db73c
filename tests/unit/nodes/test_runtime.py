"""The pause image that CRI-O holds pods with."""

from __future__ import annotations

import shlex

import pytest

from migrator.errors import MigratorError
from migrator.nodes.runtime import SandboxImage, image_flags
from tests.support.hosts import FakeHost
from tests.support.nodes import spec


def test_the_sandbox_image_is_the_one_that_this_kubeadm_names() -> None:
    """CRI-O is restarted with it; no other image of the list is taken."""
    host = FakeHost(accepts=["try-restart crio"])
    host.answers["config images list"] = "r/pauser:1\nr/etcd:3\nlocalhost:5000/pause:3.10\n"
    SandboxImage(spec()).run(host)
    assert host.files["/etc/crio/crio.conf.d/20-migrator.conf"] == '[crio.image]\npause_image = "localhost:5000/pause:3.10"\n'


def test_a_kubeadm_without_a_pause_image_is_an_error() -> None:
    """Nothing is written then."""
    host = FakeHost()
    host.answers["config images list"] = "r/etcd:3\n"
    with pytest.raises(MigratorError, match="names no pause image"):
        SandboxImage(spec()).run(host)
    assert host.files == {}


def test_a_registry_is_one_word_of_the_shell() -> None:
    """It comes from a stack's file; without one kubeadm takes its own."""
    flags = " ".join(image_flags(spec(image_repository="r; reboot")))
    assert shlex.split(flags) == ["--kubernetes-version=v1.37.2", "--image-repository=r; reboot"]
    assert image_flags(spec()) == ["--kubernetes-version=v1.37.2"]
