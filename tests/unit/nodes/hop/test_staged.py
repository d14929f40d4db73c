"""Programs of the next version beside the installed ones."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from migrator.errors import MigratorError
from migrator.nodes.hop.staged import Staged, forget_copies, forget_staged
from migrator.nodes.packages import Packages
from tests.support.hosts import FakeHost
from tests.support.nodes import STAGED
from tests.support.shell_host import ShellHost


@pytest.mark.parametrize(("told", "done"), [("v1.37.2\n", True), ("v1.36.3\n", False), ("", False)])
def test_it_is_staged_when_kubeadm_says_this_version(told: str, done: bool) -> None:  # noqa: FBT001
    """A program that cannot run, or is another one, is brought again."""
    host = FakeHost("cp")
    host.answers[f"{STAGED.kubeadm} version -o short"] = told
    assert STAGED.done(host) is done


def test_a_package_that_is_not_whole_is_told_before_it_is_installed(tmp_path: Path) -> None:
    """Kubeadm is taken out of it first: that fails."""
    (tmp_path / "kubernetes-1.37.2-1-aarch64.pkg.tar.zst").write_bytes(b"half")
    host = FakeHost("cp")
    host.answers["uname -m"] = "aarch64"
    host.accepts("mkdir -p /var/cache/migrator", "sha256sum --check")
    host.fails("tar --zstd", "zstd: unexpected end of file")
    with pytest.raises(MigratorError, match="not a whole package"):
        Staged(Packages({"kubernetes": "1.37.2"}, str(tmp_path))).run(host)


def test_the_programs_get_their_folder_once_they_are_whole(tmp_path: Path) -> None:
    """They are taken out of the package beside it, and nothing is installed."""
    (tmp_path / "kubernetes-1.37.2-1-aarch64.pkg.tar.zst").write_bytes(b"package")
    host = FakeHost("cp", accepts=["mkdir -p /var/cache/migrator", "sha256sum --check", "tar --zstd"])
    host.answers["uname -m"] = "aarch64"
    Staged(Packages({"kubernetes": "1.37.2"}, str(tmp_path))).run(host)
    assert host.commands[-1].endswith(f"mv {STAGED.folder}.partial {STAGED.folder}")
    assert "usr/bin/kubeadm usr/bin/kubelet" in host.commands[-1]
    assert not any("pacman" in command for command in host.commands)


def test_programs_that_are_there_are_not_brought_again() -> None:
    """The host is asked, and nothing else."""
    host = FakeHost("cp")
    host.answers[f"{STAGED.kubeadm} version -o short"] = "v1.37.2"
    STAGED.bring(host)
    assert len(host.commands) == 1


def test_programs_of_other_versions_are_removed(tmp_path: Path) -> None:
    """Those of hops that are left are kept; half ones go, other folders stay."""
    host = ShellHost(tmp_path)
    for name in ("kubernetes-1.36.3", "kubernetes-1.37.2", "kubernetes-1.37.2.partial", "snapshots"):
        host.write(f"/var/lib/migrator/{name}/file", b"")
    forget_staged(host, ["1.37.2"])
    assert sorted(path.name for path in host.path("/var/lib/migrator").iterdir()) == ["kubernetes-1.37.2", "snapshots"]
    forget_staged(host, [])
    assert [path.name for path in host.path("/var/lib/migrator").iterdir()] == ["snapshots"]


def test_of_kubeadm_s_copies_the_newest_stays(tmp_path: Path) -> None:
    """Each upgrade adds one of etcd's whole data; what is not kubeadm's is not touched."""
    host = ShellHost(tmp_path)
    for age, name in enumerate(
        ("kubeadm-backup-etcd-3", "kubeadm-backup-etcd-2", "kubeadm-backup-etcd-1", "kubeadm-backup-manifests-1", "mine")
    ):
        host.write(f"/etc/kubernetes/tmp/{name}/file", b"")
        os.utime(host.path(f"/etc/kubernetes/tmp/{name}"), (1000 - age, 1000 - age))
    forget_copies(host)
    left = sorted(path.name for path in host.path("/etc/kubernetes/tmp").iterdir())
    assert left == ["kubeadm-backup-etcd-3", "kubeadm-backup-manifests-1", "mine"]


def test_a_host_without_leftovers_is_no_error(tmp_path: Path) -> None:
    """Neither folder is there; the first one is made by the first hop."""
    host = ShellHost(tmp_path)
    host.path("/var/lib/migrator").mkdir(parents=True)
    forget_staged(host, [])
    forget_copies(host)
    assert not host.path("/etc/kubernetes").exists()
