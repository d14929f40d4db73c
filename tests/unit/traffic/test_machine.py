"""The files of this machine and of a host are one kind of thing."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from migrator.errors import CommandFailedError, HostError
from migrator.traffic.machine import Machine, RemoteMachine, ThisMachine
from tests.support.hosts import FakeHost
from tests.support.sandbox import until


class Shell(FakeHost):
    """A host whose commands this machine's shell runs."""

    def run(self, command: str, *, stdin: bytes = b"", timeout: float = 120.0) -> str:
        """Run a command."""
        done = subprocess.run(["sh", "-c", command], input=stdin, capture_output=True, timeout=timeout, check=False)
        if done.returncode:
            raise CommandFailedError(command, done.returncode, done.stderr.decode())
        return done.stdout.decode()

    def write(self, path: str, content: bytes, *, mode: int = 0o644) -> None:
        """Write a file."""
        Path(path).write_bytes(content)
        Path(path).chmod(mode)


@pytest.fixture(params=[ThisMachine, lambda: RemoteMachine(Shell())], ids=["here", "there"])
def machine(request: pytest.FixtureRequest) -> Machine:
    """Return one and the other."""
    made: Callable[[], Machine] = request.param
    return made()


def test_a_file_is_read_written_and_known_to_be_missing(machine: Machine, tmp_path: Path) -> None:
    """What is not there is told from what cannot be read."""
    path = str(tmp_path / "it's a file")
    with pytest.raises(FileNotFoundError):
        machine.read(path)
    machine.replace(path, b"1\n")
    assert machine.read(path) == b"1\n"
    assert machine.may_write(str(tmp_path))
    assert not machine.may_write("/proc/1/no such folder")
    with pytest.raises(OSError, match="directory"):
        machine.read(str(tmp_path))


def test_what_a_process_was_started_with_is_read(machine: Machine, tmp_path: Path) -> None:
    """Its arguments, and the files that `-f` names: of a folder those that HAProxy reads, from where it was started."""
    folder = tmp_path / "a folder"
    folder.mkdir()
    for name in ("b.cfg", "a.cfg", "c.txt"):
        (folder / name).write_text(f"{name}\n")
    (tmp_path / "main.cfg").write_text("main\n")
    command = ["sh", "-c", "read line", "haproxy", "-f", "a folder", "-db", "-f", str(tmp_path / "main.cfg")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, cwd=tmp_path) as child:
        until(lambda: b"haproxy" in Path(f"/proc/{child.pid}/cmdline").read_bytes())
        started = machine.started(child.pid)
        child.communicate(b"\n")
    assert (list(started.arguments), started.config.split()) == (command, ["a.cfg", "b.cfg", "main"])
    with pytest.raises(OSError, match="No such file"):
        machine.started(child.pid)


def test_all_words_after_two_dashes_are_files(machine: Machine, tmp_path: Path) -> None:
    """As HAProxy reads them (management guide, section 3)."""
    for name in ("a.cfg", "b.cfg", "-f"):
        (tmp_path / name).write_text(f"{name}\n")
    command = ["sh", "-c", "read line", "haproxy", "-f", "a.cfg", "-db", "--", "b.cfg", "./-f"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, cwd=tmp_path) as child:
        until(lambda: b"haproxy" in Path(f"/proc/{child.pid}/cmdline").read_bytes())
        started = machine.started(child.pid)
        child.communicate(b"\n")
    assert (started.config.split(), [Path(file).name for file in started.files]) == (
        ["a.cfg", "b.cfg", "-f"],
        ["a.cfg", "b.cfg", "-f"],
    )


def test_a_host_that_is_not_reached_is_an_error_of_its_files() -> None:
    """With its words, so that callers have one kind of error."""
    host = FakeHost()
    host.answers["/f"] = HostError("lb2 at 192.0.2.7: the connection was lost")
    with pytest.raises(OSError, match="connection was lost") as caught:
        RemoteMachine(host).read("/f")
    assert caught.value.strerror == "lb2 at 192.0.2.7: the connection was lost"
