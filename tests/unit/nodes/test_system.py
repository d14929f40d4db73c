"""Swap, kernel, units and files of a host."""

from __future__ import annotations

import hashlib
import subprocess
from pathlib import Path

import pytest

from migrator.nodes.system import RESTART_CRIO, File, Kernel, Service, SwapOff
from tests.support.hosts import FakeHost


def test_kernel_settings_outlive_a_boot() -> None:
    """They are written where systemd reads them, and put in force now."""
    board = FakeHost(accepts=["modprobe overlay", "sysctl -q -p /etc/sysctl.d/60-migrator.conf"])
    Kernel(("overlay",), (("net.ipv4.ip_forward", "1"),)).run(board)
    assert board.files["/etc/sysctl.d/60-migrator.conf"] == "net.ipv4.ip_forward = 1\n"
    assert board.files["/etc/modules-load.d/migrator.conf"] == "overlay\n"


def test_swap_lines_stay_as_comments() -> None:
    """A person finds them again."""
    board = FakeHost(accepts=["swapoff -a"])
    SwapOff().run(board)
    assert "s/^/# migrator: /" in board.commands[-1]


def test_a_file_is_done_when_its_content_is_the_same_to_the_byte() -> None:
    """The host compares a digest; the content does not travel."""
    digest = hashlib.sha256(b"a = 1\n").hexdigest()
    board = FakeHost(accepts=[f"echo '{digest}  /etc/a.conf' | sha256sum"])
    assert File("/etc/a.conf", "a = 1\n").done(board)
    board.fails("sha256sum")
    assert not File("/etc/a.conf", "a = 1\n").done(board)


def test_a_changed_file_has_its_line_run() -> None:
    """A CRI-O that does not run yet is started by its own action, and one that does is restarted alone."""
    board = FakeHost(accepts=["systemctl try-restart crio"])
    File("/etc/a.conf", "a", then=RESTART_CRIO, mode=0o600).run(board)
    assert (board.files, board.modes) == ({"/etc/a.conf": "a"}, {"/etc/a.conf": 0o600})
    order = [board.commands[-1].index(words) for words in ("KillMode=process", "daemon-reload", "try-restart crio")]
    assert order == sorted(order)


def test_a_file_without_a_unit_restarts_nothing() -> None:
    """Nothing is run on the host but the writing."""
    board = FakeHost()
    File("/etc/a.conf", "a").run(board)
    assert board.commands == []


def test_a_service_is_done_when_it_runs_now_and_after_a_boot() -> None:
    """One that was started by hand, but is not enabled, is not done."""
    board = FakeHost(accepts=["systemctl is-active -q crio && systemctl is-enabled -q crio"])
    assert Service("crio").done(board)
    board.fails("is-enabled -q crio")
    assert not Service("crio").done(board)


def test_a_unit_that_does_not_start_is_told_with_its_own_words() -> None:
    """Systemd itself says only where to look."""
    board = FakeHost(accepts=["systemctl daemon-reload && systemctl enable"])
    Service("crio").run(board)
    (command,) = board.commands
    assert command.startswith("systemctl daemon-reload && systemctl enable -q --now crio || {")
    assert "journalctl -u crio" in command
    assert "exit 1; }" in command


@pytest.mark.parametrize(
    ("module", "sign"),
    [
        ("overlay", "test -d /sys/module/overlay || grep -qw overlay /proc/filesystems"),
        ("br_netfilter", "test -d /sys/module/br_netfilter || test -d /proc/sys/net/bridge"),
        ("ip_vs", "test -d /sys/module/ip_vs || false"),
    ],
)
def test_a_module_that_is_built_in_counts_by_what_it_does(module: str, sign: str) -> None:
    """A kernel of a board may have it without a module."""
    board = FakeHost(accepts=["test -e /etc/sysctl.d/60-migrator.conf"])
    assert Kernel((module,), (("net.ipv4.ip_forward", "1"),)).done(board)
    (command,) = board.commands
    assert sign in command
    assert "grep -qx 1 /proc/sys/net/ipv4/ip_forward" in command


def _swap(fstab: str, tmp_path: Path) -> str:
    """Return fstab after its swap lines were commented out, as the shell of a host does."""
    board = FakeHost(accepts=["swapoff -a"])
    SwapOff().run(board)
    (tmp_path / "fstab").write_text(fstab)
    words = board.commands[0].partition(" /etc/fstab")[0]
    for _ in range(2):
        subprocess.run(["sh", "-c", f"{words} {tmp_path}/fstab"], check=True)
    return (tmp_path / "fstab").read_text()


@pytest.mark.parametrize(
    ("line", "is_swap"),
    [
        ("/dev/sda2 none swap defaults 0 0", True),
        ("UUID=abc\tnone\tswap\tsw\t0\t0", True),
        ("/swapfile swap swap defaults 0 0", True),
        ("# /dev/sda2 none swap defaults 0 0", False),
        ("/dev/sda1 /swap ext4 defaults 0 1", False),
        ("/dev/sda1 / ext4 defaults 0 1", False),
    ],
)
def test_only_lines_of_swap_become_comments_and_once(tmp_path: Path, line: str, *, is_swap: bool) -> None:
    """Another run does not comment them out again."""
    assert _swap(f"{line}\n", tmp_path) == (f"# migrator: {line}\n" if is_swap else f"{line}\n")
