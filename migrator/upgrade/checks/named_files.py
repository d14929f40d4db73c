"""Files that flags of the control plane name: a program that cannot read one, or does not know what is in it, does not start."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from migrator.model.facts import HostReading, UpgradeFacts
from migrator.model.kubelet import arguments_of, gates_in
from migrator.model.named_files import ADMISSION, SETTINGS, NamedFile, files_of_cluster
from migrator.model.verdict import CheckName, Finding
from migrator.untrusted import printable
from migrator.upgrade.checks.finding import fail


class GoneVersion(NamedTuple):
    """A version of settings, and the first minor of Kubernetes whose programs do not read it."""

    version: str
    minor: int
    instead: str


GONE_VERSIONS = (
    GoneVersion("audit.k8s.io/v1alpha1", 24, "audit.k8s.io/v1"),
    GoneVersion("audit.k8s.io/v1beta1", 24, "audit.k8s.io/v1"),
    GoneVersion("kubescheduler.config.k8s.io/v1beta1", 23, "kubescheduler.config.k8s.io/v1"),
    GoneVersion("kubescheduler.config.k8s.io/v1beta2", 28, "kubescheduler.config.k8s.io/v1"),
    GoneVersion("kubescheduler.config.k8s.io/v1beta3", 29, "kubescheduler.config.k8s.io/v1"),
)
"""From the changelogs; every other version of settings for these programs is read by 1.37, too."""
# From this minor on the API server takes version 1 of the KMS protocol only with a feature gate (KEP-3299).
_NO_KMS_V1 = 29
# What is looked at as a certificate, or a kubeconfig, has a finding of its own.
_OTHER_CHECK = (".crt", ".conf")


def readable(facts: UpgradeFacts) -> Iterator[Finding]:
    """Find files that are not there, or are empty, as after a power cut: the program runs on without them until it is restarted."""
    for host in _asked(facts):
        seen: set[str] = set()
        for reading in host.named_files:
            path = reading.file.on_host
            if reading.there or path in seen or path in host.missing or path.endswith(_OTHER_CHECK):
                continue
            seen.add(path)
            reason = f"{printable(path)} is not there, or is empty: {_names(reading.file)} does not start again without it"
            hint = "put it back from another control plane or a backup, with the same owner and mode"
            yield fail(CheckName.MANIFESTS, host.name, reason, hint)


def known_versions(facts: UpgradeFacts) -> Iterator[Finding]:
    """Find settings of a version that the target's programs do not read, and those that hold none at all."""
    target = facts.hops[-1].target if facts.hops else facts.cluster.version
    for host in _asked(facts):
        gates = gates_in(arguments_of(host.manifests.get("kube-apiserver") or {}).get("--feature-gates", ""))
        for reading in host.named_files:
            path = printable(reading.file.on_host)
            for gone in (row for row in GONE_VERSIONS if row.version in reading.versions and row.minor <= target.minor):
                reason = f"{path} has settings of {gone.version}, which {reading.file.program} of {target} does not read"
                yield fail(CheckName.GATES, host.name, f"{reason}: it would not start", f"write it as {gone.instead} first")
            if reading.kms_v1 and target.minor >= _NO_KMS_V1 and not gates.get("KMSv1"):
                reason = f"{path} encrypts by a KMS plug-in of protocol v1, which kube-apiserver of {target} does not take"
                hint = "move to a plug-in of v2 first (kubernetes.io/docs/tasks/administer-cluster/kms-provider); or the gate KMSv1"
                yield fail(CheckName.GATES, host.name, f"{reason}: it would not start", hint)
            # An AdmissionConfiguration without a version is read in an old form.
            if reading.there and reading.file.flag in SETTINGS - {ADMISSION} and not reading.versions:
                reason = f"{path} has no apiVersion: {_names(reading.file)} does not start again with it"
                yield fail(CheckName.MANIFESTS, host.name, reason, "see whether it was cut off, and put it back")


def mounted(facts: UpgradeFacts) -> Iterator[Finding]:
    """Find extraArgs that name a file where no volume is: kubeadm writes the flag, and the program does not find the file."""
    for file in files_of_cluster(facts.cluster.cluster_config) if facts.hops else ():
        if not file.on_host and not any(name.startswith(file.program) for name in facts.patches):
            reason = f"extraArgs have {file.flag[2:]}: {printable(file.path)}, and no volume brings that file into {file.program}"
            hint = "add it to extraVolumes in ConfigMap kube-system/kubeadm-config, as the static pod of now has it"
            yield fail(CheckName.KUBEADM_CONFIG, f"kubeadm-config/{file.program}", f"{reason}: it would not start", hint)


def _names(file: NamedFile) -> str:
    return f"{file.program} ({file.flag})"


def _asked(facts: UpgradeFacts) -> Iterator[HostReading]:
    return (host for host in facts.hosts if not host.error)
