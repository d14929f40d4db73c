"""What real programs of the control plane say to settings of old versions, before they would start."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml

from migrator.testbed.binaries import Store
from migrator.testbed.versions import GREEN
from migrator.upgrade.checks.kubeadm import EXCLUSIVE_ARGUMENTS
from migrator.upgrade.checks.named_files import GONE_VERSIONS

pytestmark = pytest.mark.on_demand
KINDS = {"audit.k8s.io": "Policy", "kubescheduler.config.k8s.io": "KubeSchedulerConfiguration"}
KMS = {"kms": {"name": "old", "endpoint": "unix:///run/nobody"}}
# Where no etcd is: what is right so far ends there.
NOWHERE = ("--etcd-servers=http://127.0.0.1:1", "--authorization-mode=RBAC", "--service-account-issuer=https://nowhere")


@pytest.fixture(scope="module")
def programs(store: Store) -> dict[str, Path]:
    """Return the programs of the newer version."""
    return dict(store.kubernetes(GREEN, ("kube-apiserver", "kube-scheduler")))


def said(programs: dict[str, Path], folder: Path, flag: str, settings: Mapping[str, object]) -> str:
    """Return the words with which a program ends."""
    (folder / "settings.yaml").write_text(yaml.safe_dump(settings))
    key = folder / "key"
    subprocess.run(["openssl", "genrsa", "-out", key, "2048"], check=True, capture_output=True)
    more = [f"--service-account-{use}-file={key}" for use in ("key", "signing-key")]
    server = [
        programs["kube-apiserver"],
        *NOWHERE,
        *more,
        f"--cert-dir={folder}",
        "--bind-address=127.0.0.1",
        "--secure-port=16995",
    ]
    program = [programs["kube-scheduler"], "--secure-port=0"] if flag == "--config" else server
    command = [*map(str, program), f"{flag}={folder}/settings.yaml"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    return str(done.stderr).rpartition('"command failed"')[2]


@pytest.mark.parametrize("version", [row.version for row in GONE_VERSIONS])
def test_a_version_of_the_table_is_not_read(programs: dict[str, Path], tmp_path: Path, version: str) -> None:
    """The table says so; the program has the last word."""
    kind = KINDS[version.partition("/")[0]]
    flag = "--audit-policy-file" if kind == "Policy" else "--config"
    assert "no kind" in said(programs, tmp_path, flag, {"apiVersion": version, "kind": kind})


@pytest.mark.parametrize("instead", sorted({row.instead for row in GONE_VERSIONS if "kubescheduler" in row.instead}))
def test_what_the_table_says_to_write_is_read(programs: dict[str, Path], tmp_path: Path, instead: str) -> None:
    """It ends for want of a cluster, and not of a version."""
    words = said(programs, tmp_path, "--config", {"apiVersion": instead, "kind": KINDS[instead.partition("/")[0]]})
    assert "no configuration has been provided" in words


def test_kms_v1_is_not_taken(programs: dict[str, Path], tmp_path: Path) -> None:
    """Without an apiVersion a plug-in is of version 1."""
    resources = [{"resources": ["secrets"], "providers": [KMS]}]
    settings = {"apiVersion": "apiserver.config.k8s.io/v1", "kind": "EncryptionConfiguration", "resources": resources}
    assert "KMSv1 is deprecated" in said(programs, tmp_path, "--encryption-provider-config", settings)


def test_settings_of_authorizers_exclude_the_arguments_that_kubeadm_gives(programs: dict[str, Path], tmp_path: Path) -> None:
    """Both together stand in the table of arguments that exclude each other (k3s#12017)."""
    assert ("authorization-config", "authorization-mode") in EXCLUSIVE_ARGUMENTS
    settings = {
        "apiVersion": "apiserver.config.k8s.io/v1",
        "kind": "AuthorizationConfiguration",
        "authorizers": [{"type": "RBAC", "name": "rbac"}],
    }
    assert "can not be specified when --authorization-mode" in said(programs, tmp_path, "--authorization-config", settings)
