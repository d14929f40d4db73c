"""Programs of the next version beside the installed ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from migrator.errors import MigratorError
from migrator.nodes.hop.staged import Staged, forget_staged
from migrator.nodes.packages import Packages
from tests.support.hosts import FakeHost
from tests.support.nodes import STAGED


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


def test_programs_of_other_versions_are_removed() -> None:
    """The folders of one version are kept."""
    host = FakeHost("cp", accepts=["find /var/lib/migrator"])
    forget_staged(host, "1.37.2")
    assert "-name 'kubernetes-*' ! -name 'kubernetes-1.37.2'" in host.commands[-1]
