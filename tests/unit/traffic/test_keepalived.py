"""What is asked of a host that may hold an address, with a real shell and programs that stand for its own."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from migrator.config.address import KeepalivedHost
from migrator.errors import HostError, MigratorError, TrafficError
from migrator.testbed.waiting import wait
from migrator.traffic.keepalived import MAY, MAY_NOT, OverSsh
from tests.support.fake_vrrp import NOW
from tests.support.shell_host import ShellHost

_IP = """#!/bin/sh
case "$*" in
  *show*) [ -e "$HOST/has" ] && echo '2: eth0    inet 192.0.2.9/24 scope global secondary eth0' ;;
  *del*) echo "$*" >> "$HOST/deleted"; rm "$HOST/has" ;;
esac
exit 0
"""


@pytest.fixture
def host(tmp_path: Path) -> ShellHost:
    """Return a host without keepalived."""
    made = ShellHost(tmp_path)
    made.program("ip", _IP)
    return made


@pytest.fixture
def running(host: ShellHost, tmp_path: Path) -> Iterator[Path]:
    """Run a program of keepalived's name that writes its data when it is asked."""
    program = tmp_path / "keepalived"
    program.symlink_to("/bin/bash")
    data = tmp_path / "keepalived.data"
    script = f"trap 'cat {tmp_path}/said > {data}' USR1; echo > {tmp_path}/ready; while :; do read -t 1 < <(sleep 1) || :; done"
    environment = {"TMPDIR": str(tmp_path), "PATH": os.environ["PATH"]}
    child = subprocess.Popen([program, "-c", script], env=environment, start_new_session=True)
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "keepalived.pid").write_text(f"{child.pid}\n")
    (tmp_path / "said").write_text(NOW)
    host.program("nsenter", '#!/bin/sh\nshift\nexec "$@"\n')
    wait(lambda: (tmp_path / "ready").exists() or child.poll() is not None, lambda: MigratorError("it did not start"))
    yield tmp_path
    child.kill()
    child.wait()


def over(host: ShellHost) -> OverSsh:
    """Return what is tested."""
    config = KeepalivedHost.model_validate({"name": "b1", "ssh": {"address": "b1"}})
    return OverSsh(host, config, "192.0.2.9")


def test_a_host_without_keepalived_tells_what_it_has(host: ShellHost) -> None:
    """The kernel and the file know it."""
    one = over(host)
    seen = one.look()
    assert (seen.holds, seen.file, seen.vrrp, seen.trouble) == (False, None, None, "keepalived does not run")
    (host.root / "has").touch()
    assert one.write(MAY).holds
    assert host.path("/etc/keepalived/migrator").read_text() == "0\n"
    assert not one.write(MAY_NOT).holds
    assert (host.root / "deleted").read_text() == "address del 192.0.2.9/24 dev eth0\n"


@pytest.mark.usefixtures("running")
def test_a_running_keepalived_is_asked(host: ShellHost) -> None:
    """Its address stays: it takes that off itself; the file with its data, which may hold a password, is removed."""
    (host.root / "has").touch()
    seen = over(host).write(MAY_NOT, ask=True)
    assert (seen.holds, seen.file, seen.trouble) == (True, MAY_NOT, "")
    assert seen.vrrp is not None
    assert seen.vrrp.router == 51
    assert not (host.root / "keepalived.data").exists()


def test_passwords_do_not_leave_the_host(host: ShellHost, running: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of what keepalived writes, their line is left out."""
    said: list[str] = []
    run = ShellHost.run

    def listen(self: ShellHost, command: str, *, stdin: bytes = b"", timeout: float = 120.0) -> str:
        said.append(run(self, command, stdin=stdin, timeout=timeout))
        return said[-1]

    (running / "said").write_text(NOW.replace("   Advert interval", "   Password = s3cret\n   Advert interval"))
    monkeypatch.setattr(ShellHost, "run", listen)
    assert over(host).look().vrrp
    assert "s3cret" not in said[0]


def test_one_that_keeps_the_address_is_ended(host: ShellHost, running: Path) -> None:
    """And the address is taken off."""
    (running / "has").touch()
    over(host).end()
    assert over(host).look().trouble == "keepalived does not run"
    assert (running / "deleted").exists()


def test_a_wait_ends_with_its_time(host: ShellHost) -> None:
    """What is seen then is told."""
    assert not over(host).write_and_wait(MAY, holds=True, seconds=0.02).holds
    (host.root / "has").touch()
    assert over(host).write_and_wait(MAY, holds=True, seconds=30).holds


def test_a_file_that_cannot_be_written_is_told(host: ShellHost) -> None:
    """With its path."""
    host.path("/etc").mkdir()
    host.path("/etc/keepalived").write_text("no folder")
    with pytest.raises(TrafficError, match="/etc/keepalived/migrator cannot be written"):
        over(host).write(MAY)


def test_a_host_that_is_not_reached_is_an_error_of_traffic(host: ShellHost, monkeypatch: pytest.MonkeyPatch) -> None:
    """With its hint."""

    def lost(*_: object, **__: object) -> str:
        raise HostError("b1 at 192.0.2.1: no route to host", hint="is it on?")

    monkeypatch.setattr(ShellHost, "run", lost)
    with pytest.raises(TrafficError, match="no route") as caught:
        over(host).look()
    assert caught.value.hint == "is it on?"
