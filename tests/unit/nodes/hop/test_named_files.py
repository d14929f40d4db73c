"""What a host tells of the files that flags name, read by a real shell."""

from __future__ import annotations

from pathlib import Path

import pytest

from migrator.model.facts import HostReading
from migrator.nodes.hop.named_files import with_named_files
from tests.support.facts import mounting_pod
from tests.support.shell_host import ShellHost

V2 = "kind: EncryptionConfiguration\napiVersion: apiserver.config.k8s.io/v1\nresources:\n- providers:\n  - kms:\n      apiVersion: v2\n"
V1 = "apiVersion: apiserver.config.k8s.io/v1\nresources:\n- providers:\n  - kms:\n      name: old\n  - aescbc: {keys: [{name: a, secret: aHVudGVyMg==}]}\n"
FLOW = '{"apiVersion": "apiserver.config.k8s.io/v1", "resources": [{"providers": [{"kms": {"name": "a", "apiVersion":"v1"}}]}]}'
ENCRYPTION = "apiserver.config.k8s.io/v1"


class Heard(ShellHost):
    """Keeps what it has said."""

    said = ""

    def run(self, command: str, *, stdin: bytes = b"", timeout: float = 120.0) -> str:
        """Run it in a real shell."""
        self.said += super().run(command, stdin=stdin, timeout=timeout)
        return self.said


def reading(flag: str) -> HostReading:
    """Return what was read of a control plane whose API server names a file."""
    return HostReading(
        "cp", "control-plane", manifests={"kube-apiserver": mounting_pod(f"--{flag}=/in/f.yaml", mounts={"/in": "/etc/k"})}
    )


@pytest.mark.parametrize(
    ("flag", "content", "there", "versions", "kms_v1"),
    [
        ("encryption-provider-config", V2, True, (ENCRYPTION, "v2"), False),
        ("encryption-provider-config", V1, True, (ENCRYPTION,), True),
        ("encryption-provider-config", FLOW, True, (ENCRYPTION, "v1"), True),
        ("encryption-provider-config", f"# - kms:\n{V2}", True, (ENCRYPTION, "v2"), False),
        ("audit-policy-file", "apiVersion: 'audit.k8s.io/v1beta1' # old\nkind: Policy", True, ("audit.k8s.io/v1beta1",), False),
        ("audit-policy-file", "", False, (), False),
        ("audit-policy-file", "\0\0\0\0", True, (), False),
        ("service-account-key-file", "apiVersion: none of its business", True, (), False),
    ],
    ids=["v2", "v1 by default", "on one line", "a comment", "quoted", "empty", "cut off", "no settings"],
)
def test_of_settings_only_versions_leave_the_host(
    tmp_path: Path, flag: str, content: str, versions: tuple[str, ...], *, there: bool, kms_v1: bool
) -> None:
    """Keys of encryption stand in them."""
    host = Heard(tmp_path)
    host.write("/etc/k/f.yaml", content.encode())
    (found,) = with_named_files(host, reading(flag), {}).named_files
    assert (found.there, found.versions, found.kms_v1) == (there, versions, kms_v1)
    assert "aHVudGVyMg" not in host.said


ADMISSION = """apiVersion: apiserver.config.k8s.io/v1
kind: AdmissionConfiguration
plugins:
- name: EventRateLimit
  path: limits.yaml
- name: ImagePolicyWebhook
  path: "/in/hooks/image.yaml"
- name: PodNodeSelector
  path: /elsewhere/in-the-image.yaml
- name: PodSecurity
  configuration: {apiVersion: pod-security.admission.config.k8s.io/v1, defaults: {enforce: baseline}}
"""


def test_files_of_single_admission_plugins_are_looked_for_too(tmp_path: Path) -> None:
    """Their paths begin at the folder of the settings that name them; one of the image is not the host's."""
    host = ShellHost(tmp_path)
    host.write("/etc/k/f.yaml", ADMISSION.encode())
    host.write("/etc/k/limits.yaml", b"apiVersion: eventratelimit.admission.k8s.io/v1alpha1\n")
    found = with_named_files(host, reading("admission-control-config-file"), {}).named_files
    assert [(item.file.path, item.file.on_host, item.there) for item in found] == [
        ("/in/f.yaml", "/etc/k/f.yaml", True),
        ("/in/limits.yaml", "/etc/k/limits.yaml", True),
        ("/in/hooks/image.yaml", "/etc/k/hooks/image.yaml", False),
    ]
    assert found[1].versions == ("eventratelimit.admission.k8s.io/v1alpha1",)


def test_a_file_that_is_not_there_or_is_a_folder_is_told(tmp_path: Path) -> None:
    """One that only the cluster's settings name is looked for, too, where a volume tells its place."""
    host = ShellHost(tmp_path)
    (tmp_path / "etc/k/f.yaml").mkdir(parents=True)
    volume = {"name": "x", "hostPath": "/etc/x", "mountPath": "/x"}
    config = {"scheduler": {"extraArgs": [{"name": "config", "value": "/x/s.yaml"}], "extraVolumes": [volume]}}
    found = with_named_files(host, reading("audit-policy-file"), config).named_files
    assert [(item.file.on_host, item.there) for item in found] == [("/etc/k/f.yaml", False), ("/etc/x/s.yaml", False)]


@pytest.mark.parametrize("config", [{"apiServer": {"extraArgs": 5}}, {}])
def test_a_host_without_such_files_is_not_asked(tmp_path: Path, config: dict[str, object]) -> None:
    """Settings of a strange form are told by another check."""
    before = HostReading("cp", "control-plane")
    assert with_named_files(ShellHost(tmp_path), before, config) is before
