"""Add-ons that kubeadm is told to leave."""

from __future__ import annotations

import json

import pytest

from migrator.nodes.hop.addons import addon_flags
from tests.support.facts import kubeadms_addons
from tests.support.hosts import FakeHost

COREDNS, _ = kubeadms_addons()


@pytest.mark.parametrize("version", ["1.31.9", "1.37.2"])
def test_only_a_kubeadm_with_phases_is_told(version: str) -> None:
    """One before 1.32 leaves what is not there by itself, and knows no such argument."""
    host = FakeHost(accepts=["test -e /etc/kubernetes/admin.conf"])
    host.answers["deployment/coredns"] = json.dumps({"items": [COREDNS]})
    flags, checks = addon_flags(host, version)
    assert (flags, checks) == ((["--skip-phases=addon/kube-proxy"], ()) if version == "1.37.2" else ([], ()))
