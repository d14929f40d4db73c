"""Files that flags of the control plane name."""

from __future__ import annotations

from typing import Any

import pytest

from migrator.model.named_files import FileReading, NamedFile
from migrator.upgrade.checks.table import check
from tests.support.facts import facts, findings, hop, hosts

CONFIG = {"apiVersion": "kubeadm.k8s.io/v1beta4"}
AUDIT = NamedFile("kube-apiserver", "--audit-policy-file", "/in/p.yaml", "/etc/k/p.yaml")
SCHEDULER = NamedFile("kube-scheduler", "--config", "/in/s.yaml", "/etc/k/s.yaml")
KEYS = NamedFile("kube-apiserver", "--encryption-provider-config", "/in/e.yaml", "/etc/k/e.yaml")
SIGNER = NamedFile("kube-apiserver", "--service-account-signing-key-file", "/pki/sa.key", "/pki/sa.key")
CERTIFICATE = NamedFile("kube-apiserver", "--client-ca-file", "/pki/ca.crt", "/pki/ca.crt")
GATE = {"kube-apiserver": {"spec": {"containers": [{"command": ["kube-apiserver", "--feature-gates=KMSv1=true"]}]}}}


@pytest.mark.parametrize(
    ("reading", "found"),
    [
        (FileReading(AUDIT, there=True, versions=("audit.k8s.io/v1",)), []),
        (FileReading(AUDIT, there=True, versions=("audit.k8s.io/v1beta1",)), [("gates", "write it as audit.k8s.io/v1 first")]),
        (FileReading(SCHEDULER, there=True, versions=("kubescheduler.config.k8s.io/v1beta3",)), [("gates", "kubescheduler")]),
        (FileReading(SCHEDULER, there=True, versions=("kubescheduler.config.k8s.io/v1",)), []),
        (FileReading(KEYS, there=True, versions=("apiserver.config.k8s.io/v1", "v2")), []),
        (FileReading(KEYS, there=True, versions=("apiserver.config.k8s.io/v1",), kms_v1=True), [("gates", "a plug-in of v2")]),
        (FileReading(AUDIT, there=True), [("manifests", "cut off")]),
        (FileReading(AUDIT, there=False), [("manifests", "put it back")]),
        (FileReading(SIGNER, there=True), []),
        (FileReading(SIGNER, there=False), [("manifests", "put it back")]),
        (FileReading(CERTIFICATE, there=False), []),
    ],
)
def test_a_file_with_which_a_program_does_not_start_again_is_found(reading: FileReading, found: list[tuple[str, str]]) -> None:
    """A certificate that is not there has a finding of its own (hwameistor#1476)."""
    items = findings(hosts=hosts(named_files=(reading,)), cluster_config=CONFIG)
    assert [item.check for item in items] == [name for name, _ in found]
    assert all(item.severity.value == "failure" for item in items)
    assert all(words in item.hint for item, (_, words) in zip(items, found, strict=True))


def test_kms_v1_is_taken_with_its_gate() -> None:
    """As long as there is one, which the target's kubelet tells."""
    reading = FileReading(KEYS, there=True, versions=("apiserver.config.k8s.io/v1",), kms_v1=True)
    found = findings("gates", hosts=hosts(named_files=(reading,), manifests=GATE), cluster_config=CONFIG)
    assert found == []


def test_a_version_goes_with_a_minor() -> None:
    """1.28 reads settings of the scheduler that 1.29 does not."""
    reading = FileReading(SCHEDULER, there=True, versions=("kubescheduler.config.k8s.io/v1beta3",))
    for target, count in (("1.28.4", 0), ("1.29.4", 1)):
        broken = facts(hosts=hosts(named_files=(reading,)), hops=(hop("1.27.3", target),), version="1.27.3")
        assert sum("does not read" in item.reason for item in check(broken)) == count


@pytest.mark.parametrize(
    ("more", "patches", "found"),
    [
        ({}, frozenset(), 1),
        ({"extraVolumes": [{"name": "a", "hostPath": "/etc/k", "mountPath": "/in"}]}, frozenset(), 0),
        ({}, frozenset({"kube-apiserver0+merge.yaml"}), 0),
        ({}, frozenset({"kube-scheduler.yaml"}), 1),
    ],
)
def test_a_flag_without_its_volume_is_found(more: dict[str, Any], patches: frozenset[str], found: int) -> None:
    """A person who moves an edit of the static pod into the cluster's settings forgets the half; a patch may bring it."""
    config = {**CONFIG, "apiServer": {"extraArgs": [{"name": "audit-policy-file", "value": "/in/p.yaml"}], **more}}
    items = findings("kubeadm-config", cluster_config=config, patches=patches)
    assert len(items) == found
    assert all("extraVolumes" in item.hint for item in items)
