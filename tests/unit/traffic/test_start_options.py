"""What the Runtime API does not tell is read from its arguments and files; what cannot be read is not known."""

from __future__ import annotations

from pathlib import Path

import pytest

from migrator.traffic.machine import ThisMachine
from migrator.traffic.start_options import StartOptions, pins_ports, read_start_options


def process(tmp_path: Path, *arguments: str) -> Path:
    """Return a folder like /proc in which process 7 has these arguments and works in `tmp_path`."""
    folder = tmp_path / "proc" / "7"
    folder.mkdir(parents=True)
    (folder / "cmdline").write_bytes(b"".join(argument.encode() + b"\0" for argument in arguments))
    (folder / "cwd").symlink_to(tmp_path)
    return tmp_path / "proc"


def test_the_text_of_the_files_is_not_shown() -> None:
    """It may hold passwords (`userlist`)."""
    options = StartOptions(refuses_warnings=False, persistence="", config="user a insecure-password s3cret")
    assert "s3cret" not in repr(options)


@pytest.mark.parametrize(
    ("text", "refuses"),
    [("global\n  zero-warning\n", True), ("global\n  # zero-warning\n", False), ("global\n  maxconn 9\n", False)],
)
def test_a_file_tells(tmp_path: Path, text: str, *, refuses: bool) -> None:
    """A path that is not absolute begins where HAProxy was started."""
    (tmp_path / "haproxy.cfg").write_text(text)
    told = read_start_options(7, ThisMachine(process(tmp_path, "/usr/sbin/haproxy", "-Ws", "-f", "haproxy.cfg")))
    assert told == StartOptions(refuses_warnings=refuses, persistence="")


def test_every_file_of_a_folder_is_read(tmp_path: Path) -> None:
    """Those that HAProxy reads."""
    (tmp_path / "conf").mkdir()
    (tmp_path / "conf" / "a.cfg").write_text("global\n")
    (tmp_path / "conf" / "b.cfg").write_text("global\nzero-warning\n")
    assert read_start_options(7, ThisMachine(process(tmp_path, "haproxy", "-f", str(tmp_path / "conf")))) == StartOptions(
        refuses_warnings=True, persistence=""
    )


def test_an_argument_tells(tmp_path: Path) -> None:
    """-dW is the same."""
    (tmp_path / "a.cfg").write_text("global\n")
    assert read_start_options(7, ThisMachine(process(tmp_path, "haproxy", "-dW", "-f", str(tmp_path / "a.cfg")))) == StartOptions(
        refuses_warnings=True, persistence=""
    )


@pytest.mark.parametrize(
    ("line", "persistence"),
    [
        ("option persist", "option persist"),
        ("force-persist if admin", "force-persist"),
        ("option redispatch", ""),
        ("# option persist", ""),
    ],
)
def test_persistence_that_a_rollback_cannot_end_is_found(tmp_path: Path, line: str, persistence: str) -> None:
    """In any section."""
    (tmp_path / "a.cfg").write_text(f"backend shop\n    {line}\n")
    told = read_start_options(7, ThisMachine(process(tmp_path, "haproxy", "-f", "a.cfg")))
    assert told == StartOptions(refuses_warnings=False, persistence=persistence)


@pytest.mark.parametrize("arguments", [("haproxy", "-f", "gone.cfg"), ("haproxy",), ("bash", "-f", "a.cfg"), ("",)])
def test_what_cannot_be_read_is_not_known(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    """A file without permission, a process of another namespace under the same number, or none."""
    (tmp_path / "a.cfg").write_text("global\n")
    proc = process(tmp_path, *arguments)
    assert read_start_options(7, ThisMachine(proc)) is None
    assert read_start_options(8, ThisMachine(proc)) is None


@pytest.mark.parametrize(
    ("version", "options", "why"),
    [
        ("2.4.0-6cbbecf09", StartOptions(refuses_warnings=False, persistence=""), "is version 2.4"),
        ("2.5.1", StartOptions(refuses_warnings=False, persistence=""), ""),
        ("3.4.7-1", StartOptions(refuses_warnings=True, persistence=""), "may refuse to start with warnings (zero-warning)"),
        ("2.10", None, "may refuse to start with warnings (zero-warning)"),
        ("unheard of", StartOptions(refuses_warnings=False, persistence=""), ""),
    ],
)
def test_a_version_that_would_not_start_without_ports_gets_them(version: str, options: StartOptions | None, why: str) -> None:
    """HAProxy 2.4.0 takes the words in place of a port for a name that it must resolve."""
    assert pins_ports(f"Name: HAProxy\nVersion: {version}\nPid: 1\n\n", options) == why
