"""The pause image that CRI-O holds pods with."""

from __future__ import annotations

import shlex

import pytest
import yaml

from migrator.errors import MigratorError
from migrator.nodes.runtime import SandboxImage, image_flags, image_sources, list_images
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


def test_images_come_from_the_registries_of_the_cluster_s_own_configuration() -> None:
    """Those of CoreDNS and etcd have settings of their own, and pinned tags stay (kubeadm#2830)."""
    configuration = {
        "imageRepository": "10.0.0.9:5000",
        "dns": {"imageRepository": "10.0.0.9:5000/dns", "imageTag": "v1.12.0"},
        "etcd": {"local": {"imageTag": "3.5.21-0", "dataDir": "/data"}},
        "networking": {"podSubnet": "10.0.0.0/8"},
    }
    sources = image_sources(configuration)
    assert sources == {
        "imageRepository": "10.0.0.9:5000",
        "dns": {"imageRepository": "10.0.0.9:5000/dns", "imageTag": "v1.12.0"},
        "etcd": {"local": {"imageTag": "3.5.21-0"}},
    }
    host = FakeHost()
    host.answers["config images list --config /dev/stdin"] = "a\n"
    assert list_images(host, "kubeadm", spec(image_sources=sources, kubeadm={"dns": {"x": 1}, "apiServer": {}})) == ["a"]
    document = yaml.safe_load(host.given[0])
    assert (document["imageRepository"], document["dns"]["x"], document["kubernetesVersion"]) == ("10.0.0.9:5000", 1, "v1.37.2")
    assert "apiServer" not in document
    assert image_sources({}) == {}


def test_a_person_s_own_pause_image_stays() -> None:
    """Their registry may be the only one that the host reaches."""
    host = FakeHost(accepts=["pause_image"])
    assert SandboxImage(spec()).done(host)
    assert host.commands[0].startswith("grep")
