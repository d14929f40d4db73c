"""Whether HAProxy refuses warnings is read from its arguments and files; what cannot be read is not known."""

from __future__ import annotations

from pathlib import Path

import pytest

from migrator.traffic.start_options import refuses_warnings


def process(tmp_path: Path, *arguments: str) -> Path:
    """Return a folder like /proc in which process 7 has these arguments and works in `tmp_path`."""
    folder = tmp_path / "proc" / "7"
    folder.mkdir(parents=True)
    (folder / "cmdline").write_bytes(b"".join(argument.encode() + b"\0" for argument in arguments))
    (folder / "cwd").symlink_to(tmp_path)
    return tmp_path / "proc"


@pytest.mark.parametrize(
    ("text", "refuses"),
    [("global\n  zero-warning\n", True), ("global\n  # zero-warning\n", False), ("global\n  maxconn 9\n", False)],
)
def test_a_file_tells(tmp_path: Path, text: str, *, refuses: bool) -> None:
    """A path that is not absolute begins where HAProxy was started."""
    (tmp_path / "haproxy.cfg").write_text(text)
    assert refuses_warnings(7, process(tmp_path, "/usr/sbin/haproxy", "-Ws", "-f", "haproxy.cfg")) is refuses


def test_every_file_of_a_folder_is_read(tmp_path: Path) -> None:
    """Those that HAProxy reads."""
    (tmp_path / "conf").mkdir()
    (tmp_path / "conf" / "a.cfg").write_text("global\n")
    (tmp_path / "conf" / "b.cfg").write_text("global\nzero-warning\n")
    assert refuses_warnings(7, process(tmp_path, "haproxy", "-f", str(tmp_path / "conf"))) is True


def test_an_argument_tells(tmp_path: Path) -> None:
    """-dW is the same."""
    (tmp_path / "a.cfg").write_text("global\n")
    assert refuses_warnings(7, process(tmp_path, "haproxy", "-dW", "-f", str(tmp_path / "a.cfg"))) is True


@pytest.mark.parametrize("arguments", [("haproxy", "-f", "gone.cfg"), ("haproxy",), ("bash", "-f", "a.cfg"), ("",)])
def test_what_cannot_be_read_is_not_known(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    """A file without permission, a process of another namespace under the same number, or none."""
    (tmp_path / "a.cfg").write_text("global\n")
    proc = process(tmp_path, *arguments)
    assert refuses_warnings(7, proc) is None
    assert refuses_warnings(8, proc) is None
