"""Swap, kernel, units and files of a host."""

from __future__ import annotations

import hashlib

from migrator.nodes.system import File, Kernel, Service, SwapOff
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


def test_a_changed_file_restarts_only_a_unit_that_runs() -> None:
    """One that does not run yet is started by its own action."""
    board = FakeHost(accepts=["systemctl daemon-reload; systemctl try-restart crio"])
    File("/etc/a.conf", "a", restart="crio", mode=0o600).run(board)
    assert (board.files, board.modes) == ({"/etc/a.conf": "a"}, {"/etc/a.conf": 0o600})
    assert board.commands[-1].endswith("try-restart crio")


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
